//! What the user decided of a person, on whichever of their devices.

use core::num::NonZeroU64;

use crate::stored::{StateWriter, Stored, stored};
use crate::wire::codec::{DecodeError, Reader};

/// How far a version may be above the one that is held, as of settings: nobody comes there by deciding. It takes 2^44
/// decisions to come to the last one.
const MAX_JUMP: u64 = 1 << 20;

/// What the user decided of a person. Of two decisions that were made at the same time on two devices the more cautious
/// holds: the order of the variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[non_exhaustive]
pub enum ContactDecision {
    /// The person is a contact: devices of theirs that become known are accepted.
    Accepted,
    /// They are asked about, as somebody who wrote first, or was deleted from the contacts.
    Request,
    /// They are refused, or blocked, with all devices that they have and will have.
    Refused,
}

/// Whether the user has compared numbers. Of two that were said at the same time *not* holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Comparison {
    Equal,
    NotMade,
}

/// A decision, and the how manyth of its kind it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Decided<Decision> {
    pub(crate) version: NonZeroU64,
    pub(crate) decision: Decision,
}

/// Its version is further above the one that is held than anybody comes by deciding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct VersionJump;

/// Why what an own device decided is not taken. Nothing has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HearError {
    VersionJump,
    TooManyPeople,
}

impl From<VersionJump> for HearError {
    fn from(_: VersionJump) -> Self {
        Self::VersionJump
    }
}

/// What was decided of one person. Decisions join: in any order, and any number of times, the same ones come to the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Decisions {
    pub(crate) contact: Option<Decided<ContactDecision>>,
    pub(crate) comparison: Option<Decided<Comparison>>,
}

impl<Decision: Copy + Ord> Decided<Decision> {
    /// The first of its kind.
    pub(crate) fn first(decision: Decision) -> Self {
        Self { version: NonZeroU64::MIN, decision }
    }

    /// Decides here; `None` if it was decided so already.
    pub(crate) fn decide(held: &mut Option<Self>, decision: Decision) -> Option<Self> {
        if held.is_some_and(|held| held.decision == decision) {
            return None;
        }
        // The last version is out of reach.
        let version = held.map_or(NonZeroU64::MIN, |held| held.version.saturating_add(1));
        *held = Some(Self { version, decision });
        *held
    }

    /// Takes in what was decided elsewhere. Says whether another decision holds now.
    pub(crate) fn hear(held: &mut Option<Self>, heard: Self) -> Result<bool, VersionJump> {
        let version = held.map_or(0, |held| held.version.get());
        if heard.version.get() > version.saturating_add(MAX_JUMP) {
            return Err(VersionJump);
        }
        let before = held.map(|held| held.decision);
        *held = (*held).max(Some(heard));
        Ok(held.map(|held| held.decision) != before)
    }
}

impl Decisions {
    pub(crate) const NONE: Self = Self { contact: None, comparison: None };

    pub(crate) fn contact(&self) -> Option<ContactDecision> {
        self.contact.map(|contact| contact.decision)
    }

    pub(crate) fn is_verified(&self) -> bool {
        self.comparison.is_some_and(|it| it.decision == Comparison::Equal)
    }
}

impl ContactDecision {
    /// How it is written, in messages and in stores.
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Accepted => 1,
            Self::Request => 2,
            Self::Refused => 3,
        }
    }

    pub(crate) fn of_byte(byte: u8) -> Option<Self> {
        [Self::Accepted, Self::Request, Self::Refused].into_iter().find(|it| it.byte() == byte)
    }
}

impl Comparison {
    pub(crate) fn is_equal(self) -> bool {
        self == Self::Equal
    }

    pub(crate) fn of(is_equal: bool) -> Self {
        if is_equal { Self::Equal } else { Self::NotMade }
    }
}

