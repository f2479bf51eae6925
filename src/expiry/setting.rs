//! One setting for each conversation, and the merge that always converges.

use core::cmp::Reverse;
use core::num::NonZeroU32;
use core::time::Duration;

use crate::stored::{StateWriter, Stored, stored};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::stamp::{MemberTag, Opens, Policy, Setting, SettingVersion};

/// The longest life that can be set: 366 days, in seconds. What is longer counts as this.
pub(crate) const MAX_TTL: NonZeroU32 = match NonZeroU32::new(366 * 86_400) {
    Some(ttl) => ttl,
    None => NonZeroU32::MAX,
};

/// How far above ours a peer's version may be: one message with the greatest version would freeze the setting
/// for ever, since no change could follow.
pub(crate) const MAX_JUMP: u64 = 1 << 20;

/// How strict a policy is: the order of the variants, then of what they hold.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Strictness {
    Off,
    /// The shorter the stricter; of equal lives the one after sending, which ends earlier.
    Timed {
        ttl: Reverse<NonZeroU32>,
        after_send: bool,
    },
    OnClose,
}

/// How two settings become one. The greater version wins, then the stricter policy, then the lower [`MemberTag`].
/// That is a total order, so all who have seen the same changes hold the same setting, whatever the order, loss
/// and repetition in which they came.
impl Setting {
    /// What holds after both have been seen.
    ///
    /// ```
    /// use evanesce::expiry::{MemberTag, Policy, Setting};
    /// use std::time::Duration;
    ///
    /// // Alice and Bob change the setting at the same moment, and each hears of the other's change later.
    /// let (alice, bob) = (MemberTag([1; 8]), MemberTag([2; 8]));
    /// let before = Setting::following(None, None, alice);
    /// let hour = Some(Policy::after_send(Duration::from_secs(3_600)));
    /// let alices = Setting::following(Some(before), hour, alice);
    /// let bobs = Setting::following(Some(before), None, bob);
    /// assert_eq!(alices.merge(bobs), bobs.merge(alices));
    /// assert_eq!(bobs.merge(alices).policy, hour, "the stricter one");
    /// ```
    #[must_use]
    pub fn merge(self, other: Self) -> Self {
        let (ours, theirs) = (self.clamped(), other.clamped());
        if theirs.rank() > ours.rank() { theirs } else { ours }
    }

    /// A change that follows `seen`, and so wins over it. Lives are at most 366 days.
    #[must_use]
    pub fn following(seen: Option<Self>, policy: Option<Policy>, by: MemberTag) -> Self {
        let before = seen.map_or(0, |setting| setting.version.number());
        let next = SettingVersion::new(before.saturating_add(1));
        Self { version: next.unwrap_or(SettingVersion::MAX), policy, by }.clamped()
    }

    /// Whether a peer may have come to this version by changes of which we have seen all but `seen`'s
    /// successors: it is at most 2^20 above.
    #[must_use]
    pub fn is_plausible_after(&self, seen: Option<Self>) -> bool {
        let ours = seen.map_or(0, |setting| setting.version.number());
        self.version.number() <= ours.saturating_add(MAX_JUMP)
    }

    pub(crate) fn rank(&self) -> impl Ord + use<> {
        (self.version, strictness(self.policy), Reverse(self.by))
    }

    pub(crate) fn clamped(self) -> Self {
        Self { policy: self.policy.map(Policy::clamped), ..self }
    }
}

impl Policy {
    /// After a time since it was sent: from a second to 366 days; what is outside counts as the nearer of
    /// the two. Parts of a second count as a whole one.
    #[must_use]
    pub fn after_send(life: Duration) -> Self {
        Self::AfterSend { ttl: whole_seconds(life) }
    }

    /// After a time since it was read: from a second to 366 days, as for [`Policy::after_send`].
    #[must_use]
    pub fn after_read(life: Duration) -> Self {
        Self::AfterRead { ttl: whole_seconds(life) }
    }

