//! A curve that a checker measured: how y grows with x, as a distribution or a visibility over time.

use super::plots::{nice_step, trimmed};
use crate::html::{Html, put};

/// Where the panel begins and how large it is, px.
const LEFT: f64 = 64.0;
const TOP: f64 = 12.0;
const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 170.0;
const RIGHT: f64 = 18.0;
/// Points drawn at most.
const POINTS_MAX: usize = 1_000;
/// Above this ratio of the largest to the smallest positive x, the axis is logarithmic.
const RATIO_LINEAR_MAX: f64 = 200.0;

/// Draws points, in order of x. Points beside the plane (NaN, infinite) are left out; a plot without points is empty.
pub(crate) fn curve(name: &str, x_unit: &str, y_unit: &str, points: &[(f64, f64)]) -> Html {
    let mut html = Html::new();
    let points: Vec<(f64, f64)> = points.iter().copied().filter(|(x, y)| x.is_finite() && y.is_finite()).collect();
    let (Some(axis), Some(rise)) = (Axis::of(&points), Rise::of(&points)) else { return html };
    put!(
        html,
        "<svg class=\"curve\" viewBox=\"0 0 {:.0} {:.0}\" role=\"img\" aria-label=\"{}: {} by {}\">",
        LEFT + WIDTH + RIGHT,
        TOP + HEIGHT + 36.0,
        name,
        y_unit,
        x_unit
    );
    let place = |y: f64| TOP + HEIGHT * (1.0 - rise.place(y));
    for y in rise.levels() {
        put!(html, "<path class=\"level\" d=\"M{:.1} {:.1}h{:.1}\"/>", LEFT, place(y), WIDTH);
        put!(
            html,
            "<text class=\"scale\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LEFT - 8.0,
            place(y) + 3.5,
            rise.label(y)
        );
    }
    for (x, text) in axis.ticks() {
        let x = LEFT + WIDTH * x;
        put!(html, "<path class=\"tick\" d=\"M{:.1} {:.1}v4\"/>", x, TOP + HEIGHT);
        put!(
            html,
            "<text class=\"time\" text-anchor=\"middle\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            x,
            TOP + HEIGHT + 16.0,
            text
        );
    }
    put!(html, "<path class=\"axis\" d=\"M{:.1} {:.1}h{:.1}\"/>", LEFT, TOP + HEIGHT, WIDTH);
    let mut line = String::new();
    for (index, (x, y)) in thinned(&points).enumerate() {
        let command = if index == 0 { 'M' } else { 'L' };
        line.push_str(&format!("{command}{:.1} {:.1}", LEFT + WIDTH * axis.place(x), place(y)));
    }
    if points.len() == 1 {
        // A single point has no line: a mark of its own.
        let (x, y) = points[0];
        put!(
            html,
            "<circle class=\"curve-point\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"3\"/>",
            LEFT + WIDTH * axis.place(x),
            place(y)
        );
    }
    put!(html, "<path class=\"line curve-line\" d=\"{}\"/>", line);
    let scale = if axis.logarithmic() { ", logarithmic" } else { "" };
    put!(
        html,
        "<text class=\"unit\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}{}</text></svg>\n",
        LEFT + WIDTH,
        TOP + HEIGHT + 32.0,
        x_unit,
        scale
    );
    html
}

/// The vertical scale: from 0, unless all points lie in the upper half; then that half, or less, is drawn larger.
struct Rise {
    from: f64,
    to: f64,
    step: f64,
}

impl Rise {
    fn of(points: &[(f64, f64)]) -> Option<Rise> {
        let ys = || points.iter().map(|&(_, y)| y);
        let (least, most) = (ys().reduce(f64::min)?, ys().reduce(f64::max)?);
        if most <= 0.0 {
            return Some(Rise { from: 0.0, to: 1.0, step: 0.5 });
        }
        let from = if least < most && least >= most / 2.0 { least } else { 0.0 };
        let step = nice_step(most - from, 4.0);
        Some(Rise { from: (from / step + 1e-9).floor() * step, to: (most / step - 1e-9).ceil() * step, step })
    }

    /// Where y lies, from 0 to 1.
    fn place(&self, y: f64) -> f64 {
        ((y - self.from) / (self.to - self.from)).clamp(0.0, 1.0)
    }

    /// As many digits as tell one level from the next.
    fn label(&self, y: f64) -> String {
        let digits = (-self.step.log10().floor()).clamp(0.0, 12.0) as usize;
        let text = format!("{y:.digits$}");
        if digits == 0 { text } else { text.trim_end_matches('0').trim_end_matches('.').to_owned() }
    }

    fn levels(&self) -> impl Iterator<Item = f64> {
        (0..=((self.to - self.from) / self.step).round() as u64).map(|level| self.from + level as f64 * self.step)
    }
}

/// At most [`POINTS_MAX`] of the points, the first and the last among them.
fn thinned(points: &[(f64, f64)]) -> impl Iterator<Item = (f64, f64)> {
    let stride = points.len().div_ceil(POINTS_MAX).max(1);
    let last = points.len().saturating_sub(1);
    points.iter().enumerate().filter(move |&(index, _)| index % stride == 0 || index == last).map(|(_, &point)| point)
}

