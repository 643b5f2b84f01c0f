//! Plots over the whole run on one linear time axis: faults, throughput by outcome, latency.

use super::diagram::fault_title;
use super::fault_class;
use crate::format;
use crate::html::{Html, put};
use crate::neighbourhood::was_tried;
use crate::series::{COLUMNS, DECADES, ROWS, ROWS_PER_DECADE, Series};
use rashomon_runs::{FaultOutcome, FaultRecord};

const LEFT: f64 = 76.0;
const WIDTH: f64 = 1100.0;
const RIGHT: f64 = 14.0;
/// Faults drawn at most; the table lists them.
pub(crate) const FAULTS_MAX: usize = 400;

/// What every plot of a run shares: its time axis, and what is drawn behind or above it.
pub(crate) struct Frame<'a> {
    end_ns: u64,
    /// When the load ended and the final reads began, where they did.
    final_reads_ns: Option<u64>,
    faults: Vec<&'a FaultRecord>,
    findings: Vec<(usize, u64, u64)>,
}

/// A plot's own room, px.
#[derive(Clone, Copy)]
struct Panel {
    top: f64,
    height: f64,
}

impl Panel {
    fn bottom(self) -> f64 {
        self.top + self.height
    }
}

impl<'a> Frame<'a> {
    /// A frame from 0 to `end_ns`; `findings` are numbered windows of anomalies.
    pub(crate) fn new(end_ns: u64, faults: &'a [FaultRecord], findings: Vec<(usize, u64, u64)>) -> Frame<'a> {
        let faults = faults.iter().take(FAULTS_MAX).collect();
        Frame { end_ns: end_ns.max(1), final_reads_ns: None, faults, findings }
    }

    /// The same frame with a mark where the load ended and the final reads began.
    pub(crate) fn with_final_reads(self, load_ns: u64) -> Frame<'a> {
        Frame { final_reads_ns: Some(load_ns).filter(|&load_ns| load_ns > 0 && load_ns < self.end_ns), ..self }
    }

    fn x(&self, time: u64) -> f64 {
        LEFT + WIDTH * (time.min(self.end_ns) as f64 / self.end_ns as f64)
    }

    fn open(&self, html: &mut Html, kind: &'static str, label: &str, height: f64) {
        put!(
            html,
            "<div class=\"scroll\"><svg class=\"plot {}\" viewBox=\"0 0 {:.0} {:.0}\" role=\"img\" \
             aria-label=\"{}\">",
            kind,
            LEFT + WIDTH + RIGHT,
            height,
            label
        );
    }

    /// The time of the final reads behind a panel: nobody paces them, so that their rate says nothing.
    fn final_reads(&self, html: &mut Html, panel: Panel) {
        let Some(final_reads_ns) = self.final_reads_ns else { return };
        let (x, label) = (self.x(final_reads_ns), "final reads");
        let width = LEFT + WIDTH - x;
        let Panel { top, height } = panel;
        put!(
            html,
            "<rect class=\"closing\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"/>",
            x,
            top,
            width,
            height
        );
        if width > format::text_width(label, 10.0) + 8.0 {
            put!(
                html,
                "<text class=\"fault-name\" text-anchor=\"middle\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                x + width / 2.0,
                top + 12.0,
                label
            );
        }
    }

    /// Fault bands behind a panel.
    fn bands(&self, html: &mut Html, panel: Panel) {
        for fault in self.faults.iter().filter(|fault| was_tried(fault)) {
            let (from, to) = (self.x(fault.begin_ns), self.x(fault.end_ns.unwrap_or(self.end_ns)));
            put!(
                html,
                "<rect class=\"band\" fill=\"url(#pattern-{})\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" \
                 height=\"{:.1}\"/>",
                fault_class::slot(fault.class.as_str()),
                from,
                panel.top,
                (to - from).max(1.5),
                panel.height
            );
        }
    }

    /// Where the anomalies are, as lines through a panel.
    fn finding_lines(&self, html: &mut Html, panel: Panel) {
        for (_, _, to) in &self.findings {
            put!(
                html,
                "<path class=\"finding-line\" d=\"M{:.1} {:.1}V{:.1}\"/>",
                self.x(*to),
                panel.top,
                panel.bottom()
            );
        }
    }

