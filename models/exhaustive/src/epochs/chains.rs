//! Which chains a side has begun and followed. By that alone it can be told whether a session lives on: a device that
//! was put back lives if the peer has followed none of its later sending steps (docs/protocol.md §5.8, §5.11).

/// By what their ratchet keys were drawn with.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct Chains {
    step_is_due: bool,
    begun: Vec<u8>,
    followed: Vec<u8>,
}

impl Chains {
    pub fn initiator() -> Self {
        Self { step_is_due: true, begun: Vec::new(), followed: Vec::new() }
    }

    pub fn responder() -> Self {
        Self { step_is_due: false, ..Self::initiator() }
    }

    /// The chain that the next message is in. With this draw it begins, if it does.
    pub fn speak(&mut self, draw: u8) -> u8 {
        if std::mem::take(&mut self.step_is_due) {
            self.begun.push(draw);
        }
        *self.begun.last().expect("nobody speaks before it is its turn")
    }

    /// A message of this chain has opened.
    pub fn hear(&mut self, chain: u8) {
        if !self.followed.contains(&chain) {
            self.followed.push(chain);
            self.step_is_due = true;
        }
    }

    /// Whether each has begun what the other one follows.
    pub fn live_on([ours, theirs]: [&Self; 2]) -> bool {
        let has_begun = |side: &Self, chain: &u8| side.begun.contains(chain);
        ours.followed.last().is_none_or(|chain| has_begun(theirs, chain))
            && theirs.followed.last().is_none_or(|chain| has_begun(ours, chain))
    }
}
