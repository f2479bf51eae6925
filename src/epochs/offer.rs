//! The generator's key, on its way to the peer, and what has come of the answer (SendEk).

use alloc::boxed::Box;

use rand_core::CryptoRng;

use crate::crypto::kem::MlKem768;
use crate::crypto::secret::Secret;
use crate::encapsulation::KemKeyPair;
use crate::epochs::carousel::Carousel;
use crate::epochs::epoch_secret::{EpochContext, EpochSecrets};
use crate::epochs::fragments::Fragments;
use crate::epochs::named_key::NamedKey;
use crate::stored::{StateWriter, Stored, stored};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::control::{CIPHERTEXT_FRAGMENTS, KEY_FRAGMENTS, Run};

/// A key pair whose public half is being sent. Of its secrets nothing is kept beside the seed.
pub(crate) struct Offer {
    key_pair: KemKeyPair<MlKem768>,
    /// The public half, from its first use on, for as long as the session stays in memory: to expand it takes as long as
    /// dozens of messages. It is not stored. Boxed, so that where there is none, nothing of the stack stands in its place.
    expanded: Option<Box<NamedKey>>,
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
        Self { key_pair, expanded: None, sent: Carousel::new(), answer: Fragments::new() }
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

    /// The run of the key that is next.
    pub(crate) fn run(&mut self, count: u8) -> Run<'_, KEY_FRAGMENTS> {
        let Self { key_pair, expanded, sent, answer: _ } = self;
        let key = public(key_pair, expanded);
        Run::cut(key.as_bytes(), key.id(), sent.position(), count)
    }

    /// Keeps what has come; with the last of it decapsulates and compares, in constant time.
    pub(crate) fn answered(
        &mut self,
        run: &Run<'_, CIPHERTEXT_FRAGMENTS>,
        context: EpochContext<'_>,
    ) -> Answer {
        let Self { key_pair, expanded, sent: _, answer } = self;
        let key = public(key_pair, expanded);
        if run.id != key.id() {
            return Answer::Incomplete;
        }
        answer.keep(run);
        let Some(whole) = answer.whole() else {
            return Answer::Incomplete;
        };
        let confirmed = confirmed_secret(key_pair, key, whole, context);
        confirmed.map_or(Answer::Wrong, Answer::Confirmed)
    }
}

/// The secret that a whole answer brings, if the peer has the same. Apart from all that is public, so that what
/// `proofs/constant_time` exempts is nothing but the verdict.
fn confirmed_secret(
    key_pair: &KemKeyPair<MlKem768>,
    key: &NamedKey,
    answer: &[u8],
    context: EpochContext<'_>,
) -> Option<Secret<32>> {
    let (ciphertext, confirmation) = answer.split_last_chunk::<32>()?;
    let shared = key_pair.decapsulate(ciphertext)?;
    let EpochSecrets { secret, confirmation: expected } = context.derive(&shared, key, ciphertext);
    let is_confirmed = Secret::filled_by(|out| *out = *confirmation) == expected;
    is_confirmed.then_some(secret)
}

/// The public half, expanded unless it is there.
fn public<'offer>(
    key_pair: &KemKeyPair<MlKem768>,
    expanded: &'offer mut Option<Box<NamedKey>>,
) -> &'offer NamedKey {
    expanded.get_or_insert_with(|| Box::new(NamedKey::new(key_pair.public())))
}

stored!(Offer { key_pair, sent, answer; expanded: None });
