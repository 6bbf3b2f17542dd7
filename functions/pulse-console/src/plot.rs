//! One plot as inline SVG: areas, lines and limits over time, with one scale.

use std::fmt::Write as _;

mod axis;

pub use axis::label;
pub(crate) use axis::ticks;

const WIDTH: f64 = 920.0;
const HEIGHT: f64 = 250.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 34.0;

/// Points that are drawn of a series at most: one to a pixel, and the highest of those that share one.
const POINTS: usize = 840;

/// A plot.
pub struct Plot {
    /// What it shows, for those who can't see it.
    pub title: String,
    /// What the vertical axis counts.
    pub unit: &'static str,
    /// Where the horizontal axis ends. It begins at 0.
    pub to: f64,
    /// Labels of the horizontal axis.
    pub marks: Vec<(f64, String)>,
    /// What is drawn.
    pub series: Vec<Series>,
    /// Horizontal lines that mean a limit.
    pub limits: Vec<Limit>,
    /// Stretches in which something is out of order.
    pub shades: Vec<Shade>,
}

/// Something that is drawn.
pub struct Series {
    /// Its name in the legend.
    pub name: &'static str,
    /// Its colour's class.
    pub class: &'static str,
    /// Whether it is filled down to the axis.
    pub filled: bool,
    /// Points, by x.
    pub points: Vec<(f64, f64)>,
}

/// A line that means a limit.
pub struct Limit {
    /// Its name in the legend.
    pub name: &'static str,
    /// Its colour's class.
    pub class: &'static str,
    /// Where it is.
    pub y: f64,
}

/// A stretch in which something is out of order.
pub struct Shade {
    /// The label that is drawn.
    pub label: String,
    /// From where.
    pub from: f64,
    /// To where.
    pub to: f64,
}

impl Plot {
    /// The plot with its legend, as HTML.
    #[must_use]
    pub fn html(&self) -> String {
        let highest = self.series.iter().flat_map(|series| &series.points).map(|point| point.1).fold(0.0, f64::max);
        // A limit far above everything would press what happens into a line.
        let limits: Vec<_> = self.limits.iter().filter(|limit| limit.y <= highest.max(1e-9) * 3.0).collect();
        let most = limits.iter().map(|limit| limit.y).fold(highest, f64::max);
        let grid = ticks(most);
        let top = grid[grid.len() - 1];
        let mut svg = format!(
            r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{0}"><title>{0}</title>"#,
            escape(&self.title)
        );
        self.draw_shades(&mut svg);
        self.draw_axes(&mut svg, &grid, top);
        for series in &self.series {
            self.draw(&mut svg, series, top);
        }
        for limit in &limits {
            let y = height(limit.y, top);
            let _ = write!(
                svg,
                r#"<line class="limit {}" x1="{LEFT}" x2="{}" y1="{y:.1}" y2="{y:.1}"/>"#,
                limit.class,
                WIDTH - RIGHT
            );
        }
        svg += "</svg>";
        format!("<figure>{}{svg}</figure>\n", self.legend(&limits))
    }

    fn legend(&self, shown: &[&Limit]) -> String {
        let mut legend = String::from("<figcaption>");
        for series in &self.series {
            let _ = write!(legend, r#"<span class="key {}"></span>{} "#, series.class, escape(series.name));
        }
        for limit in &self.limits {
            if shown.iter().any(|one| std::ptr::eq(*one, limit)) {
                let _ = write!(legend, r#"<span class="key dashed {}"></span>{} "#, limit.class, escape(limit.name));
            } else {
                let _ = write!(legend, "<small>({}: {}, above the plot)</small> ", escape(limit.name), label(limit.y));
            }
        }
        if !self.shades.is_empty() {
            legend += r#"<span class="key shade"></span>out of order or paused "#;
        }
        legend + "</figcaption>"
    }

    fn draw_shades(&self, svg: &mut String) {
        for shade in &self.shades {
            let (from, to) = (self.across(shade.from), self.across(shade.to.min(self.to)));
            let _ = write!(
                svg,
                r#"<rect class="shade" x="{from:.1}" y="{TOP}" width="{:.1}" height="{}"><title>{}</title></rect>"#,
                (to - from).max(1.5),
                HEIGHT - TOP - BOTTOM,
                escape(&shade.label)
            );
        }
    }

    fn draw_axes(&self, svg: &mut String, grid: &[f64], top: f64) {
        for tick in grid {
            let y = height(*tick, top);
            let _ = write!(
                svg,
                r#"<line class="grid" x1="{LEFT}" x2="{}" y1="{y:.1}" y2="{y:.1}"/><text class="tick end" x="{}" y="{:.1}">{}</text>"#,
                WIDTH - RIGHT,
                LEFT - 6.0,
                y + 4.0,
                label(*tick)
            );
        }
        for (at, mark) in &self.marks {
            let x = self.across(*at);
            let _ = write!(
                svg,
                r#"<line class="grid" x1="{x:.1}" x2="{x:.1}" y1="{}" y2="{}"/><text class="tick middle" x="{x:.1}" y="{}">{}</text>"#,
                HEIGHT - BOTTOM,
                HEIGHT - BOTTOM + 4.0,
                HEIGHT - BOTTOM + 18.0,
                escape(mark)
            );
        }
        let middle = TOP + (HEIGHT - TOP - BOTTOM) / 2.0;
        let _ = write!(
            svg,
            r#"<text class="tick middle" transform="translate(12 {middle:.1}) rotate(-90)">{}</text>"#,
            escape(self.unit)
        );
    }

    fn draw(&self, svg: &mut String, series: &Series, top: f64) {
        let points = thinned(&series.points);
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
        let mut path = String::new();
        for (x, y) in &points {
            let _ = write!(
                path,
                "{}{:.1} {:.1}",
                if path.is_empty() { "M" } else { "L" },
                self.across(*x),
                height(*y, top)
            );
        }
        if series.filled {
            let base = height(0.0, top);
            let _ = write!(
                svg,
                r#"<path class="area {}" d="{path}L{:.1} {base:.1}L{:.1} {base:.1}Z"/>"#,
                series.class,
                self.across(last.0),
                self.across(first.0)
            );
        }
        let _ = write!(svg, r#"<path class="line {}" d="{path}"/>"#, series.class);
    }

    fn across(&self, x: f64) -> f64 {
        LEFT + x / self.to * (WIDTH - LEFT - RIGHT)
    }
}

fn height(y: f64, top: f64) -> f64 {
    HEIGHT - BOTTOM - y / top * (HEIGHT - TOP - BOTTOM)
}

/// Few enough points, with every peak kept.
fn thinned(points: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let chunk = points.len().div_ceil(POINTS).max(1);
    let highest = |points: &[(f64, f64)]| points.iter().copied().max_by(|one, other| one.1.total_cmp(&other.1));
    points.chunks(chunk).filter_map(highest).collect()
}

/// Text that is no markup.
#[must_use]
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_survive_the_thinning() {
        let points: Vec<_> = (0..10_000).map(|n| (f64::from(n), if n == 7_777 { 5.0 } else { 1.0 })).collect();
        let thinned = thinned(&points);
        assert!(thinned.len() <= POINTS && thinned.contains(&(7_777.0, 5.0)));
    }

    #[test]
    fn names_are_no_markup() {
        assert_eq!(escape("a<b>\"&"), "a&lt;b&gt;&quot;&amp;");
    }
}
