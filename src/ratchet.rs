//! The Double Ratchet with encrypted headers (revision 4, 2025, §4).
//!
//! It hands out message keys and seals nothing itself. Receiving is planned, then proved by whoever
//! opens the message, then committed. The sending half of a step waits until there is something to
//! send, so receiving needs no randomness.

pub(crate) mod message_key;

pub(crate) mod chain;
pub(crate) mod header_key;

mod root;
mod skipped;

mod receiving;
mod sending;

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use rand_core::CryptoRng;

use crate::crypto::dh::{DhKeyPair, DhPublicKey};
use crate::crypto::secret::Secret;
use crate::limits::SessionLimits;
use crate::ratchet::header_key::{HeaderKey, SealedHeader};
use crate::ratchet::message_key::MessageKey;
use crate::ratchet::receiving::{Advance, OlderChain, ReceivingChain};
use crate::ratchet::root::{RootKey, RootStep};
use crate::ratchet::sending::{Sending, SendingChain};
use crate::ratchet::skipped::{Gap, Lookup, SkippedKeys};
use crate::time::Timestamp;
use crate::wire::codec::DecodeError;
use crate::wire::header::Header;

/// One side's state.
#[derive(Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub(crate) struct DoubleRatchet {
    /// RK.
    root_key: RootKey,
    /// DHs, CKs, HKs, Ns, PN.
    sending: Sending,
    /// The header key of our next chain (NHKs).
    next_sending_header_key: HeaderKey,
    /// DHr, CKr, HKr, Nr; absent until the peer's first chain.
    receiving: Option<ReceivingChain>,
    /// The header key of the peer's next chain (NHKr).
    next_receiving_header_key: HeaderKey,
    /// What is left of the peer's earlier chains, oldest first.
    /// Boxed: a chain that moves leaves a copy of its header key behind.
    older: VecDeque<Box<OlderChain>>,
}

/// What a handshake gives to the ratchet.
pub(crate) struct RatchetSecrets {
    pub(crate) root_key: Secret<32>,
    pub(crate) initiator_header_key: Secret<32>,
    pub(crate) responder_header_key: Secret<32>,
}

/// A change worked out but not yet made.
pub(crate) struct Step(StepKind);

enum StepKind {
    /// A message of the current chain that has not been passed.
    Current(Advance),
    /// A message whose key the current chain holds.
    HeldInCurrent { number: u32 },
    /// A message whose key an older chain holds.
    HeldInOlder { index: usize, number: u32 },
    /// The first message that we see of a new chain.
    Next(Box<NextChain>),
}

/// The receiving half of a ratchet step.
struct NextChain {
    their_ratchet_key: DhPublicKey,
    root_key: RootKey,
    next_header_key: HeaderKey,
    /// The end of the chain before.
    previous_length: u32,
    rest: Option<Gap>,
    advance: Advance,
    peer_went_back: bool,
}

/// What receiving a message did beside delivering it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Receipt {
    /// How many held keys went unused: by number, chain or age.
    pub(crate) dropped_keys: u32,
    /// The peer's last chain is shorter than what we received of it.
    pub(crate) peer_went_back: bool,
}

/// Why a message is not for this ratchet, as far as its header tells.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Malformed,
    Undecryptable,
    Duplicate,
    Expired,
    Forked,
}

/// Why nothing can be sent.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CannotSend {
    /// The chain carries all that it may.
    ChainFull,
    /// The responder speaks second.
    Waiting,
    /// The peer's ratchet key gives a zero agreement. Receiving refuses such keys, so this one came
    /// with the handshake or from a damaged store.
    WeakKey,
}

