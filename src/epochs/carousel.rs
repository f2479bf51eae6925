//! How far we are with sending a string round and round.

use crate::stored::{StateWriter, Stored};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::control::{Load, Room, unheard_limit};

/// Where we are in a string of `COUNT` fragments (k), and how many of them go unanswered.
#[derive(Debug)]
pub(crate) struct Carousel<const COUNT: u8> {
    /// The number of the fragment that is next (pos).
    position: u8,
    /// How many went out since the peer last began a chain (unheard). Not counted above the limit from which it
    /// makes no difference.
    unheard: u8,
}

impl<const COUNT: u8> Carousel<COUNT> {
    pub(crate) fn new() -> Self {
        const { assert!(COUNT <= 64, "two rounds are counted in a byte") };
        Self { position: 0, unheard: 0 }
    }

    pub(crate) fn position(&self) -> u8 {
        self.position
    }

    /// What the next message carries.
    pub(crate) fn load(&self, room: Room) -> Load {
        room.filled(COUNT, u32::from(self.unheard))
    }

    /// So many have gone out: `COUNT` at most.
    pub(crate) fn advance(&mut self, count: u8) {
        let position = self.position.saturating_add(count);
        self.position = position.checked_sub(COUNT).unwrap_or(position);
        self.unheard = self.unheard.saturating_add(count).min(unheard_limit(COUNT));
    }

    /// The peer has begun a chain: it is there.
    pub(crate) fn hear(&mut self) {
        self.unheard = 0;
    }

    fn is_sound(&self) -> bool {
        self.position < COUNT && self.unheard <= unheard_limit(COUNT)
    }
}

impl<const COUNT: u8> Stored for Carousel<COUNT> {
    fn write(&self, out: &mut StateWriter) {
        let Self { position, unheard } = self;
        position.write(out);
        unheard.write(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let carousel = Self { position: Stored::read(reader)?, unheard: Stored::read(reader)? };
        if carousel.is_sound() { Ok(carousel) } else { Err(DecodeError::Malformed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_round_and_slows_down_until_the_peer_is_heard() {
        let room = Room::before(2).unwrap();
        let mut carousel = Carousel::<37>::new();
        let mut sent = 0;
        for _ in 0..6 {
            assert_eq!((carousel.position(), carousel.load(room).count), (sent % 37, 7));
            carousel.advance(7);
            sent += 7;
        }
        for _ in 0..300 {
            assert_eq!(carousel.load(room).count, 1);
            carousel.advance(1);
        }
        assert_eq!(usize::from(carousel.position()), (42 + 300) % 37);
        carousel.hear();
        assert_eq!(carousel.load(room).count, 7);
        carousel.advance(37);
        assert_eq!(usize::from(carousel.position()), (42 + 300) % 37);
    }

    #[test]
    fn a_stored_place_outside_the_string_is_malformed() {
        let read = |bytes: &[u8]| Carousel::<37>::read(&mut Reader::new(bytes));
        assert!(read(&[36, 41]).is_ok());
        assert!(read(&[37, 0]).is_err());
        assert!(read(&[0, 42]).is_err());
        assert!(read(&[0]).is_err());
    }
}
