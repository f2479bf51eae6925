//! The peer's chains, as seen from here: the current one, the next, and what is left of older ones.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::ops::Range;

use crate::crypto::dh::DhPublicKey;
use crate::limits::SessionLimits;
use crate::ratchet::advance::Advance;
use crate::ratchet::chain::ChainKey;
use crate::ratchet::header_key::HeaderKey;
use crate::ratchet::message_key::MessageKey;
use crate::ratchet::older_chain::OlderChain;
use crate::ratchet::refusal::Refusal;
use crate::ratchet::skipped::{Gap, Lookup, SkippedKeys};
use crate::stored::{StateWriter, Stored, stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::header::{Header, MAX_CHAIN, SEALED_HEADER_LENGTH};
use crate::wire::suite::Suite;

/// All that we can receive with.
#[derive(Debug)]
pub(crate) struct Receiving {
    /// Absent until the peer's first chain. Boxed: the room of what is absent is filled by what happened to
    /// stand on the stack when it was moved, and nothing wipes it.
    current: Option<Box<ReceivingChain>>,
    /// The header key of the peer's next chain (NHKr).
    next_header_key: HeaderKey,
    /// Oldest first. Boxed: a chain that moves leaves a copy of its header key behind.
    older: VecDeque<Box<OlderChain>>,
}

/// The peer's current sending chain.
#[derive(Debug)]
struct ReceivingChain {
    /// The peer's ratchet key (DHr).
    their_ratchet_key: DhPublicKey,
    /// HKr.
    header_key: HeaderKey,
    /// CKr, of message `received`.
    chain_key: ChainKey,
    /// How many messages the peer's chain before it has (PN).
    previous_length: u32,
    /// How many messages have been passed (Nr).
    received: u32,
    /// How many secrets of epochs the peer says that are mixed in (pq); `None` in suite 1.
    mixed: Option<u32>,
    /// The keys of those that have not come.
    skipped: SkippedKeys,
}

/// A change within the chains that are there, worked out but not yet made.
pub(crate) enum ChainStep {
    /// The current chain moves to a message that has not been passed.
    Advance(Advance),
    /// A key that the current chain holds is used.
    SpendCurrent { number: u32 },
    /// A key that an older chain holds is used.
    SpendOlder { index: usize, number: u32 },
}

/// A new chain, worked out but not yet begun.
pub(crate) struct NextChain {
    pub(crate) their_ratchet_key: DhPublicKey,
    /// How many messages the chain before it has. The keys of those that we have not had are worked out once the message
    /// has opened: a forged rest behind a true header costs the steps of one chain, not of two.
    previous_length: u32,
    advance: Advance,
    next_header_key: HeaderKey,
    pub(crate) mixed: Option<u32>,
    /// The chain before has fewer messages than we received of it.
    pub(crate) peer_went_back: bool,
}

/// Which chain a message is of, and how many secrets of epochs that has (pq).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChainOfMessage {
    pub(crate) place: ChainPlace,
    pub(crate) mixed: Option<u32>,
}

/// Where a chain of the peer's stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChainPlace {
    Older,
    Current,
    /// It begins with this message.
    Next,
}

impl Receiving {
    pub(crate) fn new(next_header_key: HeaderKey) -> Self {
        Self { current: None, next_header_key, older: VecDeque::new() }
    }

    /// Whether the header is of the current chain.
    pub(crate) fn knows_current(&self, sealed_header: &[u8; SEALED_HEADER_LENGTH]) -> bool {
        self.current.as_ref().is_some_and(|chain| opens(&chain.header_key, sealed_header))
    }

    /// Whether it is of an older one of which something is left.
    pub(crate) fn knows_older(&self, sealed_header: &[u8; SEALED_HEADER_LENGTH]) -> bool {
        self.older.iter().any(|chain| opens(&chain.header_key, sealed_header))
    }

