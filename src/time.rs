//! The caller's clocks, as the protocol and the timers of messages count them.

use core::time::Duration;

/// A moment by the caller's clock: whole seconds since the Unix epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct Timestamp(u64);

impl Timestamp {
    /// The moment that many seconds after 1970-01-01 00:00:00 UTC.
    #[must_use]
    pub const fn from_unix_seconds(seconds: u64) -> Self {
        Self(seconds)
    }

    /// Seconds since 1970-01-01 00:00:00 UTC.
    #[must_use]
    pub const fn unix_seconds(self) -> u64 {
        self.0
    }

    /// This much later, by whole seconds; at most the last moment that can be named.
    #[must_use]
    pub const fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration.as_secs()))
    }

    /// This much earlier, by whole seconds; at least the epoch.
    #[must_use]
    pub const fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(duration.as_secs()))
    }
}

/// Now, by the clocks of this device. For sessions and accounts, [`Now::timestamp`] is the same moment.
///
/// On Linux, Android included:
///
/// ```
/// use evanesce::expiry::{Monotonic, Now};
/// use std::time::{Duration, SystemTime, UNIX_EPOCH};
///
/// fn now() -> Result<Now, Box<dyn std::error::Error>> {
///     let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
///     // Since the start of the system, sleep included: it must begin where the boot does.
///     let uptime = std::fs::read_to_string("/proc/uptime")?;
///     let seconds = uptime.split(' ').next().unwrap_or_default().parse()?;
///     Ok(Now {
///         wall: SystemTime::now().duration_since(UNIX_EPOCH)?,
///         monotonic: Some(Monotonic {
///             boot: u128::from_str_radix(&boot_id.trim().replace('-', ""), 16)?,
///             elapsed: Duration::from_secs_f64(seconds),
///         }),
///     })
/// }
/// # if cfg!(target_os = "linux") { now()?; }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Now {
    /// The wall clock: since 1970-01-01 00:00:00 UTC.
    pub wall: Duration,
    /// The clock that nobody sets, on devices that have one.
    #[cfg_attr(feature = "serde", serde(deserialize_with = "Option::deserialize"))]
    pub monotonic: Option<Monotonic>,
}

/// A clock that nobody sets and that never stops. It **must count the time in which the device sleeps**:
/// `CLOCK_BOOTTIME` on Linux, `elapsedRealtime` on Android, `mach_continuous_time` at Apple's. Rust's `Instant`
/// is none where it is `CLOCK_MONOTONIC`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct Monotonic {
    /// Tells one start of the clock from all others, since readings of two starts say nothing about each
    /// other: the boot id; or a count of boots with a number that was drawn for this installation. Where the
    /// system has neither, draw a number when the process starts, and count `elapsed` from there.
    #[cfg_attr(feature = "serde", serde(with = "boot_name"))]
    pub boot: u128,
    /// Since that start, and no other: readings of one name that begin anew are of no use, and only the wall
    /// clock counts then.
    pub elapsed: Duration,
}

/// The name of a boot in serde's formats: 16 bytes, since many have no numbers of that size.
#[cfg(feature = "serde")]
pub(crate) mod boot_name {
    use crate::byte_string;

    pub(crate) fn serialize<S: serde::Serializer>(
        boot: &u128,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        byte_string::serialize(&boot.to_be_bytes(), serializer)
    }

    pub(crate) fn deserialize<'de, D: serde::Deserializer<'de>>(
        deserializer: D,
    ) -> Result<u128, D::Error> {
        byte_string::deserialize(deserializer).map(u128::from_be_bytes)
    }
}

impl Now {
    /// For devices without a clock that nobody sets: who moves the wall clock forward then ends lives early, and
    /// who moves it back ends them late by as much. Use the one or the other always: what the wall clock
    /// does between two readings counts if either has nothing else.
    #[must_use]
    pub const fn from_wall(wall: Duration) -> Self {
        Self { wall, monotonic: None }
    }

    /// The wall clock in whole seconds.
    #[must_use]
    pub const fn timestamp(self) -> Timestamp {
        Timestamp(self.wall.as_secs())
    }
}

/// A moment of the time in which lives of messages are counted: milliseconds. It begins where the wall clock
/// stood when counting began, and then follows [`EngineClock`](crate::expiry::EngineClock), not the wall. An
/// application that keeps deadlines itself may store it in a column of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
pub struct EngineTime(u64);

impl EngineTime {
    /// Before everything: a deadline here has passed.
    pub const START: Self = Self(0);

    /// The moment of that many milliseconds.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds.
    #[must_use]
    pub const fn millis(self) -> u64 {
        self.0
    }

    /// This much later, in whole milliseconds, rounded up, so that nothing ends early; at most the last
    /// moment that can be named.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let begun = u64::from(duration.subsec_nanos().div_ceil(1_000_000));
        let millis = duration.as_secs().saturating_mul(1_000).saturating_add(begun);
        Self(self.0.saturating_add(millis))
    }

    /// This much earlier, in whole milliseconds; at least [`EngineTime::START`].
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(whole_millis(duration)))
    }

    /// How long it is since `earlier`; nothing if that is later.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

/// Milliseconds of a duration, as many as can be counted.
pub(crate) fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
