//! Session: a message from its measure to its seal.

use rand_core::CryptoRng;

use crate::session::encrypting::{Content, EncryptError, SealedMessage};
use crate::session::one_conversation::Session;
use crate::wire::content_parts::ContentParts;
use crate::wire::payload::Payload;

impl Session {
    /// What a payload behind parts became, and the message of it; asks for an epoch before, unless there is an error.
    pub(crate) fn encrypt_content<'payload>(
        &mut self,
        parts: &'payload ContentParts,
        payload: &'payload Payload,
        ad: &[u8],
        asks_for_epoch: bool,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(Content<'payload>, SealedMessage), EncryptError> {
        self.ratchet.check_sending()?;
        let content = Content::measure(parts, payload, self.suite())?;
        let begins_chain = self.begins_chain();
        let (sealed_header, message_key) = self.ratchet.send(self.healing.to_send(), rng)?;
        if asks_for_epoch {
            self.healing.request();
        }
        if begins_chain {
            self.healing.sending_step(self.id(), rng);
        }
        let content = self.healing.send(content);
        let (prefix, id) = (self.handshake.prefix(), self.id());
        let sealed =
            content.seal(prefix, &sealed_header, message_key, ad, self.role, id.as_bytes());
        Ok((content, sealed))
    }

    /// Whether a payload behind these parts can be encrypted. Changes nothing.
    pub(crate) fn check_encrypting(
        &self,
        parts: &ContentParts,
        payload: &Payload,
    ) -> Result<(), EncryptError> {
        self.ratchet.check_sending()?;
        Content::measure(parts, payload, self.suite()).map(|_| ())
    }
}
