//! A machine that stops after so many writes, and how its messages' keys are told apart.

/// How often something that lasts may still happen before the machine stops.
pub struct Power {
    pub left: usize,
    pub used: usize,
    pub stops: usize,
}

/// The machine has stopped: what is in memory is gone.
#[derive(Debug)]
pub struct Stopped;

impl Power {
    pub fn write(&mut self) -> Result<(), Stopped> {
        let Some(left) = self.left.checked_sub(1) else {
            self.stops += 1;
            return Err(Stopped);
        };
        (self.left, self.used) = (left, self.used + 1);
        Ok(())
    }
}

/// The sealed header of a message, of which no two may be the same; what stands before it depends on the kind and the suite.
pub fn sealed_header(message: &[u8]) -> &[u8] {
    let start = match (message[0], message[1], message[6]) {
        (0x11, 1, 0) => 184,
        (0x11, 1, 1) => 188,
        (0x11, 2, 0) => 184 + 1_568,
        (0x11, 2, 1) => 188 + 1_568,
        (0x12, ..) => 1,
        _ => panic!("neither an initial nor an ordinary message"),
    };
    &message[start..start + 56]
}
