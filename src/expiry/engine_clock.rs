//! A time that never goes back, out of clocks that people set.

use core::time::Duration;

use crate::stored::{StateWriter, Stored, stored};
use crate::time::{EngineTime, Monotonic, Now, whole_millis};
use crate::wire::codec::{DecodeError, Reader};

/// How far the wall clock may drift from the engine's time before that is worth storing. It is how much a
/// life can be wrong for each restart of the device.
const DRIFT: Duration = Duration::from_secs(1);

/// The engine's time (T): it never goes back, and nobody moves it by setting the wall clock while the device is
/// up.
///
/// - Within one boot it goes on by the monotonic clock, whatever the wall clock does.
/// - Across boots, or without a monotonic clock, it goes on by the wall clock's difference, or by the time since
///   the boot if that is more, and never back.
///
/// A wall clock that was set while the device was off cannot be told from time that passed:
/// [`EngineClock::trust_time`] helps where it was set back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
pub struct EngineClock {
    time: EngineTime,
    /// What the caller's clocks said then: milliseconds of the wall clock since the Unix epoch.
    wall: u64,
    #[cfg_attr(feature = "serde", serde(deserialize_with = "Option::deserialize"))]
    monotonic: Option<Monotonic>,
    #[cfg_attr(feature = "serde", serde(deserialize_with = "Option::deserialize"))]
    trusted: Option<TrustedTime>,
}

/// What a trusted clock said, in milliseconds, and which time it was here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
struct TrustedTime {
    wall: u64,
    time: EngineTime,
}

impl EngineClock {
    /// Begins to count, at what the wall clock says.
    #[must_use]
    pub fn new(now: Now) -> Self {
        let wall = whole_millis(now.wall);
        let time = EngineTime::from_millis(wall);
        Self { time, wall, monotonic: now.monotonic, trusted: None }
    }

    /// The engine's time at `now`.
    #[must_use]
    pub fn time(&self, now: Now) -> EngineTime {
        let Self { time, wall, monotonic, trusted: _ } = self;
        let by_wall = whole_millis(now.wall).saturating_sub(*wall);
        let passed = match (monotonic, now.monotonic) {
            (Some(then), Some(now)) if then.boot == now.boot => {
                whole_millis(now.elapsed).saturating_sub(whole_millis(then.elapsed))
            }
            (Some(_), Some(now)) => whole_millis(now.elapsed).max(by_wall),
            // Nothing says whether the device was started since.
            (None, _) | (_, None) => by_wall,
        };
        time.plus(Duration::from_millis(passed))
    }

    /// Goes on to `now`.
    pub fn advance(&mut self, now: Now) -> EngineTime {
        self.time = self.time(now);
        self.wall = whole_millis(now.wall);
        self.monotonic = now.monotonic.map(|now| match self.monotonic {
            // A clock that goes back within a boot is broken: what has passed must not pass again.
            Some(then) if then.boot == now.boot => {
                Monotonic { elapsed: then.elapsed.max(now.elapsed), ..now }
            }
            Some(_) | None => now,
        });
        self.time
    }

    /// Takes note of what a clock says that is trusted: a server's that the application authenticates, or an
    /// own device's, never a peer's. From the second time on it shows how much time has passed at least since
    /// the one before, and moves the engine's time forward if that counted less: a wall clock was set back
    /// while the device was off. It never moves it back.
    pub fn trust_time(&mut self, wall: Duration, now: Now) -> EngineTime {
        let (wall, mut time) = (whole_millis(wall), self.advance(now));
        if let Some(TrustedTime { wall: before, time: then }) = &self.trusted {
            let passed = Duration::from_millis(wall.saturating_sub(*before));
            time = time.max(then.plus(passed));
            if wall < *before {
                return time;
            }
        }
        self.trusted = Some(TrustedTime { wall, time });
        self.time = time;
        time
    }

    /// Whether going on from here or from `later` makes a difference that counts.
    pub(crate) fn differs(&self, later: &Self) -> bool {
        let boot = |clock: &Self| clock.monotonic.map(|monotonic| monotonic.boot);
        let went_on = Duration::from_millis(later.time.millis().saturating_sub(self.time.millis()));
        let by_wall = Duration::from_millis(later.wall.saturating_sub(self.wall));
        self.trusted != later.trusted
            || boot(self) != boot(later)
            || later.wall < self.wall
            || went_on.abs_diff(by_wall) > DRIFT
    }
}

impl Stored for EngineTime {
    fn write(&self, out: &mut StateWriter) {
        self.millis().write(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        u64::read(reader).map(Self::from_millis)
    }
}

/// The boot, then how long it is ago.
impl Stored for Monotonic {
    fn write(&self, out: &mut StateWriter) {
        let Self { boot, elapsed } = self;
        out.put(&boot.to_be_bytes());
        elapsed.write(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let boot = u128::from_be_bytes(*reader.array()?);
        Ok(Self { boot, elapsed: Stored::read(reader)? })
    }
}

stored!(EngineClock { time, wall, monotonic, trusted });
stored!(TrustedTime { wall, time });