    /// The time axis below a panel.
    fn time_axis(&self, html: &mut Html, panel: Panel, labelled: bool) {
        let step = nice_step(self.end_ns as f64 / 1e9, 12.0);
        let mut tick = 0_u64;
        while tick as f64 * step <= self.end_ns as f64 / 1e9 {
            let seconds = tick as f64 * step;
            let x = LEFT + WIDTH * (seconds * 1e9 / self.end_ns as f64);
            put!(html, "<path class=\"tick\" d=\"M{:.1} {:.1}v4\"/>", x, panel.bottom());
            if labelled {
                let text = trimmed(seconds);
                put!(
                    html,
                    "<text class=\"time\" text-anchor=\"middle\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                    x,
                    panel.bottom() + 16.0,
                    text
                );
            }
            tick += 1;
        }
        put!(html, "<path class=\"axis\" d=\"M{} {:.1}h{}\"/>", LEFT, panel.bottom(), WIDTH);
    }

    /// A line of the vertical scale.
    fn level(&self, html: &mut Html, y: f64, text: &str) {
        put!(html, "<path class=\"level\" d=\"M{} {:.1}h{}\"/>", LEFT, y, WIDTH);
        put!(
            html,
            "<text class=\"scale\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LEFT - 8.0,
            y + 3.5,
            text
        );
    }

    /// Invisible areas that name what is plotted at each bucket.
    fn hits(&self, html: &mut Html, series: &Series, panel: Panel, title: impl Fn(usize) -> String) {
        for bucket in 0..series.buckets.len() {
            let from = bucket as u64 * series.bucket_ns;
            let (x0, x1) = (self.x(from), self.x(from + series.bucket_ns));
            if x1 - x0 < 0.05 {
                continue;
            }
            put!(
                html,
                "<rect class=\"hit\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{:.1}\"><title>{}–{} s: {}</title></rect>",
                x0,
                panel.top,
                x1 - x0,
                panel.height,
                format::seconds(from),
                format::seconds((from + series.bucket_ns).min(series.end_ns)),
                title(bucket)
            );
        }
    }

    /// The faults, a row per class, and the findings above them.
    pub(crate) fn fault_strip(&self) -> Html {
        let mut classes: Vec<&str> = self.faults.iter().map(|fault| fault.class.as_str()).collect();
        classes.sort_unstable();
        classes.dedup();
        let first = if self.findings.is_empty() { 4.0 } else { 24.0 };
        let panel = Panel { top: first, height: (classes.len() as f64 * 22.0).max(8.0) };
        let mut html = Html::new();
        self.open(&mut html, "strip", "Faults over time, one row per class", panel.bottom() + 24.0);
        let mut written_to = 0.0;
        for (number, from, to) in &self.findings {
            // By its end an anomaly has come to light.
            let (x, label) = (self.x(*to), format!("finding {number}"));
            put!(
                html,
                "<a href=\"#finding-{}\" class=\"finding-mark\"><title>finding {}: {}–{} s</title>\
                 <path d=\"M{:.1} 16l-5 -8h10z\"/>",
                number,
                number,
                format::seconds(*from),
                format::seconds(*to),
                x
            );
            let width = format::text_width(&label, 10.0);
            let left = if x + 8.0 + width > LEFT + WIDTH { x - 8.0 - width } else { x + 8.0 };
            if left > written_to {
                put!(html, "<text x=\"{:.1}\" y=\"15\">{}</text>", left, label);
                written_to = left + width + 6.0;
            }
            html.raw("</a>");
        }
        for (row, class) in classes.iter().enumerate() {
            self.fault_row(&mut html, class, panel.top + row as f64 * 22.0);
        }
        self.finding_lines(&mut html, panel);
        self.time_axis(&mut html, panel, true);
        html.raw("</svg></div>\n");
        html
    }

    fn fault_row(&self, html: &mut Html, class: &str, top: f64) {
        put!(
            html,
            "<text class=\"scale\" text-anchor=\"end\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            LEFT - 8.0,
            top + 13.5,
            format::clip(class, 12)
        );
        let slot = fault_class::slot(class);
        let of_class: Vec<&&FaultRecord> = self.faults.iter().filter(|fault| fault.class.as_str() == class).collect();
        for (place, fault) in of_class.iter().enumerate() {
            let (x0, x1) = (self.x(fault.begin_ns), self.x(fault.end_ns.unwrap_or(self.end_ns)));
            put!(html, "<a class=\"fault\" href=\"#fault-{}\"><title>{}</title>", fault.id, fault_title(fault));
            if fault.outcome == FaultOutcome::Skipped {
                put!(html, "<circle class=\"skipped\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\"/></a>", x0, top + 9.5);
                continue;
            }
            let doubt = if fault.outcome == FaultOutcome::Unconfirmed { " doubt" } else { "" };
            for (kind, fill) in [("tab", ""), ("weave", slot)] {
                put!(
                    html,
                    "<rect class=\"{} {}{}\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"17\" rx=\"2\"",
                    kind,
                    slot,
                    doubt,
                    x0,
                    top + 1.0,
                    (x1 - x0).max(3.0)
                );
                if !fill.is_empty() {
                    put!(html, " fill=\"url(#pattern-{})\"", fill);
                }
                html.raw("/>");
            }
            // A name may run past its bar's end as far as the next bar of the row.
            let room = of_class.get(place + 1).map_or(LEFT + WIDTH, |next| self.x(next.begin_ns)) - x0 - 8.0;
            let label = format::clip(
                &format!("{} {}", fault.kind, fault.nodes.join(" ")),
                (room / format::text_width("x", 10.0)).max(0.0) as usize,
            );
            if label.chars().count() > 3 {
                put!(html, "<text class=\"fault-name\" x=\"{:.1}\" y=\"{:.1}\">{}</text>", x0 + 5.0, top + 13.0, label);
            }
            html.raw("</a>");
        }
    }

