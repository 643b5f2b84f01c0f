//! An axis that keeps the order of time and bends its scale.
//!
//! The operations of an anomaly last a millisecond and lie seconds apart: on a linear axis they are all invisible. Here
//! only the order of points in time is exact. A stretch between two neighbouring points grows with the logarithm of its
//! length, and every span that carries a label is at least as wide as the label. Positions solve a system of
//! difference constraints that all point forward in time, so one pass finds the narrowest layout.

/// A span that must be at least `width` wide.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// Begins here, ns.
    pub(crate) from: u64,
    /// Ends here, ns.
    pub(crate) to: u64,
    /// Its least width, px.
    pub(crate) width: f64,
}

/// How stretches of time become stretches of paper.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spacing {
    /// Width of the shortest stretch, px.
    pub(crate) least: f64,
    /// Further px for each tenfold of 100 µs.
    pub(crate) per_decade: f64,
    /// Width of the whole axis at least, px.
    pub(crate) total: f64,
}

/// An elastic time axis.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ElasticAxis {
    points: Vec<(u64, f64)>,
}

impl ElasticAxis {
    /// Lays out the points in time, the ends of the spans among them.
    pub(crate) fn layout(times: impl IntoIterator<Item = u64>, spans: &[Span], spacing: Spacing) -> ElasticAxis {
        let mut times: Vec<u64> = times.into_iter().chain(spans.iter().flat_map(|span| [span.from, span.to])).collect();
        times.sort_unstable();
        times.dedup();
        let mut ending: Vec<Vec<(usize, f64)>> = vec![Vec::new(); times.len()];
        for span in spans.iter().filter(|span| span.from < span.to) {
            let index = |time: u64| times.partition_point(|&other| other < time);
            ending[index(span.to)].push((index(span.from), span.width));
        }
        let mut points: Vec<(u64, f64)> = Vec::with_capacity(times.len());
        for (index, &time) in times.iter().enumerate() {
            let mut x = match points.last() {
                Some(&(before, at)) => {
                    let decades = (1.0 + (time - before) as f64 / 100_000.0).log10();
                    at + spacing.least + spacing.per_decade * decades
                }
                None => 0.0,
            };
            for &(from, width) in &ending[index] {
                x = x.max(points[from].1 + width);
            }
            points.push((time, x));
        }
        let width = points.last().map_or(0.0, |point| point.1);
        if width > 0.0 && width < spacing.total {
            let stretch = spacing.total / width;
            points.iter_mut().for_each(|point| point.1 *= stretch);
        }
        ElasticAxis { points }
    }

    /// The same axis, `total` px wide.
    pub(crate) fn fitted(mut self, total: f64) -> ElasticAxis {
        let width = self.width();
        if width > 0.0 {
            self.points.iter_mut().for_each(|point| point.1 *= total / width);
        }
        self
    }

    /// Where a time is, px from the left end. Times beyond the ends are at the ends.
    pub(crate) fn x(&self, time: u64) -> f64 {
        let after = self.points.partition_point(|point| point.0 <= time);
        if after == 0 {
            return 0.0;
        }
        let (from, at) = self.points[after - 1];
        match self.points.get(after) {
            Some(&(to, end)) => at + (end - at) * (time - from) as f64 / (to - from) as f64,
            None => at,
        }
    }

    /// Its width, px.
    pub(crate) fn width(&self) -> f64 {
        self.points.last().map_or(0.0, |point| point.1)
    }

    /// The stretches drawn much shorter than the others, where the axis has to show a break: from, to, ns.
    pub(crate) fn breaks(&self) -> Vec<(u64, u64)> {
        let stretches = || self.points.windows(2).map(|pair| (pair[0], pair[1]));
        let mut densities: Vec<f64> = stretches().map(|(from, to)| (to.0 - from.0) as f64 / (to.1 - from.1)).collect();
        densities.sort_unstable_by(f64::total_cmp);
        let Some(&median) = densities.get(densities.len() / 2) else { return Vec::new() };
        stretches()
            .filter(|(from, to)| (to.0 - from.0) as f64 / (to.1 - from.1) > 20.0 * median && to.0 - from.0 > 20_000_000)
            .map(|(from, to)| (from.0, to.0))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPACING: Spacing = Spacing { least: 5.0, per_decade: 20.0, total: 0.0 };

    #[test]
    fn order_is_kept_and_labels_fit() {
        let spans = [
            Span { from: 1_000_000, to: 2_000_000, width: 140.0 },
            Span { from: 1_500_000, to: 9_000_000_000, width: 10.0 },
            Span { from: 9_000_000_100, to: 9_000_000_200, width: 90.0 },
        ];
        let axis = ElasticAxis::layout([0], &spans, SPACING);
        for span in spans {
            assert!(axis.x(span.to) - axis.x(span.from) >= span.width - 1e-9, "{span:?}");
        }
        let mut last = -1.0;
        for time in [0, 1_000_000, 1_500_000, 2_000_000, 9_000_000_000, 9_000_000_100, 9_000_000_200] {
            assert!(axis.x(time) > last);
            last = axis.x(time);
        }
        assert_eq!(axis.x(u64::MAX), axis.width());
        assert_eq!(axis.breaks(), [(2_000_000, 9_000_000_000)]);
    }

    #[test]
    fn a_short_axis_is_stretched_and_an_empty_one_is_empty() {
        let spacing = Spacing { total: 500.0, ..SPACING };
        let axis = ElasticAxis::layout([3, 9], &[], spacing);
        assert_eq!((axis.x(3), axis.x(9)), (0.0, 500.0));
        assert_eq!(ElasticAxis::layout([], &[], spacing).x(7), 0.0);
        assert_eq!(ElasticAxis::layout([5], &[Span { from: 5, to: 5, width: 50.0 }], spacing).width(), 0.0);
    }
}
