//! What came of some rounds: how fast, what a message took, and how long one waited.

use std::time::Duration;

use crate::serving::Served;

/// Several rounds of the same. What else the machine does only adds to the time of a round, so of speed and of processor
/// time the best round counts; of waits all do.
#[derive(Default)]
pub struct Measured {
    waits: Vec<Duration>,
    /// The least that a message took by the wall, of a processor, and of that in the library.
    elapsed: Option<Duration>,
    processor: Option<Duration>,
    in_library: Option<Duration>,
}

impl Measured {
    pub fn add(&mut self, round: Served) {
        let count = u32::try_from(round.waits.len()).unwrap_or(u32::MAX);
        for (least, time) in [
            (&mut self.elapsed, round.elapsed),
            (&mut self.processor, round.processor),
            (&mut self.in_library, round.in_library),
        ] {
            let each = time / count;
            *least = Some(least.map_or(each, |least| least.min(each)));
        }
        self.waits.extend(round.waits);
    }

    /// Messages a second.
    pub fn speed(&self) -> f64 {
        1.0 / self.elapsed.unwrap_or_default().as_secs_f64()
    }

    /// What a message took of a processor.
    pub fn processor(&self) -> Duration {
        self.processor.unwrap_or_default()
    }

    /// Of that in calls of the library.
    pub fn in_library(&self) -> Duration {
        self.in_library.unwrap_or_default()
    }

    /// For a row of a table.
    pub fn cells(&self) -> String {
        let Waits { median, of_hundred, of_thousand } = Waits::of(&self.waits);
        let times = [self.processor(), self.in_library(), median, of_hundred, of_thousand];
        format!("{:.0} | {}", self.speed(), times.map(micros).join(" | "))
    }
}

/// How long the middle message waited, and how long the unlucky ones.
struct Waits {
    /// Half of them waited no longer.
    median: Duration,
    /// One of a hundred waited longer.
    of_hundred: Duration,
    /// One of a thousand waited longer.
    of_thousand: Duration,
}

impl Waits {
    fn of(waits: &[Duration]) -> Self {
        let mut sorted = waits.to_vec();
        sorted.sort_unstable();
        let at = |thousandths: usize| {
            let place = (sorted.len() * thousandths).div_ceil(1_000);
            sorted.get(place.saturating_sub(1)).copied().unwrap_or_default()
        };
        Self { median: at(500), of_hundred: at(990), of_thousand: at(999) }
    }
}

/// In microseconds, or in milliseconds from ten thousand of them on.
pub fn micros(duration: Duration) -> String {
    let micros = duration.as_secs_f64() * 1e6;
    match micros {
        ..10.0 => format!("{micros:.1} µs"),
        ..10_000.0 => format!("{micros:.0} µs"),
        _ => format!("{:.0} ms", micros / 1e3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_wait_no_longer_as_the_name_says() {
        let waits: Vec<_> = (1..=1_000).rev().map(Duration::from_millis).collect();
        let Waits { median, of_hundred, of_thousand } = Waits::of(&waits);
        let millis = [median, of_hundred, of_thousand].map(|wait| wait.as_millis());
        assert_eq!(millis, [500, 990, 999]);
        let Waits { median, of_hundred, of_thousand } = Waits::of(&waits[..1]);
        assert_eq!([median, of_hundred, of_thousand], [Duration::from_secs(1); 3]);
    }
}