    /// The sealed headers of the next messages of the current chain, from so many after the next one on, as far as it can
    /// go: all in them is known in advance, and the same sealed under the same key is the same.
    pub(crate) fn upcoming(
        &self,
        ahead: Range<u32>,
    ) -> impl Iterator<Item = [u8; SEALED_HEADER_LENGTH]> + '_ {
        self.current.iter().flat_map(move |chain| chain.upcoming(&ahead))
    }

    /// What a message of the current chain would change, and its key; `None` if it is of another chain.
    pub(crate) fn plan_current(
        &self,
        sealed_header: &[u8; SEALED_HEADER_LENGTH],
        limits: &SessionLimits,
        now: Timestamp,
    ) -> Option<Result<(ChainStep, MessageKey), Refusal>> {
        let chain = self.current.as_ref()?;
        let header = chain.header_key.open(sealed_header, Suite::with(&chain.mixed))?;
        Some(header.map_err(Refusal::from).and_then(|header| chain.plan(&header, limits, now)))
    }

    /// The header of a message of the peer's next chain; `None` if it is of another chain.
    pub(crate) fn open_next(
        &self,
        sealed_header: &[u8; SEALED_HEADER_LENGTH],
        suite: Suite,
    ) -> Option<Result<Header, DecodeError>> {
        self.next_header_key.open(sealed_header, suite)
    }

    /// What a message of the next chain would change, and its key.
    pub(crate) fn plan_next(
        &self,
        header: &Header,
        chain_key: &ChainKey,
        next_header_key: HeaderKey,
        limits: &SessionLimits,
        now: Timestamp,
    ) -> (NextChain, MessageKey) {
        let Header { ratchet_key: their_ratchet_key, previous_length, number, mixed } = *header;
        let current = self.current.as_ref();
        let (advance, message_key) = Advance::plan(chain_key, 0, number, limits, now);
        let next = NextChain {
            their_ratchet_key,
            previous_length,
            advance,
            next_header_key,
            mixed,
            peer_went_back: current.is_some_and(|chain| previous_length < chain.received),
        };
        (next, message_key)
    }

    /// What a message of an older chain would change, and its key; `None` if it is of none of them. A
    /// chain whose keys were all kept before `horizon` counts as forgotten.
    pub(crate) fn plan_older(
        &self,
        sealed_header: &[u8; SEALED_HEADER_LENGTH],
        horizon: Timestamp,
    ) -> Option<Result<(ChainStep, MessageKey), Refusal>> {
        let newest_first = self.older.iter().enumerate().rev();
        let mut held = newest_first.filter(|(_, chain)| chain.skipped.has_any_since(horizon));
        let (index, chain, header) = held.find_map(|(index, chain)| {
            let header = chain.header_key.open(sealed_header, Suite::with(&chain.mixed))?;
            Some((index, chain, header))
        })?;
        let planned = header.map_err(Refusal::from).and_then(|header| {
            let key = chain.find(&header, horizon)?;
            Ok((ChainStep::SpendOlder { index, number: header.number }, key))
        });
        Some(planned)
    }

    /// Which chain a planned change is in.
    pub(crate) fn chain_of(&self, step: &ChainStep) -> ChainOfMessage {
        match step {
            ChainStep::Advance(_) | ChainStep::SpendCurrent { .. } => ChainOfMessage {
                place: ChainPlace::Current,
                mixed: self.current.as_ref().and_then(|chain| chain.mixed),
            },
            ChainStep::SpendOlder { index, .. } => ChainOfMessage {
                place: ChainPlace::Older,
                mixed: self.older.get(*index).and_then(|chain| chain.mixed),
            },
        }
    }

    /// Makes a planned change. Says how many keys a gap was too wide for.
    pub(crate) fn commit(&mut self, step: ChainStep) -> u32 {
        match (step, &mut self.current) {
            (ChainStep::Advance(advance), Some(chain)) => {
                self.older.iter_mut().for_each(|older| older.follow());
                return chain.advance(advance);
            }
            (ChainStep::SpendCurrent { number }, Some(chain)) => chain.skipped.spend(number),
            (ChainStep::SpendOlder { index, number }, _) => {
                if let Some(chain) = self.older.get_mut(index) {
                    chain.skipped.spend(number);
                }
            }
            // Nothing is planned in a chain that is not there.
            (ChainStep::Advance(_) | ChainStep::SpendCurrent { .. }, None) => {}
        }
        0
    }

    /// Ends the current chain and begins the next. Says how many keys the gaps were too wide for.
    pub(crate) fn begin(&mut self, next: NextChain, limits: &SessionLimits, now: Timestamp) -> u32 {
        let NextChain {
            their_ratchet_key,
            previous_length,
            advance: Advance { gap, chain_key, received },
            next_header_key,
            mixed,
            peer_went_back: _,
        } = next;
        let header_key = core::mem::replace(&mut self.next_header_key, next_header_key);
        let skipped = SkippedKeys::new();
        let mut begun = ReceivingChain {
            their_ratchet_key,
            header_key,
            chain_key,
            previous_length,
            received,
            mixed,
            skipped,
        };
        let dropped = begun.skipped.keep(gap);
        let Some(current) = &mut self.current else {
            self.current = Some(Box::new(begun));
            return dropped;
        };
        // In the place of the former one, of which nothing is left there.
        let mut former = core::mem::replace(&mut **current, begun);
        let dropped_of_former = former.keep_rest(previous_length, limits, now);
        if former.skipped.held() != 0 {
            self.older.push_back(Box::new(former.end(previous_length)));
        }
        self.older.iter_mut().for_each(|older| older.follow());
        dropped.saturating_add(dropped_of_former)
    }

    /// Drops what is too old or too much, the first kept first; says how many keys.
    pub(crate) fn drop_keys(&mut self, limits: &SessionLimits, now: Timestamp) -> u32 {
        // Most messages come in order, so that most sessions hold nothing.
        if self.older.is_empty() && self.held() == 0 {
            return 0;
        }
        let mut dropped = 0_usize;
        for keys in self.in_order_of_keeping() {
            dropped = dropped.saturating_add(keys.drop_kept_before(limits.horizon(now)));
        }
        let most = usize::try_from(limits.max_held_keys).unwrap_or(usize::MAX);
        let mut excess = self.held().saturating_sub(most);
        for keys in self.in_order_of_keeping() {
            let gone = keys.drop_first(excess);
            excess = excess.saturating_sub(gone);
            dropped = dropped.saturating_add(gone);
        }
        self.older.retain(|chain| chain.skipped.held() != 0);
        let most = usize::try_from(limits.max_older_chains).unwrap_or(usize::MAX);
        while self.older.len() > most {
            let gone = self.older.pop_front().map_or(0, |chain| chain.skipped.held());
            dropped = dropped.saturating_add(gone);
        }
        u32::try_from(dropped).unwrap_or(u32::MAX)
    }

    /// How many keys are held for messages that have not come.
    pub(crate) fn held(&self) -> usize {
        let older = self.older.iter().map(|chain| chain.skipped.held());
        older.chain(self.current.as_ref().map(|chain| chain.skipped.held())).sum()
    }

    fn in_order_of_keeping(&mut self) -> impl Iterator<Item = &mut SkippedKeys> {
        let older = self.older.iter_mut().map(|chain| &mut chain.skipped);
        older.chain(self.current.as_mut().map(|chain| &mut chain.skipped))
    }
}

