//! What a receiver does with a message, written from docs/protocol.md §5.5 to §5.7 alone, without any key.

/// The limits of §5.7.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub struct Bounds {
    pub max_skip: u32,
    pub max_held_keys: u32,
    pub max_older_chains: u32,
    /// In seconds.
    pub lifetime: u64,
}

/// A misreading that is planted, each off by one.
#[derive(Clone, Copy, Debug, Hash, PartialEq, Eq)]
pub enum Reading {
    AsWritten,
    /// FLAW: a key goes when it has been kept for its lifetime, not when for longer.
    AgeReached,
    /// FLAW: the watermark is the highest number that was dropped, not one more.
    WatermarkIsHighestDropped,
    /// FLAW: one key more of a gap is kept.
    GapKeepsOneMore,
    /// FLAW: one key more is held in all.
    HoldsOneMore,
    /// FLAW: one older chain more is kept.
    OneOlderChainMore,
    /// FLAW: the key of the number itself is kept with those before it.
    GapEndsOneLater,
}

/// The plain parts of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub chain: usize,
    pub number: u32,
    /// Length of the chain before it (pn).
    pub previous_length: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Opened { dropped: u32 },
    Duplicate,
    Expired,
    Undecryptable,
}

/// What the receiver knows of the chains of one sender.
#[derive(Clone, Debug, Hash, PartialEq, Eq)]
pub struct Definition {
    bounds: Bounds,
    reading: Reading,
    current: Chain,
    /// Oldest first.
    older: Vec<Chain>,
    /// In the order of keeping.
    held: Vec<Held>,
    step_due: bool,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Chain {
    number: usize,
    /// Messages passed (Nr).
    passed: u32,
    watermark: u32,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq)]
struct Held {
    chain: usize,
    number: u32,
    kept: u64,
}

impl Definition {
    /// After the first message, of a chain of its own, and an answer to it.
    pub fn after_answer(bounds: Bounds, reading: Reading) -> Self {
        let current = Chain { number: 0, passed: 1, watermark: 0 };
        Self { bounds, reading, current, older: Vec::new(), held: Vec::new(), step_due: false }
    }

    pub fn held_keys(&self) -> usize {
        self.held.len()
    }

    pub fn current_chain(&self) -> usize {
        self.current.number
    }

    pub fn answer(&mut self) {
        self.step_due = false;
    }

    /// What a device drops when no message comes.
    pub fn maintain(&mut self, now: u64) -> u32 {
        self.drop_old(now) + self.apply_limits()
    }

    /// A refusal leaves this changed: the caller keeps it only if the message opened.
    pub fn take(&mut self, header: Header, now: u64) -> Outcome {
        // Step 1.
        let mut dropped = self.drop_old(now);
        // Steps 2 and 4.
        let Header { chain, number, previous_length } = header;
        let is_next = chain > self.current.number && !self.step_due;
        if is_next {
            dropped += self.pass(previous_length, now);
            let next = Chain { number: chain, passed: 0, watermark: 0 };
            self.older.push(std::mem::replace(&mut self.current, next));
            self.step_due = true;
        }
        if chain == self.current.number && number >= self.current.passed {
            let later = u32::from(self.reading == Reading::GapEndsOneLater);
            dropped += self.pass(number + later, now);
            self.current.passed = number + 1;
        } else {
            let known = self.older.iter().chain([&self.current]).find(|it| it.number == chain);
            let Some(Chain { watermark, .. }) = known else {
                return Outcome::Undecryptable;
            };
            let found = self.held.iter().position(|it| (it.chain, it.number) == (chain, number));
            match found {
                Some(place) => _ = self.held.remove(place),
                None if number < *watermark => return Outcome::Expired,
                None => return Outcome::Duplicate,
            }
        }
        Outcome::Opened { dropped: dropped + self.apply_limits() }
    }

    /// Keeps the keys of the current chain up to a number; says how many of the gap are not kept.
    fn pass(&mut self, end: u32, now: u64) -> u32 {
        let more = u32::from(self.reading == Reading::GapKeepsOneMore);
        let gap = self.current.passed..end;
        let kept_from = end.saturating_sub(self.bounds.max_skip + more).max(gap.start);
        let chain = self.current.number;
        for number in gap {
            if number < kept_from {
                self.raise_watermark(chain, number);
            } else {
                self.held.push(Held { chain, number, kept: now });
            }
        }
        let dropped = kept_from.saturating_sub(self.current.passed);
        self.current.passed = self.current.passed.max(end);
        dropped
    }

    /// Keys that have been kept too long.
    fn drop_old(&mut self, now: u64) -> u32 {
        let reached = u64::from(self.reading == Reading::AgeReached);
        let lifetime = self.bounds.lifetime;
        let (old, held) = std::mem::take(&mut self.held)
            .into_iter()
            .partition(|key| now.saturating_sub(key.kept) + reached > lifetime);
        self.held = held;
        self.dropped(old)
    }

    /// Those in a session, and the older chains.
    fn apply_limits(&mut self) -> u32 {
        self.forget_empty_chains();
        let more = u32::from(self.reading == Reading::HoldsOneMore);
        let too_many = self.held.len().saturating_sub(whole(self.bounds.max_held_keys + more));
        let first_kept = self.held.drain(..too_many).collect();
        let mut dropped = self.dropped(first_kept);
        let more = u32::from(self.reading == Reading::OneOlderChainMore);
        while self.older.len() > whole(self.bounds.max_older_chains + more) {
            let oldest = self.older[0].number;
            let (gone, held) =
                std::mem::take(&mut self.held).into_iter().partition(|key| key.chain == oldest);
            self.held = held;
            dropped += self.dropped(gone);
        }
        dropped
    }

    /// Counts keys that are held no more, and notes it in the watermarks of their chains.
    fn dropped(&mut self, keys: Vec<Held>) -> u32 {
        keys.iter().for_each(|key| self.raise_watermark(key.chain, key.number));
        self.forget_empty_chains();
        u32::try_from(keys.len()).expect("few keys within the bounds of a model")
    }

    fn raise_watermark(&mut self, chain: usize, number: u32) {
        let more = u32::from(self.reading != Reading::WatermarkIsHighestDropped);
        let mut chains = self.older.iter_mut().chain([&mut self.current]);
        if let Some(chain) = chains.find(|it| it.number == chain) {
            chain.watermark = chain.watermark.max(number + more);
        }
    }

    /// An older chain without held keys is not stored.
    fn forget_empty_chains(&mut self) {
        let Self { older, held, .. } = self;
        older.retain(|chain| held.iter().any(|key| key.chain == chain.number));
    }
}

fn whole(count: u32) -> usize {
    usize::try_from(count).expect("32 bits fit")
}