    /// With at most 366 days.
    #[must_use]
    pub fn clamped(self) -> Self {
        match self {
            Self::AfterSend { ttl } => Self::AfterSend { ttl: ttl.min(MAX_TTL) },
            Self::AfterRead { ttl } => Self::AfterRead { ttl: ttl.min(MAX_TTL) },
            Self::OnClose => Self::OnClose,
        }
    }
}

/// The one of two policies that is stricter; *off* is the weakest.
pub(crate) fn stricter(policy: Option<Policy>, other: Option<Policy>) -> Option<Policy> {
    if strictness(other) > strictness(policy) { other } else { policy }
}

fn strictness(policy: Option<Policy>) -> Strictness {
    match policy {
        None => Strictness::Off,
        Some(Policy::AfterSend { ttl }) => {
            Strictness::Timed { ttl: Reverse(ttl), after_send: true }
        }
        Some(Policy::AfterRead { ttl }) => {
            Strictness::Timed { ttl: Reverse(ttl), after_send: false }
        }
        Some(Policy::OnClose) => Strictness::OnClose,
    }
}

fn whole_seconds(life: Duration) -> NonZeroU32 {
    let seconds = life.as_nanos().div_ceil(1_000_000_000);
    let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
    NonZeroU32::new(seconds).unwrap_or(NonZeroU32::MIN).min(MAX_TTL)
}

/// The clock in one byte, then the ttl of those that have one.
impl Stored for Policy {
    fn write(&self, out: &mut StateWriter) {
        match self {
            Self::AfterSend { ttl } => {
                out.put(&[1]);
                ttl.get().write(out);
            }
            Self::AfterRead { ttl } => {
                out.put(&[2]);
                ttl.get().write(out);
            }
            Self::OnClose => out.put(&[3]),
        }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8()? {
            1 => Self::AfterSend { ttl: Stored::read(reader)? },
            2 => Self::AfterRead { ttl: Stored::read(reader)? },
            3 => Self::OnClose,
            _ => return Err(DecodeError::Malformed),
        })
    }
}

/// A life in seconds, at most the longest that can be set.
impl Stored for NonZeroU32 {
    fn write(&self, out: &mut StateWriter) {
        self.get().write(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let ttl = Self::new(Stored::read(reader)?).filter(|ttl| *ttl <= MAX_TTL);
        ttl.ok_or(DecodeError::Malformed)
    }
}

/// The same in serde's formats, where there may be none.
#[cfg(feature = "serde")]
pub(crate) fn read_ttl<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<NonZeroU32>, D::Error> {
    let ttl: Option<NonZeroU32> = serde::Deserialize::deserialize(deserializer)?;
    if ttl.is_none_or(|ttl| ttl <= MAX_TTL) {
        Ok(ttl)
    } else {
        Err(serde::de::Error::custom(DecodeError::Malformed))
    }
}

impl Stored for SettingVersion {
    fn write(&self, out: &mut StateWriter) {
        self.number().write(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Self::new(Stored::read(reader)?).ok_or(DecodeError::Malformed)
    }
}

impl Stored for MemberTag {
    fn write(&self, out: &mut StateWriter) {
        out.put(&self.0);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.array().copied().map(Self)
    }
}

impl Stored for Opens {
    fn write(&self, out: &mut StateWriter) {
        out.put(&[match self {
            Self::Unlimited => 0,
            Self::Once => 1,
            Self::Twice => 2,
        }]);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(match reader.u8()? {
            0 => Self::Unlimited,
            1 => Self::Once,
            2 => Self::Twice,
            _ => return Err(DecodeError::Malformed),
        })
    }
}

stored!(Setting { version, policy, by });

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    const HOUR: Duration = Duration::from_secs(3_600);