/// Whether a header opens. What is in it does not matter.
fn opens(key: &HeaderKey, sealed_header: &[u8; SEALED_HEADER_LENGTH]) -> bool {
    key.open(sealed_header, Suite::Classical).is_some()
}

impl ReceivingChain {
    fn plan(
        &self,
        header: &Header,
        limits: &SessionLimits,
        now: Timestamp,
    ) -> Result<(ChainStep, MessageKey), Refusal> {
        let number = header.number;
        if (header.ratchet_key, header.mixed) != (self.their_ratchet_key, self.mixed) {
            return Err(Refusal::Forked);
        }
        if number >= self.received {
            let (advance, message_key) =
                Advance::plan(&self.chain_key, self.received, number, limits, now);
            return Ok((ChainStep::Advance(advance), message_key));
        }
        match self.skipped.find(number, limits.horizon(now)) {
            Lookup::Held(key) => Ok((ChainStep::SpendCurrent { number }, key)),
            Lookup::Dropped => Err(Refusal::Expired),
            Lookup::Used => Err(Refusal::Used { passed: self.received.saturating_sub(number) }),
        }
    }

    fn upcoming(
        &self,
        ahead: &Range<u32>,
    ) -> impl Iterator<Item = [u8; SEALED_HEADER_LENGTH]> + use<'_> {
        let place = |ahead: u32| self.received.saturating_add(ahead).min(MAX_CHAIN);
        (place(ahead.start)..place(ahead.end)).map(|number| {
            self.header_key.seal(&Header {
                ratchet_key: self.their_ratchet_key,
                previous_length: self.previous_length,
                number,
                mixed: self.mixed,
            })
        })
    }

    /// Keeps the keys from here to the chain's end, now that its length is known. Says how many there was no room for.
    fn keep_rest(&mut self, length: u32, limits: &SessionLimits, now: Timestamp) -> u32 {
        self.skipped.keep(Gap::walk(&self.chain_key, self.received, length, limits, now).0)
    }

    /// Moves the chain. Says how many keys the gap was too wide for.
    fn advance(&mut self, advance: Advance) -> u32 {
        let Advance { gap, chain_key, received } = advance;
        self.chain_key = chain_key;
        self.received = received;
        self.skipped.keep(gap)
    }

    /// Ends the chain. Its chain key is wiped: no further key of it will ever be derived.
    fn end(self, length: u32) -> OlderChain {
        let Self {
            their_ratchet_key,
            header_key,
            chain_key: _,
            previous_length: _,
            received,
            mixed,
            skipped,
        } = self;
        let length = length.max(received);
        OlderChain { their_ratchet_key, header_key, length, followed: 0, mixed, skipped }
    }
}

