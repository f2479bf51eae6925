//! The time that this thread has had of a processor, so that other programs do not count.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::statistics::Quartiles;

/// How often the clock is read to learn what reading it costs.
const READINGS: usize = 1_001;

/// Reads the time, and knows what that costs.
pub struct Clock {
    /// What a stretch seems to take in which nothing is done.
    own_cost: Duration,
}

impl Clock {
    pub fn calibrated() -> Self {
        let empty: Vec<f64> = (0..READINGS).map(|_| nanoseconds(Self::between(|| ()).1)).collect();
        Self { own_cost: Duration::from_secs_f64(Quartiles::of(&empty).median / 1e9) }
    }

    /// Does the work and says how long it took, without what the clock takes itself.
    pub fn time<Output>(&self, work: impl FnOnce() -> Output) -> (Output, Duration) {
        let (output, elapsed) = Self::between(work);
        (output, elapsed.saturating_sub(self.own_cost))
    }

    fn between<Output>(work: impl FnOnce() -> Output) -> (Output, Duration) {
        let start = now();
        let output = work();
        (output, now().saturating_sub(start))
    }
}

pub fn nanoseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e9
}

fn now() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    let seconds = u64::try_from(time.tv_sec).expect("it counts from zero");
    let nanoseconds = u32::try_from(time.tv_nsec).expect("there are less than a billion");
    Duration::new(seconds, nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::hint::black_box;
    use std::thread;

    #[test]
    fn work_takes_time_and_sleep_takes_none() {
        let clock = Clock::calibrated();
        let (sum, worked) = clock.time(|| (0..10_000_000_u64).map(black_box).sum::<u64>());
        assert_eq!(sum, 49_999_995_000_000);
        let ((), slept) = clock.time(|| thread::sleep(Duration::from_millis(20)));
        assert!(worked > Duration::from_micros(100), "{worked:?}");
        assert!(slept < Duration::from_millis(10), "{slept:?}");
    }
}
