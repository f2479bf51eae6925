//! Which handshakes without a one-time prekey have been accepted.

use alloc::collections::BTreeSet;

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
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
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
}
