//! A time that never goes back, out of clocks that people set.

use core::time::Duration;

use crate::stored::{StateWriter, Stored, stored};
use crate::time::{EngineTime, Monotonic, Now, whole_millis};
use crate::wire::codec::{DecodeError, Reader};

/// How far the wall clock may drift from the engine's time before that is worth storing. It is how much a
/// life can be wrong for each start of the device, and so it must not add up to anything; yet a wall clock that a
/// server keeps right drifts all the time, by a few milliseconds in a minute.
const DRIFT: Duration = Duration::from_millis(10);

/// By how many milliseconds a monotonic clock may seem to go back because two threads read it. By more, it has
/// begun anew, and whoever gave it the same name made a mistake.
const OUT_OF_ORDER: u64 = 60_000;

/// By how much a trusted clock may seem ahead because an earlier answer of it came late.
const LATE_ANSWER: Duration = Duration::from_secs(600);

/// The engine's time (T): it never goes back, and nobody moves it by setting the wall clock while the device is
/// up.
///
/// - Within one boot it goes on by the monotonic clock, whatever the wall clock does.
/// - Across boots, or without a monotonic clock, it goes on by the wall clock's difference, or by the time since
///   the boot if that is more, and never back.
///
/// A wall clock that was set while the device was off cannot be told from time that passed, unless
/// [`EngineClock::trust_time`] says so, before anything else after the start.
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

/// What a trusted clock said, in milliseconds, which time that stands for here, and in which boot it was said.
///
/// The two make a line that later answers are on. It stays the first one's: were it drawn anew through each answer,
/// what is tolerated of each would add up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(deny_unknown_fields))]
struct TrustedTime {
    wall: u64,
    time: EngineTime,
    #[cfg_attr(feature = "serde", serde(deserialize_with = "Option::deserialize"))]
    boot: Option<Boot>,
}

/// The name of a boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(transparent))]
struct Boot(#[cfg_attr(feature = "serde", serde(with = "crate::time::boot_name"))] u128);

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
                let back = whole_millis(then.elapsed.saturating_sub(now.elapsed));
                match whole_millis(now.elapsed).checked_sub(whole_millis(then.elapsed)) {
                    Some(passed) => passed,
                    // A clock that begins anew under the same name must not stop the time for ever.
                    None if back > OUT_OF_ORDER => by_wall,
                    None => 0,
                }
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
            // Two readings that came in another order: what has passed must not pass again.
            Some(then)
                if then.boot == now.boot
                    && whole_millis(then.elapsed.saturating_sub(now.elapsed)) <= OUT_OF_ORDER =>
            {
                Monotonic { elapsed: then.elapsed.max(now.elapsed), ..now }
            }
            Some(_) | None => now,
        });
        self.time
    }

    /// Takes note of what a clock says that is trusted: a server's that the application authenticates, or an
    /// own device's, never a peer's. From the second time on it shows how much time has passed since the one
    /// before. If the device was off in between, or has no monotonic clock, that counts, whatever the wall clock says:
    /// if it is less, at once, and if it is more, from ten minutes more on, since the answer before may have come late.
    ///
    /// The time never goes back. So ask the trusted clock first after a start, before any other call counts what
    /// the wall clock says. `now` is when the answer came: by what it is late a life can be wrong.
    pub fn trust_time(&mut self, wall: Duration, now: Now) -> EngineTime {
        let (wall, counted) = (whole_millis(wall), self.time(now));
        let least = self.time(Now { wall: Duration::ZERO, ..now });
        self.advance(now);
        let boot = self.monotonic.map(|monotonic| Boot(monotonic.boot));
        let time = match &self.trusted {
            None => counted,
            Some(before) if wall < before.wall => return counted,
            Some(before) if before.boot.is_some() && before.boot == boot => return counted,
            Some(before) => {
                let passed = Duration::from_millis(wall.saturating_sub(before.wall));
                let shown = before.time.plus(passed);
                let time = match shown.since(counted) {
                    more if more >= LATE_ANSWER => shown,
                    Duration::ZERO => shown.max(least),
                    _ => counted,
                };
                // What cannot be undone is where the line goes on from.
                let is_lost = time.since(shown) >= LATE_ANSWER;
                self.trusted =
                    Some(TrustedTime { wall, time: if is_lost { time } else { shown }, boot });
                self.time = time;
                return time;
            }
        };
        self.trusted = Some(TrustedTime { wall, time, boot });
        time
    }

    /// Goes on from here on another device, whose boots are others whatever they are called.
    pub(crate) fn forget_boot(&mut self) {
        self.monotonic = None;
        if let Some(trusted) = &mut self.trusted {
            trusted.boot = None;
        }
    }

    /// How much more time it has counted than `other`.
    pub(crate) fn ahead_of(&self, other: &Self) -> Duration {
        self.time.since(other.time)
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

impl Stored for Boot {
    fn write(&self, out: &mut StateWriter) {
        self.0.write(out);
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        u128::read(reader).map(Self)
    }
}

impl Stored for u128 {
    fn write(&self, out: &mut StateWriter) {
        out.put(&self.to_be_bytes());
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self::from_be_bytes(*reader.array()?))
    }
}