/// The horizontal axis.
enum Axis {
    Linear {
        from: f64,
        to: f64,
    },
    /// Whole powers of ten; what is smaller than the first (0, say) is drawn there.
    Logarithmic {
        from: i32,
        to: i32,
    },
}

impl Axis {
    fn of(points: &[(f64, f64)]) -> Option<Axis> {
        let xs = || points.iter().map(|&(x, _)| x);
        let (least, most) = (xs().reduce(f64::min)?, xs().reduce(f64::max)?);
        let positive = xs().filter(|&x| x > 0.0).reduce(f64::min);
        match positive {
            Some(positive) if least >= 0.0 && most / positive > RATIO_LINEAR_MAX => {
                let from = positive.log10().floor() as i32;
                Some(Axis::Logarithmic { from, to: (most.log10().ceil() as i32).max(from + 1) })
            }
            _ => {
                let from = least.min(0.0);
                let to = if most > from { most } else { from + 1.0 };
                Some(Axis::Linear { from, to })
            }
        }
    }

    fn logarithmic(&self) -> bool {
        matches!(self, Axis::Logarithmic { .. })
    }

    /// Where x lies, from 0 to 1.
    fn place(&self, x: f64) -> f64 {
        let share = match *self {
            Axis::Linear { from, to } => (x - from) / (to - from),
            Axis::Logarithmic { from, to } => {
                (x.max(10_f64.powi(from)).log10() - f64::from(from)) / f64::from(to - from)
            }
        };
        share.clamp(0.0, 1.0)
    }

    fn ticks(&self) -> Vec<(f64, String)> {
        match *self {
            Axis::Linear { from, to } => {
                let step = nice_step(to - from, 8.0);
                let first = (from / step).ceil() as i64;
                let last = (to / step + 1e-9).floor() as i64;
                (first..=last).map(|tick| tick as f64 * step).map(|x| (self.place(x), trimmed(x))).collect()
            }
            Axis::Logarithmic { from, to } => {
                // A dozen of tenfolds has no room for all of their numbers.
                let stride = ((to - from) / 8 + 1) as usize;
                let tenfolds = (from..=to).step_by(stride).map(|power| 10_f64.powi(power));
                tenfolds.map(|x| (self.place(x), if x < 0.001 { format!("{x:e}") } else { trimmed(x) })).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(points: &[(f64, f64)]) -> String {
        curve("t-visibility", "ms", "fraction of reads", points).finish()
    }

    #[test]
    fn a_wide_range_of_x_is_drawn_on_a_logarithmic_axis() {
        assert!(!drawn(&[(0.0, 0.5), (10.0, 1.0)]).contains("logarithmic"));
        let wide = drawn(&[(0.0, 0.5), (0.02, 0.9), (3_000.0, 1.0)]);
        assert!(wide.contains("logarithmic") && wide.contains(">0.01<") && wide.contains(">10000<"), "{wide}");
    }

    #[test]
    fn whatever_is_measured_has_a_bounded_finite_drawing() {
        assert_eq!(drawn(&[]), "");
        assert_eq!(drawn(&[(f64::NAN, 1.0), (1.0, f64::INFINITY)]), "");
        assert!(drawn(&[(0.0, 0.0)]).contains("curve-point"));
        let many: Vec<(f64, f64)> = (0..100_000).map(|x| (f64::from(x), f64::from(x))).collect();
        let many = drawn(&many);
        assert!(many.len() < 40_000, "{}", many.len());
        for text in [drawn(&[(5.0, 7.0)]), drawn(&[(-1.0, -2.0), (1e300, 1e300)]), many] {
            assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
        }
    }

    #[test]
    fn what_happens_near_the_top_is_drawn_larger() {
        let near = drawn(&[(0.0, 0.985), (10.0, 1.0)]);
        assert!(near.contains(">0.985<") && near.contains(">1<") && !near.contains(">0.5<"), "{near}");
        let nearer = drawn(&[(0.0, 0.9999), (10.0, 1.0)]);
        assert!(nearer.contains(">0.9999<") && nearer.contains(">0.99995<") && nearer.contains(">1<"), "{nearer}");
        let whole = drawn(&[(0.0, 0.2), (10.0, 1.0)]);
        assert!(whole.contains(">0<") && whole.contains(">1<"), "{whole}");
        // All the same: there is nothing to enlarge.
        assert!(drawn(&[(0.0, 1.0), (10.0, 1.0)]).contains(">0<"));
    }

    #[test]
    fn thinning_keeps_both_ends() {
        let points: Vec<(f64, f64)> = (0..2_500).map(|x| (f64::from(x), 0.0)).collect();
        let kept: Vec<f64> = thinned(&points).map(|(x, _)| x).collect();
        assert!(kept.len() <= POINTS_MAX + 1);
        assert_eq!((kept[0], kept[kept.len() - 1]), (0.0, 2_499.0));
    }
}
