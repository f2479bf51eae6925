//! The Double Ratchet with encrypted headers (revision 4, 2025, §4).
//!
//! It hands out message keys and seals nothing itself. Receiving is planned, then proved by whoever
//! opens the message, then committed. The sending half of a step waits until there is something to
//! send, so receiving needs no randomness.

pub(crate) mod message_key;
pub(crate) mod refusal;

pub(crate) mod chain;
pub(crate) mod header_key;

mod root;
mod skipped;

mod advance;
mod older_chain;

pub(crate) mod receiving;
mod sending;

use alloc::boxed::Box;
use core::ops::Range;

use rand_core::CryptoRng;

use crate::crypto::dh::{DhKeyPair, DhPublicKey};
use crate::crypto::secret::Secret;
use crate::limits::SessionLimits;
use crate::ratchet::header_key::HeaderKey;
use crate::ratchet::message_key::MessageKey;
use crate::ratchet::receiving::{ChainOfMessage, ChainPlace, ChainStep, NextChain, Receiving};
use crate::ratchet::refusal::Refusal;
use crate::ratchet::root::{RootKey, RootStep};
use crate::ratchet::sending::{Sending, SendingChain};
use crate::stored::{StateWriter, Stored, stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::header::{Header, SEALED_HEADER_LENGTH};
use crate::wire::suite::Suite;

/// One side's state.
pub(crate) struct DoubleRatchet {
    /// RK.
    root_key: RootKey,
    /// DHs, CKs, HKs, Ns, PN.
    sending: Sending,
    /// The header key of our next chain (NHKs).
    next_sending_header_key: HeaderKey,
    /// DHr, CKr, HKr, NHKr, Nr, MKSKIPPED.
    receiving: Receiving,
}

/// What a handshake gives to the ratchet.
pub(crate) struct RatchetSecrets {
    pub(crate) root_key: Secret<32>,
    pub(crate) initiator_header_key: Secret<32>,
    pub(crate) responder_header_key: Secret<32>,
}

/// What root steps mix beside their agreements: nothing in suite 1, in suite 2 the secret of each epoch, once.
#[derive(Clone, Copy)]
pub(crate) struct Mixing<'secret> {
    /// How many secrets are in our root (mixed); `None` in suite 1.
    pub(crate) mixed: Option<u32>,
    /// The next one (s), if the next step in this direction may mix it.
    pub(crate) secret: Option<&'secret Secret<32>>,
}

impl Mixing<'_> {
    /// Suite 1.
    pub(crate) const NOTHING: Self = Self { mixed: None, secret: None };
}

/// A change worked out but not yet made. Not boxed: a box that is moved out of leaves its keys behind.
pub(crate) enum Step {
    /// Within the chains that are there.
    Chain(ChainStep),
    /// The receiving half of a ratchet step, to the peer's next chain.
    Ratchet { root_key: RootKey, next: NextChain },
}

impl Step {
    /// Whether the message is late: its key was held for it.
    pub(crate) fn uses_held_key(&self) -> bool {
        match self {
            Self::Chain(ChainStep::SpendCurrent { .. } | ChainStep::SpendOlder { .. }) => true,
            Self::Chain(ChainStep::Advance(_)) | Self::Ratchet { .. } => false,
        }
    }
}

/// What receiving a message did beside delivering it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// How many keys were dropped unused: by number, chain or age.
    pub(crate) dropped_keys: u32,
    /// The peer's last chain is shorter than what we received of it.
    pub(crate) peer_went_back: bool,
}

/// Why nothing can be sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CannotSend {
    /// The chain carries all that it may.
    ChainFull,
    /// The responder speaks second.
    Waiting,
    /// The peer's ratchet key gives a zero agreement. Handshakes and receiving refuse such keys, so this
    /// one comes from a damaged store.
    WeakKey,
}

impl DoubleRatchet {
    // Double Ratchet §4.3, RatchetInitAliceHE, with the sending step deferred
    /// The initiator's start. `their_ratchet_key` is the responder's signed prekey.
    pub(crate) fn initiator(secrets: RatchetSecrets, their_ratchet_key: DhPublicKey) -> Self {
        let RatchetSecrets { root_key, initiator_header_key, responder_header_key } = secrets;
        Self {
            root_key: RootKey::new(root_key),
            sending: Sending::Due { their_ratchet_key, previous_length: 0 },
            next_sending_header_key: HeaderKey::new(initiator_header_key),
            receiving: Receiving::new(HeaderKey::new(responder_header_key)),
        }
    }

    // Double Ratchet §4.3, RatchetInitBobHE
    /// The responder's start. `our_ratchet_key` is his signed prekey.
    pub(crate) fn responder(secrets: RatchetSecrets, our_ratchet_key: DhKeyPair) -> Self {
        let RatchetSecrets { root_key, initiator_header_key, responder_header_key } = secrets;
        Self {
            root_key: RootKey::new(root_key),
            sending: Sending::waiting(Box::new(our_ratchet_key)),
            next_sending_header_key: HeaderKey::new(responder_header_key),
            receiving: Receiving::new(HeaderKey::new(initiator_header_key)),
        }
    }