    fn any_policy() -> impl Strategy<Value = Option<Policy>> {
        let ttl = prop_oneof![1..4_u32, any::<u32>()];
        (0..4_u8, ttl).prop_map(|(clock, ttl)| {
            let ttl = NonZeroU32::new(ttl).unwrap_or(NonZeroU32::MIN);
            match clock {
                0 => None,
                1 => Some(Policy::AfterSend { ttl }),
                2 => Some(Policy::AfterRead { ttl }),
                _ => Some(Policy::OnClose),
            }
        })
    }

    fn any_setting() -> impl Strategy<Value = Setting> {
        (1..4_u64, any_policy(), 0..3_u8).prop_map(|(version, policy, by)| Setting {
            version: SettingVersion::new(version).unwrap(),
            policy,
            by: MemberTag([by; 8]),
        })
    }

    fn setting(version: u64, policy: Option<Policy>, by: u8) -> Setting {
        let version = SettingVersion::new(version).unwrap();
        Setting { version, policy, by: MemberTag([by; 8]) }
    }

    proptest! {
        #[test]
        fn merging_is_commutative_associative_and_idempotent(
            a in any_setting(), b in any_setting(), c in any_setting(),
        ) {
            prop_assert_eq!(a.merge(b), b.merge(a));
            prop_assert_eq!(a.merge(b).merge(c), a.merge(b.merge(c)));
            prop_assert_eq!(a.merge(a), a.clamped());
            let merged = a.merge(b);
            prop_assert!(merged == a.clamped() || merged == b.clamped());
        }

        #[test]
        fn a_change_wins_over_what_its_maker_had_seen(
            seen in any_setting(), policy in any_policy(), by in 0..3_u8,
        ) {
            let change = Setting::following(Some(seen), policy, MemberTag([by; 8]));
            prop_assert_eq!(seen.merge(change), change);
            prop_assert_eq!(change.policy, policy.map(Policy::clamped));
            prop_assert_eq!(change.version.number(), seen.version.number() + 1);
        }
    }

    #[test]
    fn of_simultaneous_changes_the_stricter_one_wins() {
        let order = [
            Some(Policy::OnClose),
            Some(Policy::after_send(Duration::from_secs(1))),
            Some(Policy::after_read(Duration::from_secs(1))),
            Some(Policy::after_send(HOUR)),
            Some(Policy::after_read(HOUR)),
            Some(Policy::AfterSend { ttl: MAX_TTL }),
            Some(Policy::AfterRead { ttl: NonZeroU32::MAX }),
            None,
        ];
        for (place, stricter) in order.into_iter().enumerate() {
            for weaker in order.into_iter().skip(place + 1) {
                let (a, b) = (setting(7, stricter, 2), setting(7, weaker, 1));
                assert_eq!(a.merge(b), a.clamped(), "{stricter:?} and {weaker:?}");
                let later = setting(8, weaker, 1);
                assert_eq!(a.merge(later), later.clamped());
            }
        }
        let (low, high) = (setting(7, None, 1), setting(7, None, 2));
        assert_eq!(high.merge(low), low);
    }

    #[test]
    fn lives_have_a_second_to_366_days() {
        let ttl = |policy: Policy| policy.ttl().unwrap().get();
        assert_eq!(ttl(Policy::after_send(Duration::ZERO)), 1);
        assert_eq!(ttl(Policy::after_send(Duration::from_millis(1_001))), 2);
        assert_eq!(ttl(Policy::after_read(Duration::MAX)), 31_622_400);
        assert_eq!(ttl(Policy::AfterRead { ttl: NonZeroU32::MAX }.clamped()), 31_622_400);
        assert_eq!(Policy::OnClose.clamped(), Policy::OnClose);
    }

