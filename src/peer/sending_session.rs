//! KnownSessions: the one that sends.

use rand_core::CryptoRng;

use crate::limits::PeerLimits;
use crate::peer::known_sessions::KnownSessions;
use crate::session::encrypting::{EncryptError, SentMessage};
use crate::session::healing::EpochStatus;
use crate::session::session_id::SessionId;
use crate::time::Timestamp;
use crate::wire::content_parts::ContentParts;
use crate::wire::payload::Payload;

impl KnownSessions {
    /// Encrypts in the session that sends; `None` if there is none that may.
    pub(crate) fn encrypt(
        &mut self,
        parts: &ContentParts,
        payload: &Payload,
        ad: &[u8],
        limits: &PeerLimits,
        now: Timestamp,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Option<Result<(SentMessage, SessionId), EncryptError>> {
        let place = self.sending(limits, now)?;
        let waiting = self.all.get(self.active)?.waiting;
        let known = self.all.get_mut(place)?;
        let encrypted =
            known.encrypt(parts, payload, ad, now, rng).map(|message| (message, known.id()));
        if encrypted.is_ok() {
            // Where it goes on in another one, it has waited for as long.
            known.waiting = known.waiting.min(waiting).or(known.waiting);
            self.active = place;
        }
        Some(encrypted)
    }

    /// Whether the one that sends can encrypt this; `None` if there is none that may.
    pub(crate) fn check_encrypting(
        &self,
        parts: &ContentParts,
        payload: &Payload,
        limits: &PeerLimits,
        now: Timestamp,
    ) -> Option<Result<(), EncryptError>> {
        let known = self.all.get(self.sending(limits, now)?)?;
        Some(known.session.check_encrypting(parts, payload))
    }

    /// How far healing is in the one that sends.
    pub(crate) fn epochs(&self) -> Option<EpochStatus> {
        self.all.get(self.active)?.session.epochs()
    }

    /// Asks for an epoch in the one that sends; gives its id if that was news.
    pub(crate) fn request_epoch(&mut self, now: Timestamp) -> Option<SessionId> {
        let active = self.all.get_mut(self.active)?;
        active.request_epoch(now).then(|| active.id())
    }
}