    /// Whether the next message can be sent, as far as is known without drawing anything.
    pub(crate) fn check_sending(&self) -> Result<(), CannotSend> {
        match &self.sending {
            Sending::Waiting { .. } => Err(CannotSend::Waiting),
            Sending::Active(chain, _) if chain.is_full() => Err(CannotSend::ChainFull),
            Sending::Active(..) | Sending::Due { .. } => Ok(()),
        }
    }

    /// Whether the next message begins a chain.
    pub(crate) fn sending_is_due(&self) -> bool {
        matches!(self.sending, Sending::Due { .. })
    }

    /// How many messages the chain has that we are sending.
    pub(crate) fn sent_in_chain(&self) -> u32 {
        match &self.sending {
            Sending::Active(chain, _) => chain.sent,
            Sending::Waiting { .. } | Sending::Due { .. } => 0,
        }
    }

    /// Whether anything was ever sent.
    pub(crate) fn has_sent(&self) -> bool {
        match &self.sending {
            Sending::Active(chain, _) => chain.sent != 0 || chain.previous_length != 0,
            Sending::Due { previous_length, .. } => *previous_length != 0,
            Sending::Waiting { .. } => false,
        }
    }

    // Double Ratchet §4.4, RatchetSendKeyHE, with the sending half of DHRatchetHE where it is due
    /// The next message's sealed header and key. Draws only when a sending step is due, 32 bytes; then it mixes the
    /// secret of `mixing`, if there is one.
    pub(crate) fn send(
        &mut self,
        mixing: Mixing<'_>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<([u8; SEALED_HEADER_LENGTH], MessageKey), CannotSend> {
        if let Sending::Due { their_ratchet_key, previous_length } = self.sending {
            self.begin_chain(&their_ratchet_key, previous_length, mixing, rng)?;
        }
        match &mut self.sending {
            Sending::Active(chain, _) => chain.next().ok_or(CannotSend::ChainFull),
            Sending::Waiting { .. } | Sending::Due { .. } => Err(CannotSend::Waiting),
        }
    }

    // Double Ratchet §4.5, DHRatchetHE(state, header), its sending half:
    //   PN = Ns; Ns = 0; HKs = NHKs; DHs = GENERATE_DH()
    //   RK, CKs, NHKs = KDF_RK_HE(RK, DH(DHs, DHr))
    fn begin_chain(
        &mut self,
        their_ratchet_key: &DhPublicKey,
        previous_length: u32,
        mixing: Mixing<'_>,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), CannotSend> {
        let ratchet_key = DhKeyPair::generate(rng);
        let dh = ratchet_key.agree(their_ratchet_key).ok_or(CannotSend::WeakKey)?;
        let RootStep { root_key, chain_key, next_header_key } =
            self.root_key.step(&dh, mixing.secret, ratchet_key.public(), their_ratchet_key);
        self.root_key = root_key;
        let header_key = core::mem::replace(&mut self.next_sending_header_key, next_header_key);
        self.sending = Sending::active(Box::new(SendingChain {
            ratchet_key,
            header_key,
            chain_key,
            sent: 0,
            previous_length,
            mixed: mixing
                .mixed
                .map(|mixed| mixed.saturating_add(u32::from(mixing.secret.is_some()))),
        }));
        Ok(())
    }

    /// Whether the header is of the peer's next chain: then the message is of this ratchet and of no other. Said where
    /// [`DoubleRatchet::plan`] tries that key.
    pub(crate) fn knows_next(&self, sealed_header: &[u8; SEALED_HEADER_LENGTH]) -> bool {
        // What is in it does not matter here.
        let open_next = || self.receiving.open_next(sealed_header, Suite::Classical);
        self.sending.ratchet_key().and_then(|_| open_next()).is_some()
    }

    /// Whether it is of the peer's current chain.
    pub(crate) fn knows_current(&self, sealed_header: &[u8; SEALED_HEADER_LENGTH]) -> bool {
        self.receiving.knows_current(sealed_header)
    }

    /// Whether it is of an older chain of which something is left, though its keys may all be too old.
    pub(crate) fn knows_older(&self, sealed_header: &[u8; SEALED_HEADER_LENGTH]) -> bool {
        self.receiving.knows_older(sealed_header)
    }

