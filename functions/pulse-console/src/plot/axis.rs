/// Round numbers from 0 to at least `most`, four to seven of them.
pub(crate) fn ticks(most: f64) -> Vec<f64> {
    let most = if most.is_finite() && most > 0.0 { most } else { 1.0 };
    let magnitude = 10_f64.powf((most / 5.0).log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * magnitude);
    let step = step.into_iter().find(|step| most / step <= 6.0).unwrap_or(magnitude * 10.0);
    let mut ticks = vec![0.0];
    for n in 1..=10 {
        let tick = f64::from(n) * step;
        ticks.push(tick);
        if tick >= most * 0.999_999 {
            break;
        }
    }
    ticks
}

/// A number on an axis: 1,500 or 2.5.
#[must_use]
pub fn label(number: f64) -> String {
    if number >= 1_000_000.0 {
        return format!("{} M", (number / 10_000.0).round() / 100.0);
    }
    if number >= 1_000.0 {
        let thousands = (number / 1_000.0).floor();
        return format!("{thousands},{:03}", (number - thousands * 1_000.0).round());
    }
    format!("{}", (number * 100.0).round() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_reach_the_top() {
        assert_eq!(ticks(20.0), [0.0, 5.0, 10.0, 15.0, 20.0]);
        assert_eq!(ticks(1_234.0), [0.0, 250.0, 500.0, 750.0, 1000.0, 1250.0]);
        assert_eq!(ticks(0.0), ticks(1.0));
        for most in [0.003, 1.0, 7.0, 99.0, 30_000.0, 5e6, f64::NAN] {
            let ticks = ticks(most);
            assert!((2..=8).contains(&ticks.len()), "{most}: {ticks:?}");
            assert!(!most.is_finite() || ticks[ticks.len() - 1] >= most * 0.999, "{most}: {ticks:?}");
        }
    }

    #[test]
    fn labels_are_short() {
        assert_eq!([0.0, 2.5, 1_500.0, 30_000.0, 2_500_000.0].map(label), ["0", "2.5", "1,500", "30,000", "2.5 M"]);
    }
}