    /// Throughput: ok as an area; fail and info on a scale of their own, or nobody would see them.
    pub(crate) fn throughput(&self, series: &Series) -> Html {
        let ok = Panel { top: 18.0, height: 130.0 };
        let other = Panel { top: 178.0, height: 64.0 };
        let mut html = Html::new();
        self.open(&mut html, "throughput", "Operations per second by outcome over time", other.bottom() + 26.0);
        for panel in [ok, other] {
            self.bands(&mut html, panel);
        }
        self.final_reads(&mut html, ok);
        self.rate_scale(&mut html, series, ok, &[0], "ok /s");
        self.rate_scale(&mut html, series, other, &[1, 2], "fail, info /s");
        let top = |slots: &[usize]| scale_end(&self.rates(series, slots));
        self.area(&mut html, series, ok, 0, top(&[0]), "ok");
        let both = top(&[1, 2]);
        self.area(&mut html, series, other, 2, both, "info");
        self.area(&mut html, series, other, 1, both, "fail");
        let title = |bucket: usize| {
            let rate = |slot| format::count(series.rate(bucket, slot).round() as u64);
            format!("ok {}/s, fail {}/s, info {}/s", rate(0), rate(1), rate(2))
        };
        for panel in [ok, other] {
            self.finding_lines(&mut html, panel);
            self.time_axis(&mut html, panel, panel.top > ok.top);
            self.hits(&mut html, series, panel, title);
        }
        html.raw("</svg></div>\n");
        html
    }

    fn rates(&self, series: &Series, slots: &[usize]) -> Vec<f64> {
        // What comes after the load may be drawn beyond the scale.
        let load = self.final_reads_ns.map_or(usize::MAX, |load_ns| (load_ns / series.bucket_ns).max(1) as usize);
        let buckets = 0..series.buckets.len().min(load);
        buckets.flat_map(|bucket| slots.iter().map(move |&slot| series.rate(bucket, slot))).collect()
    }

    fn rate_scale(&self, html: &mut Html, series: &Series, panel: Panel, slots: &[usize], name: &str) {
        let end = scale_end(&self.rates(series, slots));
        let step = nice_step(end, if panel.height > 100.0 { 4.0 } else { 2.0 });
        let mut level = 0_u32;
        while f64::from(level) * step <= end * 1.001 {
            let value = f64::from(level) * step;
            let text = if value < 10.0 { trimmed(value) } else { format::count(value.round() as u64) };
            self.level(html, panel.bottom() - panel.height * value / end, &text);
            level += 1;
        }
        put!(html, "<text class=\"unit\" x=\"{:.1}\" y=\"{:.1}\">{}</text>", LEFT, panel.top - 5.0, name);
    }

    /// A stepped line with the area below it.
    fn area(&self, html: &mut Html, series: &Series, panel: Panel, slot: usize, end: f64, class: &'static str) {
        let mut line = String::new();
        for bucket in 0..series.buckets.len() {
            let from = bucket as u64 * series.bucket_ns;
            let y = panel.bottom() - panel.height * (series.rate(bucket, slot) / end).min(1.0);
            let command = if bucket == 0 { 'M' } else { 'L' };
            line.push_str(&format!("{command}{:.1} {y:.1}H{:.1}", self.x(from), self.x(from + series.bucket_ns)));
        }
        put!(html, "<path class=\"area {}\" d=\"{}V{:.1}H{:.1}z\"/>", class, line, panel.bottom(), LEFT);
        put!(html, "<path class=\"line {}\" d=\"{}\"/>", class, line);
    }