stored!(Monotonic { boot, elapsed });
stored!(EngineClock { time, wall, monotonic, trusted });
stored!(TrustedTime { wall, time, boot });

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stored::StateWriter;
    use alloc::vec::Vec;
    use proptest::prelude::*;

    const START: u64 = 1_800_000_000;
    const DAY: u64 = 86_400;

    fn at(wall: u64, boot: u128, elapsed: u64) -> Now {
        let monotonic = Monotonic { boot, elapsed: Duration::from_secs(elapsed) };
        Now { wall: Duration::from_secs(wall), monotonic: Some(monotonic) }
    }

    fn by_wall(wall: u64) -> Now {
        Now::from_wall(Duration::from_secs(wall))
    }

    fn passed(clock: &EngineClock) -> u64 {
        clock.time.millis() / 1_000 - START
    }

    #[test]
    fn while_the_device_is_up_nobody_moves_it() {
        let mut clock = EngineClock::new(at(START, 1, 50));
        for (wall, elapsed) in [(START + 10 * DAY, 60), (0, 70), (START + 9, 70), (u64::MAX, 80)] {
            clock.advance(at(wall, 1, elapsed));
            assert_eq!(passed(&clock), elapsed - 50);
        }
    }

    #[test]
    fn across_boots_it_goes_on_by_the_wall() {
        let mut clock = EngineClock::new(at(START, 1, 50));
        clock.advance(at(START + 100, 2, 7));
        assert_eq!(passed(&clock), 100);
        clock.advance(at(START - 5_000, 3, 30));
        assert_eq!(passed(&clock), 130, "at least what has passed since the boot");
        clock.advance(at(START - 4_000, 3, 1_030));
        assert_eq!(passed(&clock), 1_130);
    }

    #[test]
    fn a_wall_that_was_set_while_the_device_was_up_counts_for_nothing_after_a_boot() {
        let mut clock = EngineClock::new(at(START, 1, 50));
        clock.advance(at(START + 10 * DAY, 1, 60));
        clock.advance(at(START + 10 * DAY + 100, 2, 5));
        assert_eq!(passed(&clock), 110);
    }

    #[test]
    fn without_a_clock_that_nobody_sets_it_follows_the_wall_and_never_goes_back() {
        let mut clock = EngineClock::new(by_wall(START));
        for (wall, expected) in [(START + 10, 10), (START - DAY, 10), (START - DAY + 5, 15)] {
            clock.advance(by_wall(wall));
            assert_eq!(passed(&clock), expected);
        }
        // One that appears says nothing about the time before it.
        clock.advance(at(START - DAY + 6, 4, 5_000));
        assert_eq!(passed(&clock), 16);
        clock.advance(by_wall(START - DAY + 8));
        assert_eq!(passed(&clock), 18);
    }

    #[test]
    fn a_wall_clock_set_by_small_steps_while_the_device_is_up_adds_up_to_nothing() {
        // As many steps as restarts; of what is too little to be stored, so much is wrong for each.
        for (step, most) in [(1_000, 0), (-1_000, 0), (11, 0), (-11, 0), (10, 600), (-10, 600)] {
            let start = EngineTime::from_millis(START * 1_000);
            let mut clock = EngineClock::new(at(START, 1, 60));
            let (mut truth, mut offset) = (0_u64, 0);
            for boot in 1..=60 {
                let now = |boot, truth: u64, offset| {
                    let wall = (start.millis() + truth).saturating_add_signed(offset);
                    Now { wall: Duration::from_millis(wall), ..at(0, boot, 60) }
                };
                let mut kept = stored(&clock);
                offset += step;
                clock.advance(now(boot, truth, offset));
                if kept.differs(&clock) {
                    kept = stored(&clock);
                }
                truth += 60_000;
                clock = kept;
                clock.advance(now(boot + 1, truth, offset));
            }
            let wrong = clock.time.millis().abs_diff(start.millis() + truth);
            assert!(wrong <= most, "{wrong} after steps of {step}");
        }
    }

    #[test]
    fn a_clock_that_goes_back_within_a_boot_counts_nothing_twice() {
        let mut clock = EngineClock::new(at(START, 1, 150));
        for (elapsed, expected) in [(160, 10), (100, 10), (160, 10), (165, 15)] {
            clock.advance(at(START + 7 * elapsed, 1, elapsed));
            assert_eq!(passed(&clock), expected);
        }
    }

    #[test]
    fn a_clock_that_begins_anew_under_the_same_name_does_not_stop_the_time() {
        let mut clock = EngineClock::new(at(START, 0, 5_000));
        for start in 1..4 {
            clock.advance(at(START + start * DAY, 0, 1));
            assert_eq!(passed(&clock), start * DAY);
            clock.advance(at(START + start * DAY, 0, 4_001));
            assert_eq!(passed(&clock), start * DAY + 4_000);
            clock.advance(at(START + start * DAY + 4_000, 0, 4_001));
        }
    }

    #[test]
    fn trusted_time_shows_what_passed_while_the_device_was_off() {
        let trusted = |seconds| Duration::from_secs(seconds);
        let mut clock = EngineClock::new(at(0, 1, 50));
        clock.trust_time(trusted(START), at(0, 1, 50));
        let start = clock.time;
        // The device starts with its clock at zero again, ten days later.
        clock.trust_time(trusted(START + 10 * DAY), at(0, 2, 5));
        assert_eq!(clock.time.since(start), trusted(10 * DAY));
        // What it says of the past, or less than has passed here, moves nothing.
        clock.trust_time(trusted(START), at(0, 2, 10));
        assert_eq!(clock.time.since(start), trusted(10 * DAY + 5));
        clock.trust_time(trusted(START + 10 * DAY + 1), at(0, 2, 20));
        assert_eq!(clock.time.since(start), trusted(10 * DAY + 15));
        let mut late = clock.clone();
        late.trust_time(trusted(START + 10 * DAY + 15 + 599), at(0, 3, 0));
        assert_eq!(late.time.since(start), trusted(10 * DAY + 15), "an answer that came late");
        clock.trust_time(trusted(START + 10 * DAY + 15 + 600), at(0, 3, 0));
        assert_eq!(clock.time.since(start), trusted(10 * DAY + 15 + 600));
    }

    #[test]
    fn a_wall_clock_set_ahead_while_the_device_is_off_counts_for_nothing_where_a_trusted_clock_is_asked()
     {
        let trusted = |clock: &mut EngineClock, after: u64, now| {
            clock.trust_time(Duration::from_secs(7_000 + after), now);
        };
        let mut clock = EngineClock::new(at(START, 1, 50));
        trusted(&mut clock, 0, at(START, 1, 50));
        clock.advance(at(START + 100, 1, 150));
        // Off for an hour; it starts ten days ahead, and the trusted clock is asked first, ten seconds later.
        trusted(&mut clock, 3_700, at(START + 3_700 + 10 * DAY, 2, 10));
        assert_eq!(passed(&clock), 3_700);
        clock.advance(at(START + 3_760 + 10 * DAY, 2, 70));
        assert_eq!(passed(&clock), 3_760);
        // It never goes back, and what has passed since the start has passed.
        trusted(&mut clock, 3_761, at(START + 3_860 + 10 * DAY, 3, 100));
        assert_eq!(passed(&clock), 3_860);
        // Asked too late: what the wall clock said has been counted, and the next difference counts from there.
        let mut late = clock.clone();
        late.advance(at(START + 10_000 + 20 * DAY, 4, 10));
        trusted(&mut late, 10_000, at(START + 10_000 + 20 * DAY, 4, 10));
        assert_eq!(passed(&late), 10_000 + 10 * DAY);
        trusted(&mut late, 20_000, at(START + 20_000 + 30 * DAY, 5, 10));
        assert_eq!(passed(&late), 20_000 + 10 * DAY);
    }

    #[test]
    fn what_is_tolerated_of_a_trusted_clock_does_not_add_up() {
        let mut clock = EngineClock::new(at(START, 1, 0));
        let (mut wall, mut truth) = (START, 0);
        for boot in 1..100 {
            clock.trust_time(Duration::from_secs(truth), at(wall, boot, 10));
            // Off for an hour, while the wall clock is set by nine minutes; now ahead, now back.
            truth += 3_600;
            wall += if boot < 50 { 3_600 + 540 } else { 3_600 - 540 };
            assert!(passed(&clock).abs_diff(truth - 3_600) <= 600, "{} {truth}", passed(&clock));
        }
    }

    #[test]
    fn while_the_device_is_up_no_trusted_clock_moves_it() {
        let mut clock = EngineClock::new(at(START, 1, 0));
        for second in (0..86_400).step_by(10) {
            // Every other answer is a second late; one is of another day.
            let late = if second == 600 { DAY } else { second / 10 % 2 };
            let wall = Duration::from_secs(START + second + DAY - late);
            clock.trust_time(wall, at(START + second, 1, second));
            assert_eq!(passed(&clock), second);
        }
        // Without a monotonic clock late answers do not add up either.
        let mut clock = EngineClock::new(by_wall(START));
        for second in (0..86_400).step_by(10) {
            let wall = Duration::from_secs(START + second + DAY - second / 10 % 2);
            clock.trust_time(wall, by_wall(START + second));
            assert!(second - passed(&clock) <= 1, "{second}");
        }
    }

    #[test]
    fn the_first_trusted_time_ends_nothing_early() {
        let mut clock = EngineClock::new(at(0, 1, 50));
        clock.trust_time(Duration::from_secs(START), at(10, 1, 60));
        assert_eq!(clock.time, EngineTime::from_millis(10_000));
    }

    /// What happens to a device in one step of a trace.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Up { seconds: u32 },
        Off { seconds: u32 },
        WallSet { seconds: i32 },
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (0..100_000_u32).prop_map(|seconds| Step::Up { seconds }),
            1 => (1..1_000_000_u32).prop_map(|seconds| Step::Off { seconds }),
            2 => (-1_000_000..1_000_000_i32).prop_map(|seconds| Step::WallSet { seconds }),
        ]
    }

    fn stored(clock: &EngineClock) -> EngineClock {
        let mut out = StateWriter::new();
        clock.write(&mut out);
        let bytes = out.into_bytes();
        let mut reader = Reader::new(&bytes);
        let back = EngineClock::read(&mut reader).unwrap();
        reader.finish().unwrap();
        back
    }

    proptest! {
        #[test]
        fn no_trace_of_jumps_sleeps_and_boots_makes_an_error(
            steps in prop::collection::vec(any_step(), 1..40),
        ) {
            let (mut truth, mut offset, mut boot, mut booted) = (START + 2_000_000, 0, 1, 0);
            let now = |truth: u64, offset: i64, boot, booted| {
                at(truth.saturating_add_signed(offset), boot, truth - booted)
            };
            let mut clock = EngineClock::new(now(truth, offset, boot, booted));
            // What a device goes on from that stores the clock only where that counts, and stops anywhere.
            let mut kept = stored(&clock);
            for step in steps {
                match step {
                    Step::Up { seconds } => truth += u64::from(seconds),
                    Step::Off { seconds } => {
                        truth += u64::from(seconds);
                        (boot, booted) = (boot + 1, truth);
                    }
                    // Nobody sets it before 1970.
                    Step::WallSet { seconds } => offset = i64::from(seconds),
                }
                let time = clock.advance(now(truth, offset, boot, booted));
                prop_assert_eq!(time.millis(), truth * 1_000, "it began where the wall stood, which was right");
                prop_assert_eq!(kept.time(now(truth, offset, boot, booted)), time);
                if kept.differs(&clock) {
                    kept = stored(&clock);
                }
            }
        }

        #[test]
        fn whatever_the_clocks_say_it_never_goes_back(
            nows in prop::collection::vec(any_now(), 2..30),
        ) {
            let mut clock = EngineClock::new(nows[0]);
            for now in nows {
                let before = clock.time;
                prop_assert!(clock.time(now) >= before);
                let same_boot = matches!(
                    (clock.monotonic, now.monotonic),
                    (Some(then), Some(now)) if then.boot == now.boot
                );
                let elapsed = |monotonic: Option<Monotonic>| monotonic.map(|it| it.elapsed);
                let most = elapsed(now.monotonic).zip(elapsed(clock.monotonic));
                // One that begins anew under the same name goes on by the wall clock.
                let begins = |now: Duration, then: Duration| {
                    then.saturating_sub(now) > Duration::from_secs(60)
                };
                let most = most.filter(|(now, then)| !begins(*now, *then));
                let most = most.map(|(now, then)| now.saturating_sub(then));
                clock.advance(now);
                if let Some(most) = most.filter(|_| same_boot) {
                    let passed = clock.time.since(before);
                    prop_assert!(passed <= most + Duration::from_millis(1), "{passed:?} {most:?}");
                }
            }
        }
    }

    fn any_now() -> impl Strategy<Value = Now> {
        let seconds = prop_oneof![Just(0), Just(u64::MAX), START..START + 1_000_000];
        let elapsed = prop_oneof![
            Just(Duration::MAX),
            any::<u32>().prop_map(|millis| Duration::from_millis(millis.into()))
        ];
        let monotonic = prop::option::of((0..3_u128, elapsed));
        (seconds, monotonic).prop_map(|(wall, monotonic)| Now {
            wall: Duration::from_secs(wall),
            monotonic: monotonic.map(|(boot, elapsed)| Monotonic { boot, elapsed }),
        })
    }

    #[test]
    fn only_what_counts_after_a_restart_is_worth_storing() {
        let clock = EngineClock::new(at(START, 1, 50));
        let later = |now: Now| {
            let mut later = clock.clone();
            later.advance(now);
            later
        };
        let cases: Vec<(Now, bool)> = Vec::from([
            (at(START + 500, 1, 550), false),
            (at(START + 501, 1, 550), true),
            (at(START + 499, 1, 550), true),
            (at(START - 1, 1, 50), true),
            (at(START + 500, 2, 3), true),
            (by_wall(START + 500), true),
        ]);
        for (now, counts) in cases {
            assert_eq!(clock.differs(&later(now)), counts, "{now:?}");
        }
        let mut trusting = clock.clone();
        trusting.trust_time(Duration::from_secs(START), at(START, 1, 50));
        assert!(clock.differs(&trusting));
    }
}
