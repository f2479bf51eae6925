//! Medians, quartiles and ratios. A median does not move with the few rounds that were disturbed.

/// The middle of some figures, and the middles of their halves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quartiles {
    pub lower: f64,
    pub median: f64,
    pub upper: f64,
}

impl Quartiles {
    /// Of at least one figure.
    pub fn of(figures: &[f64]) -> Self {
        let mut sorted = figures.to_vec();
        sorted.sort_by(f64::total_cmp);
        let at = |quarters: usize| {
            let place = (sorted.len() - 1) * quarters;
            let (index, rest) = (place / 4, place % 4);
            let next = sorted[(index + 1).min(sorted.len() - 1)];
            // Between two figures: so far along the way as the place is.
            sorted[index] + (next - sorted[index]) * [0.0, 0.25, 0.5, 0.75][rest]
        };
        Self { lower: at(1), median: at(2), upper: at(3) }
    }
}

/// The ratio of each round: what slows a whole round down is in both figures, and falls out.
pub fn ratios(figures: &[f64], bases: &[f64]) -> Vec<f64> {
    assert_eq!(figures.len(), bases.len(), "both were measured in each round");
    figures.iter().zip(bases).map(|(figure, base)| figure / base).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quartiles(figures: &[f64]) -> [f64; 3] {
        let Quartiles { lower, median, upper } = Quartiles::of(figures);
        [lower, median, upper]
    }

    #[test]
    fn quartiles_are_middles() {
        assert_eq!(quartiles(&[7.0]), [7.0, 7.0, 7.0]);
        assert_eq!(quartiles(&[4.0, 2.0]), [2.5, 3.0, 3.5]);
        assert_eq!(quartiles(&[5.0, 1.0, 4.0, 2.0, 3.0]), [2.0, 3.0, 4.0]);
        assert_eq!(quartiles(&[10.0, 20.0, 30.0, 40.0]), [17.5, 25.0, 32.5]);
    }

    #[test]
    fn one_round_that_was_disturbed_does_not_move_the_median() {
        assert_eq!(quartiles(&[1.0, 1.0, 1.0, 1.0, 900.0]), [1.0, 1.0, 1.0]);
    }

    #[test]
    fn ratios_are_of_the_same_round() {
        assert_eq!(ratios(&[2.0, 30.0], &[1.0, 10.0]), [2.0, 3.0]);
        let slow_second_round = ratios(&[2.0, 20.0, 2.0], &[1.0, 10.0, 1.0]);
        assert_eq!(Quartiles::of(&slow_second_round).median, 2.0);
    }
}
