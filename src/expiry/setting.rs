//! One setting for each conversation, and the merge that always converges.

use core::cmp::Reverse;
use core::num::NonZeroU32;
use core::time::Duration;

use crate::stored::{StateWriter, Stored, stored};
use crate::wire::codec::{DecodeError, Reader};
use crate::wire::stamp::{MemberTag, Policy, Setting, SettingVersion};

/// The longest life that can be set: 366 days, in seconds. What is longer counts as this.
pub(crate) const MAX_TTL: NonZeroU32 = match NonZeroU32::new(366 * 86_400) {
    Some(ttl) => ttl,
    None => NonZeroU32::MAX,
};

/// How far above ours a peer's version may be: one message with the greatest version would freeze the setting
/// for ever, since no change could follow.
const MAX_JUMP: u64 = 1 << 20;

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

stored!(Setting { version, policy, by });
