//! The generator's key, on its way to the peer, and what has come of the answer (SendEk).

use rand_core::CryptoRng;

use crate::crypto::kem::MlKem768;
use crate::crypto::secret::Secret;
use crate::encapsulation::KemKeyPair;
use crate::epochs::carousel::Carousel;
use crate::epochs::epoch_secret::{EpochContext, EpochSecrets, key_id};
use crate::epochs::fragments::Fragments;
use crate::stored::{StateWriter, Stored, stored};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::control::{CIPHERTEXT_FRAGMENTS, KEY_FRAGMENTS, Run};

/// A key pair whose public half is being sent. That half and its name are expanded whenever they are needed, so that
/// beside the seed nothing of the key is kept.
pub(crate) struct Offer {
    key_pair: KemKeyPair<MlKem768>,
    sent: Carousel<KEY_FRAGMENTS>,
    /// Of the answer (ct ‖ confirm). Once there is some, the key is sent no more: the peer has it.
    answer: Fragments<CIPHERTEXT_FRAGMENTS>,
}

/// What an answer has come to.
pub(crate) enum Answer {
    /// Some of it has not come, or it answers another key.
    Incomplete,
    /// The peer has the same secret (s_e).
    Confirmed(Secret<32>),
    /// It was made with another key or another secret.
    Wrong,
}

impl Offer {
    /// Draws the seed: 32 bytes.
    pub(crate) fn generate(rng: &mut (impl CryptoRng + ?Sized)) -> Self {
        let key_pair = KemKeyPair::generate(rng);
        Self { key_pair, sent: Carousel::new(), answer: Fragments::new() }
    }

    pub(crate) fn is_being_answered(&self) -> bool {
        !self.answer.is_empty()
    }

    /// How far the key was sent.
    pub(crate) fn sent(&self) -> &Carousel<KEY_FRAGMENTS> {
        &self.sent
    }

    pub(crate) fn sent_mut(&mut self) -> &mut Carousel<KEY_FRAGMENTS> {
        &mut self.sent
    }

    /// Hands the run of the key that is next to `write`.
    pub(crate) fn with_run(&self, count: u8, write: impl FnOnce(Run<'_, KEY_FRAGMENTS>)) {
        let key = self.key_pair.public();
        let key = key.as_bytes();
        write(Run::cut(key, key_id(key), self.sent.position(), count));
    }

    /// Keeps what has come; with the last of it decapsulates and compares, in constant time.
    pub(crate) fn answered(
        &mut self,
        run: &Run<'_, CIPHERTEXT_FRAGMENTS>,
        context: EpochContext<'_>,
    ) -> Answer {
        let key = self.key_pair.public();
        if run.id != key_id(key.as_bytes()) {
            return Answer::Incomplete;
        }
        self.answer.keep(run);
        let Some(whole) = self.answer.whole() else {
            return Answer::Incomplete;
        };
        let confirmed = confirmed_secret(&self.key_pair, key.as_bytes(), &whole, context);
        confirmed.map_or(Answer::Wrong, Answer::Confirmed)
    }
}

/// The secret that a whole answer brings, if the peer has the same. Apart from all that is public, so that what
/// `proofs/constant_time` exempts is nothing but the verdict.
fn confirmed_secret(
    key_pair: &KemKeyPair<MlKem768>,
    key: &[u8],
    answer: &[u8],
    context: EpochContext<'_>,
) -> Option<Secret<32>> {
    let (ciphertext, confirmation) = answer.split_last_chunk::<32>()?;
    let shared = key_pair.decapsulate(ciphertext)?;
    let EpochSecrets { secret, confirmation: expected } = context.derive(&shared, key, ciphertext);
    let is_confirmed = Secret::filled_by(|out| *out = *confirmation) == expected;
    is_confirmed.then_some(secret)
}

stored!(Offer { key_pair, sent, answer });
