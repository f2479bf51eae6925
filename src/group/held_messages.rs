//! Messages that wait for something that is missing.

use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::group::fair_share::{Share, first_out};
use crate::group::message_opening::GroupDecryptError;
use crate::group::missing::{Missing, MissingKind, Unblocked};
use crate::stored::{StateWriter, Stored, stored};
use crate::time::Timestamp;
use crate::wire::codec::{DecodeError, Reader};

/// How many wait. With one more, what does not open goes first, as anybody can hand such bytes to the carrier; then what names
/// a roster or a list that is not held, which whoever ever held a header key can make up; then, of what names chains, that of
/// the device that has most. But a fourth is left to each of the three: headers are not signed, so that whoever held a key may
/// speak of members' devices in them, and what waits for a roster may be as honest.
const MOST: usize = 1_000;

/// How long one waits: 14 days.
const LIFETIME: Duration = Duration::from_secs(14 * 86_400);

/// Which messages of a group wait, and for what. The application keeps their bytes, each under the number that it has here, in
/// the same transaction. One for each group; it is stored, in a row of its own or beside the group.
#[derive(Default)]
pub struct HeldMessages {
    next: u64,
    /// The first come first.
    held: Vec<HeldMessage>,
}

struct HeldMessage {
    number: u64,
    came: Timestamp,
    /// None of one whose header does not open: a secret may be missing.
    missing: Option<Missing>,
}

/// What is to be done with a message that was refused.
#[derive(Clone, PartialEq, Eq)]
#[must_use = "what does not wait any more is to be deleted"]
#[non_exhaustive]
pub struct Kept {
    /// Store its bytes and its `ad` under this number, then acknowledge it. `None`: there is nothing to wait for.
    pub number: Option<u64>,
    /// These do not wait any more: delete them. Show that something is missing.
    pub dropped: Vec<u64>,
}

impl HeldMessages {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A message was refused for this reason: whether it waits, and under which number. Call it once for each: one that is
    /// offered again keeps its number ([`HeldMessages::refused_again`]), and of one that the carrier repeats while it waits the
    /// bytes are there already: acknowledge that, and call nothing.
    pub fn refused(&mut self, reason: &GroupDecryptError, now: Timestamp) -> Kept {
        let mut dropped = self.maintain(now);
        let Some(missing) = waits_for(reason) else { return Kept { number: None, dropped } };
        let number = self.next;
        self.next = self.next.saturating_add(1);
        self.held.push(HeldMessage { number, came: now, missing });
        if self.held.len() > MOST {
            let shares: Vec<_> = self.held.iter().map(|held| share(&held.missing)).collect();
            dropped.push(self.held.remove(first_out(&shares).unwrap_or(0)).number);
        }
        Kept { number: Some(number), dropped }
    }

    /// The messages that wait for this, in the order in which they came: offer each again, then tell what came of it
    /// ([`HeldMessages::opened`], [`HeldMessages::refused_again`]).
    #[must_use]
    pub fn due(&self, unblocks: &[Unblocked]) -> Vec<u64> {
        let has_secret = unblocks.iter().any(|it| matches!(it, Unblocked::Secret(_)));
        let is_due = |held: &&HeldMessage| match &held.missing {
            None => has_secret,
            Some(missing) => unblocks.iter().any(|it| missing.is_unblocked_by(it)),
        };
        self.held.iter().filter(is_due).map(|held| held.number).collect()
    }

    /// One that was offered again has opened, or needs not be kept: delete its bytes.
    pub fn opened(&mut self, number: u64) {
        self.held.retain(|held| held.number != number);
    }

    /// One that was offered again was refused: whether it goes on to wait. If not, delete its bytes.
    #[must_use]
    pub fn refused_again(&mut self, number: u64, reason: &GroupDecryptError) -> bool {
        let missing = waits_for(reason);
        let held = self.held.iter_mut().find(|held| held.number == number);
        match (held, missing) {
            (Some(held), Some(missing)) => {
                held.missing = missing;
                true
            }
            (_, _) => {
                self.opened(number);
                false
            }
        }
    }

    /// Forgets those that have waited for 14 days: delete them, and show that something is missing. Call it once a day.
    #[must_use]
    pub fn maintain(&mut self, now: Timestamp) -> Vec<u64> {
        let is_over = |held: &HeldMessage| now > held.came.plus(LIFETIME);
        let over = self.held.iter().filter(|held| is_over(held)).map(|held| held.number).collect();
        self.held.retain(|held| !is_over(held));
        over
    }

    /// How many wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.held.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }
}

/// On whose account a message waits. A chain is missing of a device that a list names, of somebody who is in the group; tags of
/// other senders may be made up for each message, so that those have one share together.
fn share(missing: &Option<Missing>) -> Share<Option<bool>, Option<[u8; 8]>> {
    let belongs = missing.map(|missing| missing.kind == MissingKind::Chain);
    let whose = missing.filter(|_| belongs == Some(true)).map(|missing| missing.device);
    Share { belongs, whose }
}

