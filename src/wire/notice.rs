//! What a device says which lists it holds (docs/protocol.md §17.4).

use alloc::vec::Vec;

use crate::wire::codec::{DecodeError, Reader};
use crate::wire::content_parts::NOTICE_LENGTH;

/// Which list of a person somebody holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Belief {
    /// 0 if none is held.
    pub(crate) version: u32,
    /// Zeros if none is held.
    pub(crate) digest: [u8; 32],
}

impl Belief {
    /// No list.
    pub(crate) const NONE: Self = Self { version: 0, digest: [0; 32] };

    /// Whether who believes this lacks what `held` is: it is newer, or another of the same version.
    pub(crate) fn lacks(&self, held: &Self) -> bool {
        self.version < held.version || (self.version == held.version && self.digest != held.digest)
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { version: reader.u32()?, digest: *reader.array()? })
    }

    fn write(&self, out: &mut Vec<u8>) {
        let Self { version, digest } = self;
        out.extend_from_slice(&version.to_be_bytes());
        out.extend_from_slice(digest);
    }
}

/// A notice.
///
/// ```text
/// | own version: 4 | own digest: 32 | their version: 4 | their digest: 32 |
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// Of the sender's person.
    pub(crate) own: Belief,
    /// Of the receiver's.
    pub(crate) their: Belief,
}

impl Notice {
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(bytes);
        let notice = Self { own: Belief::read(&mut reader)?, their: Belief::read(&mut reader)? };
        reader.finish()?;
        Ok(notice)
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let Self { own, their } = self;
        let mut bytes = Vec::with_capacity(NOTICE_LENGTH);
        own.write(&mut bytes);
        their.write(&mut bytes);
        bytes
    }

    /// As the other side would say the same.
    pub(crate) fn swapped(&self) -> Self {
        Self { own: self.their, their: self.own }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::known_answers::{self, Fields};

    #[test]
    fn vectors_notices_come_back() {
        let mut count = 0;
        for case in known_answers::devices_section("parts") {
            for part in case["parts"].as_array().unwrap() {
                if [2, 3].contains(&part.number("type")) {
                    let bytes = part.bytes("bytes");
                    let notice = Notice::decode(&bytes).unwrap();
                    assert_eq!(notice.encode(), bytes);
                    assert_eq!(notice.swapped().encode(), [&bytes[36..], &bytes[..36]].concat());
                    assert_eq!(Notice::decode(&bytes[1..]), Err(DecodeError::Malformed));
                    count += 1;
                }
            }
        }
        assert!(count > 0);
    }
}
