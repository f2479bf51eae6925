//! Which handshakes without a one-time prekey have been accepted.

use alloc::collections::BTreeSet;
use alloc::vec::Vec;

use crate::stored::{StateWriter, Stored};
use crate::wire::codec::{DecodeError, Reader};

/// How many handshakes one signed prekey accepts without a one-time prekey. It bounds what strangers
/// can make a device remember.
pub(crate) const MAX_RECORDED: usize = 1_024;

/// From here on maintenance makes a new signed prekey, so that the record does not fill up.
const NEARLY_FULL: usize = MAX_RECORDED / 4 * 3;

/// The session ids of the handshakes that one signed prekey accepted without a one-time prekey.
///
/// Such a handshake can be sent again by whoever carried it. The record fails closed: it never
/// forgets one, and refuses further ones when it is full (docs/protocol.md §4).
#[derive(Debug, Default)]
pub(crate) struct ReplayRecord(BTreeSet<[u8; 32]>);

/// Why a handshake without a one-time prekey is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ReplayError {
    /// It was accepted before.
    Replayed,
    /// It may be new, but there is no room to remember it.
    Full,
}

impl ReplayRecord {
    /// Whether a handshake may be accepted. A repeated one is known even when the record is full.
    pub(crate) fn check(&self, session_id: &[u8; 32]) -> Result<(), ReplayError> {
        if self.0.contains(session_id) {
            Err(ReplayError::Replayed)
        } else if self.0.len() >= MAX_RECORDED {
            Err(ReplayError::Full)
        } else {
            Ok(())
        }
    }

    pub(crate) fn remember(&mut self, session_id: [u8; 32]) {
        self.0.insert(session_id);
    }

    pub(crate) fn is_nearly_full(&self) -> bool {
        self.0.len() >= NEARLY_FULL
    }
}

/// Stored as the ids in ascending order.
impl Stored for ReplayRecord {
    fn write(&self, out: &mut StateWriter) {
        out.put_count(self.0.len());
        self.0.iter().for_each(|session_id| session_id.write(out));
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let session_ids = Vec::<[u8; 32]>::read(reader)?;
        let in_order = session_ids.is_sorted_by(|id, next| id < next);
        if in_order && session_ids.len() <= MAX_RECORDED {
            Ok(Self(session_ids.into_iter().collect()))
        } else {
            Err(DecodeError::Malformed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: usize) -> [u8; 32] {
        let mut id = [0; 32];
        id[..8].copy_from_slice(&u64::try_from(number).unwrap().to_be_bytes());
        id
    }

    #[test]
    fn a_full_record_refuses_and_still_knows_what_it_has_seen() {
        let mut record = ReplayRecord::default();
        for number in 0..MAX_RECORDED {
            assert_eq!(record.is_nearly_full(), number >= 768);
            assert_eq!(record.check(&id(number)), Ok(()));
            record.remember(id(number));
            assert_eq!(record.check(&id(number)), Err(ReplayError::Replayed));
        }
        assert_eq!(record.check(&id(MAX_RECORDED)), Err(ReplayError::Full));
        assert_eq!(record.check(&id(0)), Err(ReplayError::Replayed));
    }

    #[test]
    fn a_stored_record_is_in_order_and_no_longer_than_it_can_be() {
        let read = |ids: &[[u8; 32]]| {
            let mut out = StateWriter::new();
            out.put_count(ids.len());
            ids.iter().for_each(|id| id.write(&mut out));
            ReplayRecord::read(&mut Reader::new(&out.into_bytes())).map(|record| record.0.len())
        };
        let ids: Vec<_> = (0..=MAX_RECORDED).map(id).collect();
        assert_eq!(read(&ids[..MAX_RECORDED]), Ok(MAX_RECORDED));
        assert_eq!(read(&ids), Err(DecodeError::Malformed));
        assert_eq!(read(&[id(1), id(1)]), Err(DecodeError::Malformed));
        assert_eq!(read(&[id(2), id(1)]), Err(DecodeError::Malformed));
    }
}
