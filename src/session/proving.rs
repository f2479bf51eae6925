//! Messages with what proves them, for one's own side of a report.

use rand_core::CryptoRng;

use crate::session::encrypting::{EncryptError, SentMessage};
use crate::session::one_conversation::Session;
use crate::wire::content_parts::ContentParts;
use crate::wire::payload::Payload;

impl Session {
    /// As [`Session::encrypt`], with what proves the message to a moderator.
    ///
    /// # Errors
    ///
    /// An [`EncryptError`]; nothing has changed then.
    pub fn encrypt_with_evidence(
        &mut self,
        payload: &Payload,
        ad: &[u8],
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<SentMessage, EncryptError> {
        self.encrypt_asking(&ContentParts::none(), payload, ad, false, rng)
    }

    /// The same behind parts; asks for an epoch before, unless there is an error.
    pub(crate) fn encrypt_asking(
        &mut self,
        parts: &ContentParts,
        payload: &Payload,
        ad: &[u8],
        asks_for_epoch: bool,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<SentMessage, EncryptError> {
        let (content, sealed) = self.encrypt_content(parts, payload, ad, asks_for_epoch, rng)?;
        Ok(content.with_evidence(sealed))
    }
}
