//! A chain of another device: the keys of its messages, and which of them have opened.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use crate::crypto::hash::sha256;
use crate::crypto::signature::UnpackedSignatureKey;
use crate::group::sender_chain::ChainName;
use crate::ratchet::chain::ChainKey;
use crate::ratchet::message_key::MessageKey;
use crate::stored::{StateWriter, Stored, read_count, stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::group_message::LAST_NUMBER;

/// How long the key of a message that was passed is held: 30 days.
const LIFETIME: Duration = Duration::from_secs(30 * 86_400);

/// How many bytes of a message's hash tell it from another one under its number.
type Mark = [u8; 8];

/// The mark of a message that opened before its chain was dropped.
const ANY: Mark = [0; 8];

pub(crate) struct HeardChain {
    verifying_key: [u8; 32],
    /// The same, unpacked once a message has opened: that takes a tenth of a verification. It is not stored.
    signer: Option<Box<UnpackedSignatureKey>>,
    /// It comes of the device and the key above, and is not stored.
    pub(crate) name: ChainName,
    /// The lowest number that was given.
    first: u8,
    /// The number of the chain key.
    next: u8,
    chain_key: Box<ChainKey>,
    /// Keys of messages that were passed, by number.
    held: Vec<HeldKey>,
    /// Of the messages that opened, by number.
    opened: Vec<(u8, Mark)>,
}

struct HeldKey {
    number: u8,
    kept: Timestamp,
    key: Box<MessageKey>,
}

/// What is known of a message's number.
pub(crate) enum Looked {
    /// Its key, and what is to be kept once the message has opened.
    Key(MessageKey, Advance),
    /// Just these bytes have opened.
    Duplicate,
    /// Other bytes have opened under its number.
    Forked,
    /// Its key was dropped, or never given.
    Expired,
}

/// A chain moved past a message that has not opened yet.
pub(crate) struct Advance {
    number: u8,
    passed: Vec<HeldKey>,
    /// None where the key was held.
    next: Option<Box<ChainKey>>,
}

/// What a chain that was given again brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given {
    Known,
    /// Keys of numbers below those that were known.
    Lower,
    /// It does not lead to what is known.
    Forked,
}

impl HeardChain {
    pub(crate) fn new(
        name: ChainName,
        verifying_key: [u8; 32],
        number: u8,
        chain_key: Box<ChainKey>,
    ) -> Self {
        let (held, opened) = (Vec::new(), Vec::new());
        let (first, next, signer) = (number, number, None);
        Self { verifying_key, signer, name, first, next, chain_key, held, opened }
    }

    /// Whether this holds under the key of the chain.
    pub(crate) fn is_signed(&self, verify: impl FnOnce(&UnpackedSignatureKey) -> bool) -> bool {
        match &self.signer {
            Some(signer) => verify(signer),
            None => UnpackedSignatureKey::decode(&self.verifying_key)
                .is_ok_and(|signer| verify(&signer)),
        }
    }

    /// Changes nothing.
    pub(crate) fn look(&self, number: u8, message: &[u8], now: Timestamp) -> Looked {
        if let Ok(place) = self.opened.binary_search_by_key(&number, |(number, _)| *number) {
            let held = self.opened.get(place).map(|(_, held)| *held);
            let is_it = held == Some(ANY) || held == Some(mark(message));
            return if is_it { Looked::Duplicate } else { Looked::Forked };
        }
        if number < self.next {
            let counts = |held: &&HeldKey| held.number == number && held.counts(now);
            return match self.held.iter().find(counts) {
                Some(held) => {
                    let advance = Advance { number, passed: Vec::new(), next: None };
                    Looked::Key(held.key.duplicate(), advance)
                }
                None => Looked::Expired,
            };
        }
        let mut passed = Vec::with_capacity(usize::from(number.saturating_sub(self.next)));
        let mut step = self.chain_key.step();
        for number in self.next..number {
            let (chain_key, key) = step;
            if !self.has_opened(number) {
                passed.push(HeldKey { number, kept: now, key: Box::new(key) });
            }
            step = chain_key.step();
        }
        let (chain_key, key) = step;
        Looked::Key(key, Advance { number, passed, next: Some(Box::new(chain_key)) })
    }

    pub(crate) fn has_opened(&self, number: u8) -> bool {
        self.opened.binary_search_by_key(&number, |(number, _)| *number).is_ok()
    }