impl DoubleRatchet {
    // Double Ratchet §4.3, RatchetInitAliceHE, with the sending step deferred
    /// The initiator's start. `their_ratchet_key` is the responder's signed prekey.
    pub(crate) fn initiator(secrets: RatchetSecrets, their_ratchet_key: DhPublicKey) -> Self {
        let sending = Sending::Due {
            their_ratchet_key,
            previous_length: 0,
        };
        Self::start(
            secrets.root_key,
            sending,
            secrets.initiator_header_key,
            secrets.responder_header_key,
        )
    }

    // Double Ratchet §4.3, RatchetInitBobHE
    /// The responder's start. `our_ratchet_key` is his signed prekey.
    pub(crate) fn responder(secrets: RatchetSecrets, our_ratchet_key: DhKeyPair) -> Self {
        let sending = Sending::Waiting {
            ratchet_key: our_ratchet_key,
        };
        Self::start(
            secrets.root_key,
            sending,
            secrets.responder_header_key,
            secrets.initiator_header_key,
        )
    }

    fn start(root: Secret<32>, sending: Sending, our: Secret<32>, their: Secret<32>) -> Self {
        Self {
            root_key: RootKey::new(root),
            sending,
            next_sending_header_key: HeaderKey::new(our),
            receiving: None,
            next_receiving_header_key: HeaderKey::new(their),
            older: VecDeque::new(),
        }
    }

    /// Whether the next message can be sent, as far as is known without drawing anything.
    pub(crate) fn check_sending(&self) -> Result<(), CannotSend> {
        match &self.sending {
            Sending::Waiting { .. } => Err(CannotSend::Waiting),
            Sending::Active(chain) if chain.is_full() => Err(CannotSend::ChainFull),
            Sending::Active(_) | Sending::Due { .. } => Ok(()),
        }
    }

