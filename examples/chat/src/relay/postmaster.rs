//! The postmaster marks what is delivered, so that its recipient can report it. It reads nothing and stores nothing.

use evanesce::Timestamp;
use evanesce::report::{Commitment, ServerKey};
use sha2::{Digest, Sha256};

use crate::delivery::{Delivery, Sender};
use crate::name::Name;
use crate::request::Mark;

/// Before the key, in the hash that names it.
const LABEL: &[u8] = b"chat server key";

pub struct Postmaster {
    key: ServerKey,
    id: [u8; 8],
}

impl Postmaster {
    pub fn new(secret: &[u8; 32]) -> Self {
        let hash = Sha256::new_with_prefix(LABEL).chain_update(secret).finalize();
        let mut id = [0; 8];
        id.iter_mut().zip(hash).for_each(|(out, byte)| *out = byte);
        Self { key: ServerKey::new(secret), id }
    }

    #[cfg(test)]
    pub fn key(&self) -> &ServerKey {
        &self.key
    }

    /// The mark of a letter that is delivered now. What is no message gets none.
    pub fn mark(&self, recipient: &Name, message: &[u8], now: Timestamp) -> Option<Mark> {
        let commitment = Commitment::of(message).ok()?;
        let (recipient, unix_seconds) = (recipient.clone(), now.unix_seconds());
        let sender = Sender::Hidden;
        let delivery = Delivery { recipient, unix_seconds, server_key: self.id, sender };
        let context = delivery.encode();
        let postmark = self.key.postmark(&commitment, &context).ok()?;
        Some(Mark { context, postmark })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_message_gets_no_mark_and_the_name_of_a_key_tells_nothing_of_it() {
        let postmaster = Postmaster::new(&[7; 32]);
        let now = Timestamp::from_unix_seconds(1_800_000_000);
        assert!(postmaster.mark(&Name::new("bob").unwrap(), b"noise", now).is_none());
        assert_ne!(postmaster.id, [7; 8]);
        assert_ne!(postmaster.id, Postmaster::new(&[8; 32]).id);
    }
}