    /// Latency: every operation in a density, the quantiles of those that ended ok as lines, on a logarithmic scale.
    pub(crate) fn latency(&self, series: &Series) -> Html {
        let panel = Panel { top: 10.0, height: 230.0 };
        let decades = shown_decades(series);
        let mut html = Html::new();
        self.open(&mut html, "latency", "Latency over time, logarithmic scale", panel.bottom() + 26.0);
        self.bands(&mut html, panel);
        self.final_reads(&mut html, panel);
        for decade in decades.0..=decades.1 {
            let names = ["1 µs", "10 µs", "100 µs", "1 ms", "10 ms", "100 ms", "1 s", "10 s", "100 s", "1,000 s"];
            self.level(&mut html, self.latency_y(panel, decades, decade as f64), names[decade]);
        }
        self.density(&mut html, series, panel, decades);
        self.quantile_line(&mut html, series, panel, decades, "p99", |latency| latency.p99);
        self.quantile_line(&mut html, series, panel, decades, "p95", |latency| latency.p95);
        self.quantile_line(&mut html, series, panel, decades, "p50", |latency| latency.p50);
        self.finding_lines(&mut html, panel);
        self.time_axis(&mut html, panel, true);
        self.hits(&mut html, series, panel, |bucket| match series.buckets[bucket].latency {
            Some(latency) => format!(
                "p50 {}, p95 {}, p99 {}, max {}",
                format::latency(latency.p50),
                format::latency(latency.p95),
                format::latency(latency.p99),
                format::latency(latency.max)
            ),
            None => "no operation that began here ended ok".to_owned(),
        });
        html.raw("</svg></div>\n");
        html
    }

    fn latency_y(&self, panel: Panel, decades: (usize, usize), decade: f64) -> f64 {
        panel.bottom() - panel.height * (decade - decades.0 as f64) / (decades.1 - decades.0) as f64
    }

    fn quantile_line(
        &self,
        html: &mut Html,
        series: &Series,
        panel: Panel,
        decades: (usize, usize),
        class: &'static str,
        quantile: impl Fn(crate::series::Quantiles) -> u64,
    ) {
        let mut line = String::new();
        let mut drawing = false;
        for (bucket, content) in series.buckets.iter().enumerate() {
            let Some(latency) = content.latency else {
                drawing = false;
                continue;
            };
            let decade = (quantile(latency) as f64 / 1_000.0).max(1.0).log10();
            let y = self.latency_y(panel, decades, decade.clamp(decades.0 as f64, decades.1 as f64));
            let from = bucket as u64 * series.bucket_ns;
            let command = if drawing { 'L' } else { 'M' };
            line.push_str(&format!("{command}{:.1} {y:.1}H{:.1}", self.x(from), self.x(from + series.bucket_ns)));
            drawing = true;
        }
        put!(html, "<path class=\"halo\" d=\"{}\"/><path class=\"quantile {}\" d=\"{}\"/>", line, class, line);
    }

    /// One path per outcome and depth of shade: its size is bounded by the number of cells, not of operations.
    fn density(&self, html: &mut Html, series: &Series, panel: Panel, decades: (usize, usize)) {
        let rows = decades.0 * ROWS_PER_DECADE..decades.1 * ROWS_PER_DECADE;
        let (width, height) = (WIDTH / COLUMNS as f64, panel.height / rows.len() as f64);
        let place = |cell: usize| {
            let (column, row) = (cell / ROWS, cell % ROWS);
            let y = panel.bottom() - (row - rows.start + 1) as f64 * height;
            (LEFT + column as f64 * width, y)
        };
        let cells = |slot: usize| {
            series.density[slot].iter().enumerate().filter(|&(cell, &count)| count > 0 && rows.contains(&(cell % ROWS)))
        };
        let mut shades = [const { String::new() }; 4];
        for (cell, &count) in cells(0) {
            let (x, y) = place(cell);
            shades[(count.ilog10() as usize).min(3)]
                .push_str(&format!("M{x:.1} {y:.1}h{width:.1}v{height:.1}h-{width:.1}z"));
        }
        for (shade, path) in shades.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
            put!(html, "<path class=\"density shade-{}\" d=\"{}\"/>", shade, path);
        }
        for (slot, class) in [(2, "info"), (1, "fail")] {
            let mut marks = String::new();
            // A refused operation is as fast as an accepted one; only where it is not does its mark say something.
            for (cell, _) in cells(slot).filter(|&(cell, _)| slot == 2 || series.density[0][cell] == 0) {
                let (x, y) = place(cell);
                let (x, y) = (x + width / 2.0, y + height / 2.0);
                marks.push_str(&if slot == 2 {
                    format!("M{:.1} {:.1}l4 4m0 -4l-4 4", x - 2.0, y - 2.0)
                } else {
                    format!("M{:.1} {:.1}h3v3h-3z", x - 1.5, y - 1.5)
                });
            }
            put!(html, "<path class=\"mark {}\" d=\"{}\"/>", class, marks);
        }
    }
}