impl Receiving {
    /// Writes what suite 2 stores of each chain: by how much it has fewer than `mixed`, and that of the older ones.
    pub(crate) fn write_mixed(&self, mixed: u32, out: &mut StateWriter) {
        let older = self.older.iter().map(|chain| chain.mixed);
        let all = self.current.iter().map(|chain| chain.mixed).chain(older);
        all.for_each(|its| mixed.saturating_sub(its.unwrap_or_default()).write(out));
    }

    /// Reads the same. No chain of the peer's has more than we have.
    pub(crate) fn read_mixed(
        &mut self,
        mixed: u32,
        reader: &mut Reader<'_>,
    ) -> Result<(), DecodeError> {
        let older = self.older.iter_mut().map(|chain| &mut chain.mixed);
        let all = self.current.iter_mut().map(|chain| &mut chain.mixed).chain(older);
        for its in all {
            let fewer = u32::read(reader)?;
            *its = Some(mixed.checked_sub(fewer).ok_or(DecodeError::Malformed)?);
        }
        Ok(())
    }
}

stored!(Receiving { current, next_header_key, older });

// The numbers must be such that the chain can go on and be stored again.
stored!(ReceivingChain {
    their_ratchet_key,
    header_key,
    chain_key,
    previous_length,
    received,
    skipped;
    mixed: None
} if |chain| {
    (1..=MAX_CHAIN).contains(&chain.received)
        && chain.previous_length <= MAX_CHAIN
        && chain.skipped.are_below(chain.received)
});
