//! Axes: which values stand on them, at round distances, and how they are written.

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Seconds,
    Bytes,
    BytesPerSecond,
}

/// An axis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axis {
    pub(super) label: &'static str,
    pub(super) unit: Unit,
    pub(super) min: f64,
    pub(super) max: f64,
}

/// The values that stand on an axis.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ticks {
    /// Where they stand, and how they are written.
    pub(super) marks: Vec<(f64, String)>,
    /// The unit that they are written in.
    pub(super) unit: &'static str,
}

impl Axis {
    /// The place of a value from 0 to 1; beyond it where the value lies outside.
    pub(super) fn place(&self, value: f64) -> f64 {
        (value - self.min) / (self.max - self.min)
    }

    /// At most so many round values.
    pub(super) fn ticks(&self, most: usize) -> Ticks {
        let step = round_step(self.max - self.min, most.max(2));
        let (scale, unit) = self.scale(step);
        let decimals = (-(step / scale).log10().floor()).clamp(0.0, 9.0) as usize;
        let first = (self.min / step - 1e-9).ceil() as i64;
        let mut marks = Vec::new();
        for at in first.. {
            let value = at as f64 * step;
            if value > self.max + step * 1e-9 || marks.len() > most {
                break;
            }
            marks.push((value, format!("{:.decimals$}", value / scale)));
        }
        Ticks { marks, unit }
    }

    /// The unit in which the largest value has one to three digits before its point.
    fn scale(&self, step: f64) -> (f64, &'static str) {
        let largest = self.max.abs().max(self.min.abs());
        let units: &[(f64, &str)] = match self.unit {
            Unit::Seconds => &[(3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs")],
            Unit::Bytes => &[(1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "B")],
            Unit::BytesPerSecond => &[(1e12, "TB/s"), (1e9, "GB/s"), (1e6, "MB/s"), (1e3, "kB/s"), (1.0, "B/s")],
        };
        // Minutes and hours only where a step is at least one: seconds are divided in tens, they are not.
        let fits = |&&(scale, unit): &&(f64, &str)| {
            let sixty = matches!(unit, "h" | "min");
            if sixty { step >= scale * 10.0 } else { largest >= scale }
        };
        *units.iter().find(fits).or_else(|| units.last()).unwrap_or(&(1.0, ""))
    }
}

/// The least of 1, 2, 5, 10 … that divides the range into at most so many parts.
fn round_step(range: f64, most: usize) -> f64 {
    let rough = (range / most as f64).max(1e-12);
    let decade = 10f64.powf(rough.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    decade * steps.into_iter().find(|step| step * decade >= rough * (1.0 - 1e-9)).unwrap_or(10.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ticks(unit: Unit, min: f64, max: f64, most: usize) -> (Vec<String>, &'static str) {
        let ticks = Axis { label: "", unit, min, max }.ticks(most);
        (ticks.marks.into_iter().map(|(_, text)| text).collect(), ticks.unit)
    }

    #[test]
    fn ticks_stand_at_round_values() {
        assert_eq!(ticks(Unit::Seconds, 0.0, 3.7, 5), (["0", "1", "2", "3"].map(str::to_owned).to_vec(), "s"));
        assert_eq!(ticks(Unit::Seconds, 0.0, 0.0123, 4), (["0", "5", "10"].map(str::to_owned).to_vec(), "ms"));
        assert_eq!(ticks(Unit::Bytes, 0.0, 1_250_000.0, 5), (["0.0", "0.5", "1.0"].map(str::to_owned).to_vec(), "MB"));
        assert_eq!(ticks(Unit::Bytes, 0.0, 7.0, 4), (["0", "2", "4", "6"].map(str::to_owned).to_vec(), "B"));
        assert_eq!(ticks(Unit::BytesPerSecond, 0.0, 10.0, 3).1, "B/s");
    }

    #[test]
    fn there_are_never_more_ticks_than_there_is_room_for() {
        for most in 2..20 {
            for exponent in -6..12 {
                for factor in [1.0, 1.7, 3.3, 9.99] {
                    let max = factor * 10f64.powi(exponent);
                    let axis = Axis { label: "", unit: Unit::Seconds, min: 0.0, max };
                    let ticks = axis.ticks(most);
                    assert!((2..=most + 1).contains(&ticks.marks.len()), "{most} {max}: {ticks:?}");
                    assert!(ticks.marks.iter().all(|(at, _)| axis.place(*at) <= 1.000_001));
                }
            }
        }
    }

    #[test]
    fn an_axis_may_begin_below_zero() {
        assert_eq!(ticks(Unit::Bytes, -15.0, 10.0, 5).0, ["-15", "-10", "-5", "0", "5", "10"]);
    }
}