/// The whole tenfolds of latency that have operations, at least two of them.
fn shown_decades(series: &Series) -> (usize, usize) {
    let used =
        |row: usize| series.density.iter().any(|cells| cells.iter().skip(row).step_by(ROWS).any(|&count| count > 0));
    let first = (0..ROWS).find(|&row| used(row)).map_or(3, |row| row / ROWS_PER_DECADE);
    let last = (0..ROWS).rev().find(|&row| used(row)).map_or(4, |row| row / ROWS_PER_DECADE + 1);
    let last = last.max(first + 2).min(DECADES);
    (first.min(last - 2), last)
}

/// Where a scale ends: a nice number at or above the largest value, without letting one short spike flatten the rest.
fn scale_end(values: &[f64]) -> f64 {
    let max = values.iter().copied().fold(0.0, f64::max).max(1.0);
    let step = nice_step(max, 4.0);
    (max / step).ceil() * step
}

/// A step of 1, 2 or 5 times a power of ten that divides `length` into at most `parts` parts.
pub(super) fn nice_step(length: f64, parts: f64) -> f64 {
    let least = (length / parts).max(1e-9);
    let power = 10_f64.powf(least.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|factor| factor * power).find(|step| *step >= least * 0.999).unwrap_or(least)
}

/// A number without needless zeros: `0.5`, `12`.
pub(super) fn trimmed(number: f64) -> String {
    let text = format!("{number:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_nice() {
        assert_eq!([nice_step(30.0, 12.0), nice_step(100.0, 4.0), nice_step(4_321.0, 4.0)], [5.0, 50.0, 2_000.0]);
        assert_eq!([trimmed(0.5), trimmed(20.0), trimmed(0.0)], ["0.5", "20", "0"]);
        assert_eq!(scale_end(&[4_321.0, 17.0]), 6_000.0);
    }

    #[test]
    fn final_reads_are_marked_and_do_not_flatten_the_load() {
        let bucket = |ok| crate::series::Bucket { ended: [ok, 0, 0], latency: None };
        let series = Series {
            bucket_ns: 1_000_000_000,
            end_ns: 4_000_000_000,
            buckets: vec![bucket(80), bucket(80), bucket(9_000), bucket(0)],
            density: [(); 3].map(|()| vec![0; COLUMNS * ROWS]),
            unfinished: 0,
        };
        let frame = || Frame::new(series.end_ns, &[], Vec::new());
        assert!(frame().throughput(&series).finish().contains(">10,000<"));
        let marked = frame().with_final_reads(2_000_000_000).throughput(&series).finish();
        assert!(marked.contains("final reads") && marked.contains(">80<") && !marked.contains(">10,000<"), "{marked}");
    }

    /// The worst case of any run, however long: every bucket and every cell is full, all faults overlap everything.
    #[test]
    fn plots_have_a_largest_size() {
        let latency =
            Some(crate::series::Quantiles { p50: 1_234_567, p95: 12_345_678, p99: 123_456_789, max: u64::MAX });
        let bucket = crate::series::Bucket { ended: [u64::MAX / 3; 3], latency };
        let mut series = Series {
            bucket_ns: 21_600_000_000_000,
            end_ns: 21_600_000_000_000 * crate::series::BUCKETS_MAX,
            buckets: vec![bucket; crate::series::BUCKETS_MAX as usize],
            density: [(); 3].map(|()| vec![u32::MAX; COLUMNS * ROWS]),
            unfinished: u64::MAX,
        };
        // Marks of fail are drawn where no operation was ok: half and half is the largest.
        series.density[0].iter_mut().step_by(2).for_each(|count| *count = 0);
        let frame = Frame::new(series.end_ns, &[], Vec::new());
        let latency = frame.latency(&series).finish().len();
        let size = latency + frame.throughput(&series).finish().len();
        assert!(size < 2_500_000, "{size} bytes");
        // What is drawn grows with the number of cells, not with what is in them.
        series.density.iter_mut().flatten().for_each(|count| *count = (*count).min(1));
        assert!(latency.abs_diff(frame.latency(&series).finish().len()) < 1_000);
    }
}
