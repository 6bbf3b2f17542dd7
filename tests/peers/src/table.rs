//! The figures, as a table in Markdown.

use std::time::Duration;

use crate::measure::Measured;

/// What was measured of one function.
pub struct Figures {
    /// Its name.
    pub name: &'static str,
    /// Runs of batches, one a round; none, of a function that works on none.
    pub runs: Vec<Measured>,
    /// All starts.
    pub starts: Vec<Duration>,
    /// Bytes of its package.
    pub package: u64,
}

/// A row of the table: what it is, and the figure of each function that has one.
struct Row<'a> {
    what: &'a str,
    digits: usize,
    figures: Vec<Option<Spread>>,
}

/// The middle, and from where to where.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut values: Vec<_> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let (least, most) = (*values.first()?, *values.last()?);
        let upper = values.len() / 2;
        let lower = (values.len() - 1) / 2;
        Some(Self { median: f64::midpoint(values[lower], values[upper]), least, most })
    }
}

/// The table. The first function is the one that the others are compared with.
#[must_use]
pub fn table(all: &[Figures]) -> String {
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let row = |what, digits, figure: &dyn Fn(&Figures) -> Option<Spread>| Row {
        what,
        digits,
        figures: all.iter().map(figure).collect(),
    };
    let rows = [
        row("CPU of a message, ms", 2, &|of| Spread::of(of.runs.iter().map(|run| millis(run.per_message)))),
        row("most memory resident, MB", 1, &|of| {
            Spread::of(of.runs.iter().map(|run| run.peak_memory as f64 * 1024.0 / 1e6))
        }),
        row("start to first poll, ms", 1, &|of| Spread::of(of.starts.iter().copied().map(millis))),
        row("package, zipped, MB", 2, &|of| Spread::of([of.package as f64 / 1e6])),
    ];
    let names: Vec<_> = all.iter().map(|of| of.name).collect();
    let mut lines = vec![format!("| | {} |", names.join(" | ")), format!("| --- |{}", " --- |".repeat(all.len()))];
    lines.extend(rows.iter().map(Row::line));
    lines.join("\n")
}

impl Row<'_> {
    fn line(&self) -> String {
        let first = self.figures.first().copied().flatten();
        let figures = self.figures.iter().enumerate().map(|(index, figure)| match figure {
            None => String::new(),
            Some(figure) => {
                let ratio = first.filter(|_| index > 0).map(|first| ratio(first.median, figure.median));
                format!("{}{}", self.shown(figure), ratio.unwrap_or_default())
            }
        });
        format!("| {} | {} |", self.what, figures.collect::<Vec<_>>().join(" | "))
    }

    fn shown(&self, Spread { median, least, most }: &Spread) -> String {
        let digits = self.digits;
        if least.total_cmp(most).is_eq() {
            return format!("{median:.digits$}");
        }
        format!("{median:.digits$} ({least:.digits$} to {most:.digits$})")
    }
}

/// How many times ours, or which share of it.
fn ratio(ours: f64, theirs: f64) -> String {
    if theirs >= ours { format!(", {:.1} x", theirs / ours) } else { format!(", 1/{:.1}", ours / theirs) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_is_that_of_the_sorted_values() {
        let spread = |median, least, most| Some(Spread { median, least, most });
        assert_eq!(Spread::of([3.0, 1.0, 2.0]), spread(2.0, 1.0, 3.0));
        assert_eq!(Spread::of([4.0, 1.0, 2.0, 3.0]), spread(2.5, 1.0, 4.0));
        assert_eq!(Spread::of([]), None);
    }

    #[test]
    fn a_peer_is_told_by_how_many_times_ours_it_is() {
        let figures = |name, package, start: &[u64]| Figures {
            name,
            runs: Vec::new(),
            starts: start.iter().copied().map(Duration::from_millis).collect(),
            package,
        };
        let all = [figures("Pulse", 4_000_000, &[10, 12, 14]), figures("Peer", 1_000_000, &[120])];
        let table = table(&all);
        assert!(table.contains("| start to first poll, ms | 12.0 (10.0 to 14.0) | 120.0, 10.0 x |"), "{table}");
        assert!(table.contains("| package, zipped, MB | 4.00 | 1.00, 1/4.0 |"), "{table}");
    }
}
