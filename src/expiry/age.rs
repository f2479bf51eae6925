//! How long ago something happened that was heard of from elsewhere.

use core::time::Duration;

/// How far back a sender's own word moves the start of a life.
const MAX_CLAIMED: Duration = Duration::from_secs(600);

/// How long ago something happened that is heard of only now. Moments of other clocks enter as ages alone, so
/// that no clock but ours sets a deadline, and nothing starts in the future.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Age(Duration);

impl Age {
    /// Now, or nobody knows.
    pub const NONE: Self = Self(Duration::ZERO);

    /// By a clock that is trusted: how long the message lay at the application's server, or what an own other
    /// device says.
    #[must_use]
    pub const fn trusted(age: Duration) -> Self {
        Self(age)
    }

    /// By the sender's word, which counts for ten minutes at most.
    #[must_use]
    pub fn claimed(age: Duration) -> Self {
        Self(age.min(MAX_CLAIMED))
    }

    /// How long it is ago.
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }
}
