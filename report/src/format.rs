//! How times, latencies, counts and operations are written on the page.

use rashomon_history::{OpView, Outcome, Value};

/// Seconds of a time in ns, cut (not rounded, so that order survives) to milliseconds: `12.345`.
pub(crate) fn seconds(ns: u64) -> String {
    format!("{}.{:03}", ns / 1_000_000_000, ns % 1_000_000_000 / 1_000_000)
}

/// Seconds cut to microseconds: `12.345678`.
pub(crate) fn seconds_micros(ns: u64) -> String {
    format!("{}.{:06}", ns / 1_000_000_000, ns % 1_000_000_000 / 1_000)
}

/// A length of time in the unit that keeps three digits: `870 µs`, `12.3 ms`, `1,204 ms`.
pub(crate) fn latency(ns: u64) -> String {
    match ns {
        0..1_000_000 => format!("{} µs", ns / 1_000),
        1_000_000..100_000_000 => format!("{:.1} ms", ns as f64 / 1e6),
        _ => format!("{} ms", count(ns / 1_000_000)),
    }
}

/// A longer length of time: milliseconds below one second, else seconds: `640 ms`, `5.213 s`.
pub(crate) fn span(ns: u64) -> String {
    if ns < 1_000_000_000 { latency(ns) } else { format!("{} s", seconds(ns)) }
}

/// A chosen length of time, without needless zeros: `200 ms`, `2 s`.
pub(crate) fn interval(ns: u64) -> String {
    if ns.is_multiple_of(1_000_000_000) {
        format!("{} s", count(ns / 1_000_000_000))
    } else {
        format!("{} ms", count(ns / 1_000_000))
    }
}

/// A count with thousands separated: `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A measured number with three digits that count, or more before the point: `0.0123`, `4.2`, `1,234`.
pub fn measured(number: f64) -> String {
    if !number.is_finite() {
        return "–".to_owned();
    }
    let size = number.abs();
    if size >= 1_000.0 {
        let sign = if number < 0.0 { "-" } else { "" };
        return sign.to_owned() + &count(size.round() as u64);
    }
    let digits = if size == 0.0 { 0 } else { (2 - size.log10().floor() as i32).clamp(0, 6) as usize };
    let text = format!("{number:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// `1 operation`, `2,310 operations`.
pub(crate) fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(number), if number == 1 { "" } else { "s" })
}

/// At most `limit` characters, with an ellipsis where something was cut.
pub(crate) fn clip(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut clipped: String = text.chars().take(limit.saturating_sub(1)).collect();
    clipped.push('…');
    clipped
}

/// What an operation asked and what came of it, short enough for a diagram: `write 5 → ok`, `read → 7`.
pub(crate) fn operation_label(op: &OpView<'_>, limit: usize) -> String {
    let result = result(op);
    let asked = asked(op);
    let label =
        if asked.is_empty() { format!("{} → {result}", op.f) } else { format!("{} {asked} → {result}", op.f) };
    clip(&label, limit)
}

/// What was asked, empty where nothing was: the value of a write.
pub(crate) fn asked(op: &OpView<'_>) -> String {
    if op.input.is_nil() { String::new() } else { value(&op.input) }
}

/// What came back: the value where the result differs from what was asked, else the outcome's word.
pub(crate) fn result(op: &OpView<'_>) -> String {
    match op.outcome {
        Outcome::Ok if op.input.is_nil() || op.output != op.input => value(&op.output),
        outcome => outcome.as_str().to_owned(),
    }
}

/// A value as a person would write it, of bounded length.
pub(crate) fn value(value: &Value) -> String {
    clip(&value.to_string(), 400)
}

/// Width of monospaced text, px, at a font size of `size` px.
pub(crate) fn text_width(text: &str, size: f64) -> f64 {
    // Every common monospaced face is at most 0.602 em wide; East Asian characters take two columns.
    text.chars().map(|character| if (character as u32) < 0x1100 || character == '→' { 1.0 } else { 2.0 }).sum::<f64>()
        * 0.605
        * size
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_cut_and_counts_separated() {
        assert_eq!(seconds(12_345_999_999), "12.345");
        assert_eq!(seconds_micros(1_000_000), "0.001000");
        assert_eq!([latency(870_400), latency(12_340_000), latency(1_204_000_000)], ["870 µs", "12.3 ms", "1,204 ms"]);
        assert_eq!([span(640_000_000), span(5_213_000_000)], ["640 ms", "5.213 s"]);
        assert_eq!([interval(200_000_000), interval(2_000_000_000)], ["200 ms", "2 s"]);
        assert_eq!([count(0), count(999), count(1_000), count(1_234_567)], ["0", "999", "1,000", "1,234,567"]);
        assert_eq!([counted(1, "read"), counted(0, "read")], ["1 read", "0 reads"]);
    }

    #[test]
    fn clipping_counts_characters() {
        assert_eq!(clip("東京都", 3), "東京都");
        assert_eq!(clip("東京都庁", 3), "東京…");
    }
}