    #[test]
    fn a_version_may_be_a_million_changes_ahead_and_no_further() {
        let at = |version| setting(version, None, 1);
        assert!(at(MAX_JUMP).is_plausible_after(None));
        assert!(!at(MAX_JUMP + 1).is_plausible_after(None));
        assert!(at(MAX_JUMP + 5).is_plausible_after(Some(at(5))));
        assert!(!at(MAX_JUMP + 6).is_plausible_after(Some(at(5))));
        assert!(at(1).is_plausible_after(Some(at(SettingVersion::MAX.number()))));
        let last = setting(SettingVersion::MAX.number(), None, 1);
        assert_eq!(Setting::following(Some(last), None, MemberTag([1; 8])).version, last.version);
    }

    const REPLICAS: usize = 3;
    const CHANGES: usize = 2;

    /// What each of them sets, first and then: a place in `POLICIES`.
    const PLAN: [[usize; CHANGES]; REPLICAS] = [[1, 0], [2, 0], [0, 3]];
    const POLICIES: [Option<Policy>; 4] = [
        None,
        Some(Policy::AfterRead { ttl: MAX_TTL }),
        Some(Policy::AfterSend { ttl: NonZeroU32::MIN }),
        Some(Policy::OnClose),
    ];

    /// Three people who each change the setting twice; each change goes to both others.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    struct World {
        settings: [Option<Known>; REPLICAS],
        sent: [[Option<Known>; CHANGES]; REPLICAS],
        /// Who has had which of those: a bit each.
        had: u32,
    }

    /// Version, place in `POLICIES`, and who made it: a setting that has an order.
    #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
    struct Known(u64, usize, u8);

    impl Known {
        fn setting(self) -> Setting {
            let Self(version, policy, by) = self;
            setting(version, POLICIES[policy], by)
        }

        fn of(setting: Setting) -> Self {
            let policy = POLICIES.iter().position(|policy| *policy == setting.policy);
            Self(setting.version.number(), policy.unwrap(), setting.by.0[0])
        }
    }

    impl World {
        fn after_change(mut self, replica: usize, change: usize) -> Self {
            let seen = self.settings[replica].map(Known::setting);
            let by = MemberTag([u8::try_from(replica).unwrap(); 8]);
            let made = Setting::following(seen, POLICIES[PLAN[replica][change]], by);
            self.settings[replica] = Some(Known::of(made));
            self.sent[replica][change] = Some(Known::of(made));
            self
        }

        fn after_delivery(mut self, known: Known, place: usize, to: usize) -> Self {
            let theirs = known.setting();
            let ours = self.settings[to].map(Known::setting);
            self.settings[to] = Some(Known::of(ours.map_or(theirs, |ours| ours.merge(theirs))));
            self.had |= 1 << (place * REPLICAS + to);
            self
        }

        /// Any next change, and any message to any other, had before or not.
        fn next(self) -> Vec<Self> {
            let mut next = Vec::new();
            for (from, sent) in self.sent.into_iter().enumerate() {
                let change = sent.iter().position(Option::is_none);
                next.extend(change.map(|change| self.after_change(from, change)));
                for (change, known) in sent.into_iter().enumerate() {
                    let others = (0..REPLICAS).filter(|to| *to != from);
                    let place = from * CHANGES + change;
                    next.extend(
                        others.filter_map(|to| Some(self.after_delivery(known?, place, to))),
                    );
                }
            }
            next
        }
    }

    #[test]
    fn all_who_have_seen_the_same_changes_hold_the_same_setting() {
        let start = World { settings: [None; REPLICAS], sent: [[None; CHANGES]; REPLICAS], had: 0 };
        let (mut seen, mut open) = (BTreeSet::from([start]), Vec::from([start]));
        let mut ends = BTreeSet::new();
        while let Some(world) = open.pop() {
            if world.had.count_ones() == 12 {
                assert!(world.settings.iter().all(|setting| *setting == world.settings[0]));
                ends.insert(world.settings[0]);
            }
            open.extend(world.next().into_iter().filter(|next| seen.insert(*next)));
        }
        assert!(seen.len() > 10_000 && ends.len() > 3, "{} worlds", seen.len());
    }
}
