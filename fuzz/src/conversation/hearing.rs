//! A naive model of the chains of one session's end: numbers in lists, as docs/protocol.md §5 says, and no
//! keys.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use evanesce::Timestamp;
use evanesce::limits::SessionLimits;
use evanesce::session::DecryptError;

/// What stands in a message's header, chains counted from 0.
#[derive(Clone, Copy, Debug)]
pub struct Header {
    pub chain: u32,
    /// PN.
    pub previous_length: u32,
    /// N.
    pub number: u32,
}

/// What one end sends.
#[derive(Clone, Debug)]
pub struct Speaking {
    /// The chain, once there is one.
    chain: Option<u32>,
    /// PN, Ns.
    previous_length: u32,
    sent: u32,
    step_is_due: bool,
}

/// What one end has heard, and what it holds keys for.
#[derive(Clone, Debug)]
pub struct Hearing {
    limits: SessionLimits,
    /// The peer's current chain, and Nr.
    current: Option<u32>,
    received: u32,
    /// In order of keeping.
    held: Vec<Held>,
    watermarks: BTreeMap<u32, u32>,
    /// Of chains that have ended, as far as is known.
    lengths: BTreeMap<u32, u32>,
}

/// A key for a message that has not come.
#[derive(Clone, Copy, Debug)]
struct Held {
    chain: u32,
    number: u32,
    kept: Timestamp,
}

/// What comes with a message that opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heard {
    pub dropped_keys: u32,
    /// It is the first of its chain that opens.
    pub begins_chain: bool,
}

impl Speaking {
    /// Of an end that has not sent anything, and may.
    #[must_use]
    pub fn first() -> Self {
        Self { chain: None, previous_length: 0, sent: 0, step_is_due: true }
    }

    pub fn speak(&mut self) -> Header {
        if self.step_is_due {
            self.step_is_due = false;
            self.chain = Some(self.chain.map_or(0, |chain| chain + 1));
            self.previous_length = self.sent;
            self.sent = 0;
        }
        let chain = self.chain.expect("nobody speaks before it is its turn");
        let header = Header { chain, previous_length: self.previous_length, number: self.sent };
        self.sent += 1;
        header
    }

    /// The peer has begun a chain.
    pub fn answer(&mut self) {
        self.step_is_due = true;
    }

    #[must_use]
    pub fn step_is_due(&self) -> bool {
        self.step_is_due
    }
}

impl Hearing {
    #[must_use]
    pub fn new(limits: SessionLimits) -> Self {
        let (watermarks, lengths) = (BTreeMap::new(), BTreeMap::new());
        Self { limits, current: None, received: 0, held: Vec::new(), watermarks, lengths }
    }

    pub fn set_limits(&mut self, limits: SessionLimits) {
        self.limits = limits;
    }

    #[must_use]
    pub fn held_keys(&self) -> usize {
        self.held.len()
    }

    /// Whether anything has opened.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.current.is_some()
    }

    /// Nr.
    #[must_use]
    pub fn received(&self) -> u32 {
        self.received
    }

    /// Whether keys of a chain are held.
    #[must_use]
    pub fn holds(&self, chain: u32) -> bool {
        self.held.iter().any(|held| held.chain == chain)
    }

    /// What a message must bring about (§5.5). Refused, it leaves the model as it was.
    pub fn hear(
        &mut self,
        header: Header,
        step_is_due: bool,
        now: Timestamp,
    ) -> Result<Heard, DecryptError> {
        let Header { chain, previous_length, number } = header;
        let horizon = now.minus(self.limits.held_key_lifetime);
        let next = self.current.map_or(0, |current| current + 1);
        let is_current = self.current == Some(chain);
        let mut heard = Heard { dropped_keys: 0, begins_chain: false };
        if is_current && number >= self.received {
            heard.dropped_keys += self.pass(chain, self.received..number, now);
            self.received = number + 1;
        } else if chain == next && !step_is_due {
            if let Some(former) = self.current {
                self.lengths.insert(former, self.received.max(previous_length));
                heard.dropped_keys += self.pass(former, self.received..previous_length, now);
            }
            heard.dropped_keys += self.pass(chain, 0..number, now);
            heard.begins_chain = true;
            (self.current, self.received) = (Some(chain), number + 1);
        } else if is_current
            || self.held.iter().any(|held| held.chain == chain && held.kept >= horizon)
        {
            let place = self.find(chain, number, horizon)?;
            self.held.remove(place);
        } else {
            return Err(DecryptError::Undecryptable);
        }
        heard.dropped_keys += self.drop_keys(now);
        Ok(heard)
    }

    /// Drops what is too old or too much (§5.7); says how many keys.
    pub fn drop_keys(&mut self, now: Timestamp) -> u32 {
        let before = self.held.len();
        let horizon = now.minus(self.limits.held_key_lifetime);
        self.drop_where(|held| held.kept < horizon);
        while self.held.len() > usize::try_from(self.limits.max_held_keys).expect("a small number")
        {
            let first = self.held[0];
            self.drop_where(|held| (held.chain, held.number) == (first.chain, first.number));
        }
        while let Some(oldest) = self.oldest_too_many() {
            self.drop_where(|held| held.chain == oldest);
        }
        u32::try_from(before - self.held.len()).expect("a small number")
    }

    /// The oldest chain, if there are too many older ones.
    fn oldest_too_many(&self) -> Option<u32> {
        let chains: BTreeSet<u32> = self.held.iter().map(|held| held.chain).collect();
        let older = chains.iter().filter(|chain| Some(**chain) != self.current);
        let is_too_many = older.clone().count()
            > usize::try_from(self.limits.max_older_chains).expect("a small number");
        older.min().copied().filter(|_| is_too_many)
    }

    fn find(&self, chain: u32, number: u32, horizon: Timestamp) -> Result<usize, DecryptError> {
        let is_it = |held: &Held| (held.chain, held.number) == (chain, number);
        if let Some(place) = self.held.iter().position(is_it) {
            let is_young = self.held[place].kept >= horizon;
            return if is_young { Ok(place) } else { Err(DecryptError::Expired) };
        }
        let too_old = self.held.iter().filter(|held| held.chain == chain && held.kept < horizon);
        let dropped = too_old.map(|held| held.number + 1).max().unwrap_or_default();
        if self.lengths.get(&chain).is_some_and(|length| number >= *length) {
            return Err(DecryptError::Forked);
        }
        let watermark = self.watermarks.get(&chain).copied().unwrap_or_default().max(dropped);
        Err(if number < watermark { DecryptError::Expired } else { DecryptError::Duplicate })
    }

    /// Passes messages over. Says how many keys are not kept.
    fn pass(&mut self, chain: u32, numbers: Range<u32>, now: Timestamp) -> u32 {
        let most = self.limits.max_skip.min(self.limits.max_held_keys);
        let width = numbers.end.saturating_sub(numbers.start);
        let dropped = width.saturating_sub(most);
        let (first, last) = (numbers.start + dropped, numbers.end);
        if dropped != 0 {
            self.raise_watermark(chain, first);
        }
        self.held.extend((first..last).map(|number| Held { chain, number, kept: now }));
        dropped
    }

    fn drop_where(&mut self, is_due: impl Fn(&Held) -> bool) {
        let due: Vec<Held> = self.held.iter().copied().filter(&is_due).collect();
        for held in due {
            self.raise_watermark(held.chain, held.number + 1);
        }
        self.held.retain(|held| !is_due(held));
    }

    fn raise_watermark(&mut self, chain: u32, to: u32) {
        let watermark = self.watermarks.entry(chain).or_default();
        *watermark = (*watermark).max(to);
    }
}