    /// The sealed headers of the peer's next messages, from so many after the next one on, until it begins another chain.
    pub(crate) fn upcoming(
        &self,
        ahead: Range<u32>,
    ) -> impl Iterator<Item = [u8; SEALED_HEADER_LENGTH]> + '_ {
        self.receiving.upcoming(ahead)
    }

    // Double Ratchet §4.5, RatchetReceiveKeyHE(state, enc_header)
    /// Works out what a message would change, and its key. `&self` is what keeps a forgery from moving
    /// the ratchet: nothing changes before [`DoubleRatchet::commit`].
    ///
    /// A header that does not open costs a few openings: no agreement, no chain step. One that opens is
    /// the peer's, and costs what the true message costs, but for what that leaves of the chain before it.
    pub(crate) fn plan(
        &self,
        sealed_header: &[u8; SEALED_HEADER_LENGTH],
        mixing: Mixing<'_>,
        limits: &SessionLimits,
        now: Timestamp,
    ) -> Result<(Step, MessageKey), Refusal> {
        if let Some(planned) = self.receiving.plan_current(sealed_header, limits, now) {
            return planned.map(|(step, key)| (Step::Chain(step), key));
        }
        // While a sending step is due there is no DHs to agree with, and no honest peer uses the next
        // header key yet.
        if let Some(our_key) = self.sending.ratchet_key() {
            if let Some(header) =
                self.receiving.open_next(sealed_header, Suite::with(&mixing.mixed))
            {
                return self.plan_next(our_key, &header?, mixing, limits, now);
            }
        }
        self.receiving
            .plan_older(sealed_header, limits.horizon(now))
            .unwrap_or(Err(Refusal::Undecryptable))
            .map(|(step, key)| (Step::Chain(step), key))
    }

    // Double Ratchet §4.5, DHRatchetHE(state, header), its receiving half:
    //   SkipMessageKeysHE(state, header.pn)
    //   Nr = 0; HKr = NHKr; DHr = header.dh
    //   RK, CKr, NHKr = KDF_RK_HE(RK, DH(DHs, DHr))
    fn plan_next(
        &self,
        our_key: &DhKeyPair,
        header: &Header,
        mixing: Mixing<'_>,
        limits: &SessionLimits,
        now: Timestamp,
    ) -> Result<(Step, MessageKey), Refusal> {
        let next = mixing.mixed.and_then(|mixed| mixed.checked_add(1));
        let secret = match (header.mixed == mixing.mixed, header.mixed == next, mixing.secret) {
            (true, ..) => None,
            (false, true, Some(secret)) => Some(secret),
            // An authentic header of a history that mixed other secrets.
            (false, ..) => return Err(Refusal::Forked),
        };
        let dh = our_key.agree(&header.ratchet_key).ok_or(Refusal::Undecryptable)?;
        let RootStep { root_key, chain_key, next_header_key } =
            self.root_key.step(&dh, secret, &header.ratchet_key, our_key.public());
        let (next, message_key) =
            self.receiving.plan_next(header, &chain_key, next_header_key, limits, now);
        Ok((Step::Ratchet { root_key, next }, message_key))
    }

    /// Which chain of the peer's a planned change is in.
    pub(crate) fn chain_of(&self, step: &Step) -> ChainOfMessage {
        match step {
            Step::Chain(step) => self.receiving.chain_of(step),
            Step::Ratchet { next, .. } => {
                ChainOfMessage { place: ChainPlace::Next, mixed: next.mixed }
            }
        }
    }

    /// Makes a planned change, now that its message has opened. Cannot fail.
    pub(crate) fn commit(&mut self, step: Step, limits: &SessionLimits, now: Timestamp) -> Receipt {
        let (passed_over, peer_went_back) = match step {
            Step::Chain(step) => (self.receiving.commit(step), false),
            Step::Ratchet { root_key, next } => {
                let NextChain { their_ratchet_key, peer_went_back, .. } = next;
                self.root_key = root_key;
                // Our ratchet key and the former chain's keys are wiped here.
                let previous_length = self.sending.sent();
                self.sending = Sending::Due { their_ratchet_key, previous_length };
                (self.receiving.begin(next, limits, now), peer_went_back)
            }
        };
        let dropped = self.receiving.drop_keys(limits, now);
        Receipt { dropped_keys: passed_over.saturating_add(dropped), peer_went_back }
    }

    /// Drops the held keys that are too old or too many; says how many.
    pub(crate) fn drop_keys(&mut self, limits: &SessionLimits, now: Timestamp) -> u32 {
        self.receiving.drop_keys(limits, now)
    }

    /// How many keys are held for messages that have not come.
    pub(crate) fn held(&self) -> usize {
        self.receiving.held()
    }
}

/// What suite 2 stores beside the rest, for an own count of secrets that are mixed in.
impl DoubleRatchet {
    pub(crate) fn write_mixed(&self, mixed: u32, out: &mut StateWriter) {
        self.receiving.write_mixed(mixed, out);
    }

    pub(crate) fn read_mixed(
        &mut self,
        mixed: u32,
        reader: &mut Reader<'_>,
    ) -> Result<(), DecodeError> {
        if let Sending::Active(chain, _) = &mut self.sending {
            // It rises only where a chain begins: at our sending step, or before our next one is due.
            chain.mixed = Some(mixed);
        }
        self.receiving.read_mixed(mixed, reader)
    }
}

stored!(DoubleRatchet { root_key, sending, next_sending_header_key, receiving });

/// How far it is, without keys.
impl core::fmt::Debug for DoubleRatchet {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let mut shown = formatter.debug_struct("DoubleRatchet");
        shown.field("sending_is_due", &self.sending_is_due());
        shown.field("sent_in_chain", &self.sent_in_chain());
        shown.field("held_keys", &self.held()).finish_non_exhaustive()
    }
}