impl<Decision: Stored> Stored for Decided<Decision> {
    fn write(&self, out: &mut StateWriter) {
        let Self { version, decision } = self;
        version.get().write(out);
        decision.write(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let version = NonZeroU64::new(Stored::read(reader)?).ok_or(DecodeError::Malformed)?;
        Ok(Self { version, decision: Stored::read(reader)? })
    }
}

impl Stored for ContactDecision {
    fn write(&self, out: &mut StateWriter) {
        out.put(&[self.byte()]);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::of_byte(reader.u8()?).ok_or(DecodeError::Malformed)
    }
}

impl Stored for Comparison {
    fn write(&self, out: &mut StateWriter) {
        self.is_equal().write(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        bool::read(reader).map(Self::of)
    }
}

stored!(Decisions { contact, comparison });

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    fn decided(version: u64, byte: u8) -> Decided<ContactDecision> {
        let decision = ContactDecision::of_byte(byte).unwrap();
        Decided { version: NonZeroU64::new(version).unwrap(), decision }
    }

    #[test]
    fn of_two_decisions_at_the_same_time_the_more_cautious_holds() {
        for (one, other, holds) in [(1, 2, 2), (1, 3, 3), (2, 3, 3), (3, 1, 3)] {
            let mut held = Some(decided(5, one));
            let changed = Decided::hear(&mut held, decided(5, other)).unwrap();
            assert_eq!((held, changed), (Some(decided(5, holds)), holds != one));
        }
        let mut held = Some(decided(5, 3));
        assert_eq!(Decided::hear(&mut held, decided(6, 1)), Ok(true));
        assert_eq!(held, Some(decided(6, 1)));
        let mut compared = Some(Decided::first(Comparison::Equal));
        let heard = Decided::first(Comparison::NotMade);
        assert_eq!(Decided::hear(&mut compared, heard), Ok(true));
        assert_eq!(Decided::hear(&mut compared, Decided::first(Comparison::Equal)), Ok(false));
        assert_eq!(compared, Some(heard));
    }

    #[test]
    fn a_version_that_nobody_comes_to_by_deciding_is_refused() {
        let mut held = None;
        assert_eq!(Decided::hear(&mut held, decided(MAX_JUMP + 1, 1)), Err(VersionJump));
        assert_eq!(held, None);
        assert_eq!(Decided::hear(&mut held, decided(MAX_JUMP, 1)), Ok(true));
        assert_eq!(Decided::hear(&mut held, decided(2 * MAX_JUMP + 1, 3)), Err(VersionJump));
        assert_eq!(Decided::hear(&mut held, decided(2 * MAX_JUMP, 3)), Ok(true));
        let mut last = Some(decided(u64::MAX, 3));
        assert_eq!(
            Decided::decide(&mut last, ContactDecision::Accepted).unwrap().version.get(),
            u64::MAX
        );
    }

    #[test]
    fn what_was_decided_already_is_no_decision() {
        let mut held = None;
        let first = Decided::decide(&mut held, ContactDecision::Refused);
        assert_eq!(first, Some(decided(1, 3)));
        assert_eq!(Decided::decide(&mut held, ContactDecision::Refused), None);
        assert_eq!(Decided::decide(&mut held, ContactDecision::Accepted), Some(decided(2, 1)));
    }

    proptest! {
        #[test]
        fn in_whatever_order_decisions_come_they_come_to_the_same(
            heard in prop::collection::vec((1_u64..5, 1_u8..4), 1..8),
            by in any::<prop::sample::Index>(),
        ) {
            let of = |order: &[(u64, u8)]| {
                let mut held = None;
                for (version, byte) in order {
                    Decided::hear(&mut held, decided(*version, *byte)).unwrap();
                }
                held
            };
            let mut rotated = heard.clone();
            rotated.rotate_left(by.index(heard.len()));
            let backwards: Vec<_> = heard.iter().rev().copied().collect();
            let twice = [heard.clone(), backwards.clone()].concat();
            let held = of(&heard);
            prop_assert_eq!(of(&rotated), held);
            prop_assert_eq!(of(&backwards), held);
            prop_assert_eq!(of(&twice), held);
        }
    }
}