/// What a refused message waits for; `None` if it waits for nothing.
fn waits_for(reason: &GroupDecryptError) -> Option<Option<Missing>> {
    match reason {
        GroupDecryptError::Missing(missing) => Some(Some(*missing)),
        GroupDecryptError::Undecryptable => Some(None),
        GroupDecryptError::Malformed
        | GroupDecryptError::Unsupported
        | GroupDecryptError::Forged
        | GroupDecryptError::Duplicate
        | GroupDecryptError::NotAMember
        | GroupDecryptError::Former
        | GroupDecryptError::Refused
        | GroupDecryptError::Forked
        | GroupDecryptError::Expired
        | GroupDecryptError::SenderAtFault => None,
    }
}

stored!(HeldMessage { number, came, missing });
stored!(HeldMessages { next, held } if |it| {
    let numbers = it.held.iter().map(|held| held.number);
    let ascend = numbers.clone().zip(numbers.skip(1)).all(|(first, next)| first < next);
    ascend && it.held.len() <= MOST && it.held.last().is_none_or(|held| held.number < it.next)
});

impl Stored for Missing {
    fn write(&self, out: &mut StateWriter) {
        let Self { kind, tag, device } = self;
        let kind = match kind {
            MissingKind::List => 1,
            MissingKind::Roster => 2,
            MissingKind::Chain => 3,
        };
        out.put(&[kind]);
        out.put(tag);
        out.put(device);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let kind = match reader.u8()? {
            1 => MissingKind::List,
            2 => MissingKind::Roster,
            3 => MissingKind::Chain,
            _ => return Err(DecodeError::Malformed),
        };
        Ok(Self { kind, tag: *reader.array()?, device: *reader.array()? })
    }
}

/// How many wait.
impl fmt::Debug for Kept {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, dropped } = self;
        let mut shown = formatter.debug_struct("Kept");
        shown.field("number", number).field("dropped", &dropped.len()).finish()
    }
}

impl fmt::Debug for HeldMessages {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("HeldMessages").field("len", &self.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_800_000_000);

    fn missing(kind: MissingKind, device: u64, tag: u64) -> GroupDecryptError {
        let (tag, device) = (tag.to_be_bytes(), device.to_be_bytes());
        GroupDecryptError::Missing(Missing { kind, tag, device })
    }

    #[test]
    fn neither_who_is_no_member_nor_one_member_alone_pushes_out_the_message_of_another() {
        let mut held = HeldMessages::new();
        let honest = [missing(MissingKind::Chain, 1, 1), missing(MissingKind::Chain, 1, 2)];
        let numbers = honest.map(|error| held.refused(&error, NOW).number.unwrap());
        let is_kept = |held: &HeldMessages| {
            held.len() <= MOST
                && numbers.iter().zip([1_u64, 2]).all(|(number, tag)| {
                    held.due(&[Unblocked::Chain(tag.to_be_bytes())]).contains(number)
                })
        };
        // By a header key of before, under made-up rosters and devices; then by bytes that nobody can open.
        for count in 0..2_000 {
            let kind = if count % 2 == 0 { MissingKind::Roster } else { MissingKind::List };
            let kept = held.refused(&missing(kind, count, count), NOW);
            assert!(kept.number.is_some());
            let _ = held.refused(&GroupDecryptError::Undecryptable, NOW);
        }
        assert!(is_kept(&held));
        // By a member who never gives the chains.
        for count in 3..3_000 {
            let kept = held.refused(&missing(MissingKind::Chain, 2, count), NOW);
            assert!(kept.number.is_some() && kept.dropped.len() <= 1);
        }
        assert!(is_kept(&held) && held.len() == MOST);
        // Nor does she keep out what waits for a roster, which may be a newcomer's.
        for count in 0..250 {
            let kept = held.refused(&missing(MissingKind::Roster, count, 5_000 + count), NOW);
            assert!(kept.number.is_some());
        }
        let rosters = (0..250_u64).map(|count| Unblocked::Roster((5_000 + count).to_be_bytes()));
        assert_eq!(held.due(&rosters.collect::<Vec<_>>()).len(), 250);
        assert!(is_kept(&held) && held.len() == MOST);
        assert!(HeldMessages::restore(&held.snapshot()).is_ok());
    }

    #[test]
    fn of_devices_with_as_much_the_first_come_goes() {
        let mut held = HeldMessages::new();
        let first = held.refused(&missing(MissingKind::Chain, 0, 0), NOW).number;
        for device in 1..1_000 {
            let _ = held.refused(&missing(MissingKind::Chain, device, 0), NOW);
        }
        let kept = held.refused(&missing(MissingKind::Chain, 1_000, 0), NOW);
        assert_eq!(kept.dropped, first.into_iter().collect::<Vec<_>>());
    }
}