    // Double Ratchet §4.4, RatchetSendKeyHE, with the sending half of DHRatchetHE where it is due
    /// The next message's sealed header and key. Draws only when a sending step is due: 32 bytes.
    pub(crate) fn send(
        &mut self,
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(SealedHeader, MessageKey), CannotSend> {
        if let Sending::Due {
            their_ratchet_key,
            previous_length,
        } = self.sending
        {
            self.begin_chain(&their_ratchet_key, previous_length, rng)?;
        }
        match &mut self.sending {
            Sending::Active(chain) => chain.next().ok_or(CannotSend::ChainFull),
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
        rng: &mut (impl CryptoRng + ?Sized),
    ) -> Result<(), CannotSend> {
        let ratchet_key = DhKeyPair::generate(rng);
        let dh = ratchet_key
            .agree(their_ratchet_key)
            .ok_or(CannotSend::WeakKey)?;
        let RootStep {
            root_key,
            chain_key,
            next_header_key,
        } = self
            .root_key
            .step(&dh, ratchet_key.public(), their_ratchet_key);
        self.root_key = root_key;
        let header_key = core::mem::replace(&mut self.next_sending_header_key, next_header_key);
        self.sending = Sending::Active(SendingChain {
            ratchet_key,
            header_key,
            chain_key,
            sent: 0,
            previous_length,
        });
        Ok(())
    }

    // Double Ratchet §4.5, RatchetReceiveKeyHE(state, enc_header)
    /// Works out what a message would change, and its key. `&self` is what keeps a forgery from moving
    /// the ratchet: nothing changes before [`DoubleRatchet::commit`].
    ///
    /// What does not open costs a few header openings: no agreement, no chain step.
    pub(crate) fn plan(
        &self,
        sealed_header: &SealedHeader,
        limits: &SessionLimits,
        now: Timestamp,
    ) -> Result<(Step, MessageKey), Refusal> {
        let horizon = now.minus(limits.held_key_lifetime);
        if let Some(chain) = &self.receiving {
            if let Some(header) = chain.header_key.open(sealed_header) {
                return Self::plan_current(chain, &header?, limits, now);
            }
        }
        // While a sending step is due there is no DHs to agree with, and no honest peer uses the next
        // header key yet.
        if let Some(our_key) = self.sending.ratchet_key() {
            if let Some(header) = self.next_receiving_header_key.open(sealed_header) {
                return self.plan_next(our_key, &header?, limits, now);
            }
        }
        for (index, chain) in self.older.iter().enumerate().rev() {
            // A chain whose keys are all too old counts as forgotten.
            if !chain.skipped.has_any_since(horizon) {
                continue;
            }
            if let Some(header) = chain.header_key.open(sealed_header) {
                return Self::plan_older(chain, index, &header?, horizon);
            }
        }
        Err(Refusal::Undecryptable)
    }

    fn plan_current(
        chain: &ReceivingChain,
        header: &Header,
        limits: &SessionLimits,
        now: Timestamp,
    ) -> Result<(Step, MessageKey), Refusal> {
        let number = header.number;
        if header.ratchet_key != chain.their_ratchet_key {
            return Err(Refusal::Forked);
        }
        if number >= chain.received {
            let (advance, message_key) =
                Advance::plan(&chain.chain_key, chain.received, number, limits, now);
            return Ok((Step(StepKind::Current(advance)), message_key));
        }
        match chain
            .skipped
            .find(number, now.minus(limits.held_key_lifetime))
        {
            Lookup::Held(key) => Ok((Step(StepKind::HeldInCurrent { number }), key)),
            Lookup::Expired => Err(Refusal::Expired),
            Lookup::Used => Err(Refusal::Duplicate),
        }
    }

    fn plan_older(
        chain: &OlderChain,
        index: usize,
        header: &Header,
        horizon: Timestamp,
    ) -> Result<(Step, MessageKey), Refusal> {
        let number = header.number;
        if header.ratchet_key != chain.their_ratchet_key {
            return Err(Refusal::Forked);
        }
        match chain.skipped.find(number, horizon) {
            Lookup::Held(key) => Ok((Step(StepKind::HeldInOlder { index, number }), key)),
            Lookup::Expired | Lookup::Used if number >= chain.length => Err(Refusal::Forked),
            Lookup::Expired => Err(Refusal::Expired),
            Lookup::Used => Err(Refusal::Duplicate),
        }
    }

    // Double Ratchet §4.5, DHRatchetHE(state, header), its receiving half:
    //   SkipMessageKeysHE(state, header.pn)
    //   Nr = 0; HKr = NHKr; DHr = header.dh
    //   RK, CKr, NHKr = KDF_RK_HE(RK, DH(DHs, DHr))
    fn plan_next(
        &self,
        our_key: &DhKeyPair,
        header: &Header,
        limits: &SessionLimits,
        now: Timestamp,
    ) -> Result<(Step, MessageKey), Refusal> {
        let Header {
            ratchet_key: their_ratchet_key,
            previous_length,
            number,
        } = *header;
        let dh = our_key
            .agree(&their_ratchet_key)
            .ok_or(Refusal::Undecryptable)?;
        let RootStep {
            root_key,
            chain_key,
            next_header_key,
        } = self
            .root_key
            .step(&dh, &their_ratchet_key, our_key.public());
        let former = self.receiving.as_ref();
        let (advance, message_key) = Advance::plan(&chain_key, 0, number, limits, now);
        let next = NextChain {
            their_ratchet_key,
            root_key,
            next_header_key,
            previous_length,
            rest: former.map(|chain| chain.plan_rest(previous_length, limits, now)),
            advance,
            peer_went_back: former.is_some_and(|chain| previous_length < chain.received),
        };
        Ok((Step(StepKind::Next(Box::new(next))), message_key))
    }

    /// Makes a planned change, now that its message has opened. Cannot fail.
    pub(crate) fn commit(&mut self, step: Step, limits: &SessionLimits, now: Timestamp) -> Receipt {
        let mut receipt = Receipt {
            dropped_keys: 0,
            peer_went_back: false,
        };
        match step.0 {
            StepKind::Current(advance) => {
                if let Some(chain) = &mut self.receiving {
                    receipt.dropped_keys = chain.advance(advance);
                }
            }
            StepKind::HeldInCurrent { number } => {
                if let Some(chain) = &mut self.receiving {
                    chain.skipped.spend(number);
                }
            }
            StepKind::HeldInOlder { index, number } => {
                if let Some(chain) = self.older.get_mut(index) {
                    chain.skipped.spend(number);
                }
            }
            StepKind::Next(next) => {
                receipt.peer_went_back = next.peer_went_back;
                receipt.dropped_keys = self.commit_next(*next);
            }
        }
        let dropped = self.drop_keys(limits, now.minus(limits.held_key_lifetime));
        let dropped = u32::try_from(dropped).unwrap_or(u32::MAX);
        receipt.dropped_keys = receipt.dropped_keys.saturating_add(dropped);
        receipt
    }

    /// Says how many keys the gaps were too wide for.
    fn commit_next(&mut self, next: NextChain) -> u32 {
        let NextChain {
            their_ratchet_key,
            root_key,
            next_header_key,
            previous_length,
            rest,
            advance,
            peer_went_back: _,
        } = next;
        let mut dropped = 0;
        if let Some(mut former) = self.receiving.take() {
            dropped = rest.map_or(0, |rest| former.skipped.keep(rest));
            if former.skipped.held() != 0 {
                self.older.push_back(Box::new(former.end(previous_length)));
            }
        }
        let Advance {
            gap,
            chain_key,
            received,
        } = advance;
        let mut skipped = SkippedKeys::new();
        dropped = skipped.keep(gap).saturating_add(dropped);
        self.root_key = root_key;
        let header_key = core::mem::replace(&mut self.next_receiving_header_key, next_header_key);
        self.receiving = Some(ReceivingChain {
            their_ratchet_key,
            header_key,
            chain_key,
            received,
            skipped,
        });
        // The ratchet key and the former chain's keys are wiped here.
        self.sending = Sending::Due {
            their_ratchet_key,
            previous_length: self.sending.sent(),
        };
        dropped
    }

    /// Drops what is too old or too much, the first kept first; says how many keys.
    fn drop_keys(&mut self, limits: &SessionLimits, horizon: Timestamp) -> usize {
        let mut dropped = 0_usize;
        let mut held = 0_usize;
        for keys in self.held_keys() {
            dropped = dropped.saturating_add(keys.drop_kept_before(horizon));
            held = held.saturating_add(keys.held());
        }
        let most = usize::try_from(limits.max_held_keys).unwrap_or(usize::MAX);
        let mut excess = held.saturating_sub(most);
        for keys in self.held_keys() {
            let gone = keys.drop_first(excess);
            excess = excess.saturating_sub(gone);
            dropped = dropped.saturating_add(gone);
        }
        self.older.retain(|chain| chain.skipped.held() != 0);
        let most = usize::try_from(limits.max_older_chains).unwrap_or(usize::MAX);
        while self.older.len() > most {
            let gone = self
                .older
                .pop_front()
                .map_or(0, |chain| chain.skipped.held());
            dropped = dropped.saturating_add(gone);
        }
        dropped
    }

    /// The held keys of all chains, in the order of keeping.
    fn held_keys(&mut self) -> impl Iterator<Item = &mut SkippedKeys> {
        let older = self.older.iter_mut().map(|chain| &mut chain.skipped);
        older.chain(self.receiving.as_mut().map(|chain| &mut chain.skipped))
    }

    /// How many keys are held for messages that have not come.
    pub(crate) fn held(&self) -> usize {
        let older = self.older.iter().map(|chain| chain.skipped.held());
        older
            .chain(self.receiving.as_ref().map(|chain| chain.skipped.held()))
            .sum()
    }
}

impl From<DecodeError> for Refusal {
    fn from(_: DecodeError) -> Self {
        Self::Malformed
    }
}