    /// The message has opened.
    pub(crate) fn commit(&mut self, advance: Advance, message: &[u8], now: Timestamp) {
        let Advance { number, passed, next } = advance;
        if self.signer.is_none() {
            let signer = UnpackedSignatureKey::decode(&self.verifying_key);
            self.signer = signer.ok().map(Box::new);
        }
        if let Some(chain_key) = next {
            self.chain_key = chain_key;
            self.next = number.saturating_add(1);
        }
        self.held.retain(|held| held.number != number && held.counts(now));
        self.held.extend(passed);
        let place = self.opened.partition_point(|(opened, _)| *opened < number);
        self.opened.insert(place, (number, mark(message)));
    }

    /// It was given once more, from this number on. The keys of lower numbers than known are held.
    pub(crate) fn give(&mut self, number: u8, chain_key: &ChainKey, now: Timestamp) -> Given {
        if number >= self.first {
            return Given::Known;
        }
        let mut lower = Vec::with_capacity(usize::from(self.first.saturating_sub(number)));
        let mut step = chain_key.step();
        for number in number..self.next {
            let (chain_key, key) = step;
            if number < self.first && !self.has_opened(number) {
                lower.push(HeldKey { number, kept: now, key: Box::new(key) });
            }
            if number.saturating_add(1) == self.next {
                if chain_key != *self.chain_key {
                    return Given::Forked;
                }
                break;
            }
            step = chain_key.step();
        }
        lower.append(&mut self.held);
        self.held = lower;
        self.first = number;
        Given::Lower
    }

    /// The numbers that opened, a bit each.
    pub(crate) fn opened_numbers(&self) -> [u8; 16] {
        let mut bits = [0; 16];
        for (number, _) in &self.opened {
            if let Some(byte) = bits.get_mut(usize::from(number / 8)) {
                *byte |= 1_u8 << (number % 8);
            }
        }
        bits
    }

    /// These have opened before the chain was dropped, by whatever bytes.
    pub(crate) fn note_opened(&mut self, bits: &[u8; 16]) {
        for number in 0..=LAST_NUMBER {
            let byte = bits.get(usize::from(number / 8)).copied().unwrap_or_default();
            if byte & (1 << (number % 8)) != 0 {
                self.opened.push((number, ANY));
            }
        }
    }

    /// Forgets keys that were held for too long; says whether there were any.
    pub(crate) fn maintain(&mut self, now: Timestamp) -> bool {
        let before = self.held.len();
        self.held.retain(|held| held.counts(now));
        self.held.len() != before
    }
}

impl HeldKey {
    fn counts(&self, now: Timestamp) -> bool {
        now <= self.kept.plus(LIFETIME)
    }
}

fn mark(message: &[u8]) -> Mark {
    let mut mark = Mark::default();
    mark.iter_mut().zip(sha256(&[message])).for_each(|(out, byte)| *out = byte);
    mark
}

stored!(HeldKey { number, kept, key });

impl HeardChain {
    pub(crate) fn write(&self, out: &mut StateWriter) {
        let Self { verifying_key, signer: _, name: _, first, next, chain_key, held, opened } = self;
        verifying_key.write(out);
        out.put(&[*first, *next]);
        chain_key.write(out);
        held.write(out);
        out.put_count(opened.len());
        for (number, mark) in opened {
            out.put(&[*number]);
            out.put(mark);
        }
    }

    pub(crate) fn read(
        name: impl FnOnce(&[u8; 32]) -> ChainName,
        reader: &mut Reader<'_>,
    ) -> Result<Self, DecodeError> {
        let verifying_key = *reader.array()?;
        let [first, next] = *reader.array()?;
        let (chain_key, held) = (Stored::read(reader)?, Vec::<HeldKey>::read(reader)?);
        let opened = (0..read_count(reader)?).map(|_| {
            let number = reader.u8()?;
            Ok((number, *reader.array()?))
        });
        let opened: Vec<(u8, Mark)> = opened.collect::<Result<_, DecodeError>>()?;
        let is_sound = first <= next
            && next <= LAST_NUMBER.saturating_add(1)
            && ascend_below(next, held.iter().map(|held| held.number))
            && ascend_below(
                LAST_NUMBER.saturating_add(1),
                opened.iter().map(|(number, _)| *number),
            );
        if !is_sound {
            return Err(DecodeError::Malformed);
        }
        let name = name(&verifying_key);
        Ok(Self { verifying_key, signer: None, name, first, next, chain_key, held, opened })
    }
}

fn ascend_below(end: u8, numbers: impl Iterator<Item = u8>) -> bool {
    let mut last = None;
    let mut all = true;
    for number in numbers {
        all &= last.is_none_or(|last| number > last) && number < end;
        last = Some(number);
    }
    all
}
