//! What hides a message's place in the conversation.

use crate::crypto::aead::{SivKey, TAG_LENGTH};
use crate::crypto::secret::Secret;
use crate::stored::{StateWriter, Stored, stored};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::header::{HEADER_LENGTH, Header, SEALED_HEADER_LENGTH};
use crate::wire::suite::Suite;

/// A chain's header key (HK), or that of the chain after it (NHK).
#[derive(Debug)]
pub(crate) struct HeaderKey(Secret<32>);

impl HeaderKey {
    pub(crate) fn new(key: Secret<32>) -> Self {
        Self(key)
    }

    // Double Ratchet §4.2, HENCRYPT(hk, plaintext):
    //   SIV(hk, ad = empty, header)
    /// Seals a header. None repeats under one key, unless a sender was rolled back.
    pub(crate) fn seal(&self, header: &Header) -> [u8; SEALED_HEADER_LENGTH] {
        let mut sealed = [0; SEALED_HEADER_LENGTH];
        let (text, tag) = sealed.split_at_mut(HEADER_LENGTH);
        text.copy_from_slice(&header.encode());
        tag.copy_from_slice(&SivKey::new(&self.0).seal(text, &[]));
        sealed
    }

    // Double Ratchet §4.2, HDECRYPT(hk, ciphertext)
    /// Opens a header; `None` if it is sealed under another key. What opens is decoded at once: a
    /// header that opens and is malformed is not tried under another key.
    pub(crate) fn open(
        &self,
        sealed: &[u8; SEALED_HEADER_LENGTH],
        suite: Suite,
    ) -> Option<Result<Header, DecodeError>> {
        let (text, tag) = sealed.split_last_chunk::<TAG_LENGTH>()?;
        let mut header = *text.first_chunk::<HEADER_LENGTH>()?;
        SivKey::new(&self.0).open(&mut header, tag, &[])?;
        Some(Header::decode(&header, suite))
    }
}

stored!(HeaderKey(_));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::dh::DhPublicKey;
    use crate::known_answers::{self, Fields};

    #[test]
    fn vectors_header() {
        let classical = known_answers::section("header").into_iter();
        let hybrid = known_answers::hybrid_section("header").into_iter();
        let all = classical.map(|case| (case, Suite::Classical));
        for (case, suite) in all.chain(hybrid.map(|case| (case, Suite::Hybrid))) {
            let number = |name: &str| u32::try_from(case.number(name)).unwrap();
            let header = Header {
                ratchet_key: DhPublicKey::decode(&case.array("dh_public")).unwrap(),
                previous_length: number("pn"),
                number: number("n"),
                mixed: (suite == Suite::Hybrid).then(|| number("pq")),
            };
            let key = HeaderKey(case.secret("hk"));
            assert_eq!(header.encode(), case.array("header"));
            assert_eq!(key.seal(&header), case.array("sealed_header"));
            assert_eq!(key.open(&case.array("sealed_header"), suite), Some(Ok(header)));
            let other = HeaderKey(Secret::filled_by(|out| *out = [1; 32]));
            assert_eq!(other.open(&case.array("sealed_header"), suite), None);
        }
    }
}
