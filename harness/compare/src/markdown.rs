//! The summary as Markdown, for a pull request or a chat.

use std::fmt::Write;

use crate::{MeasureSummary, Summary};

/// Text that stays within a cell of a table and is no markup.
fn cell(text: &str) -> String {
    let plain = |letter: char| match letter {
        '|' => "\\|".to_owned(),
        '<' => "&lt;".to_owned(),
        '>' => "&gt;".to_owned(),
        letter if letter.is_control() => " ".to_owned(),
        letter => letter.to_string(),
    };
    text.chars().map(plain).collect()
}

/// The summary.
pub fn of(summary: &Summary) -> String {
    let mut text = String::new();
    let after = summary.decided_after.map_or(String::new(), |pairs| format!(", certain after {pairs} pairs"));
    let _ = writeln!(text, "## {}: {}{after}\n", cell(&summary.target), summary.verdict.as_str());
    for reason in &summary.reasons {
        let _ = writeln!(text, "- {}", cell(reason));
    }
    let _ = writeln!(text, "\n| | base | candidate |\n|---|---|---|");
    let _ = writeln!(text, "| version | {} | {} |", cell(&summary.base.label), cell(&summary.candidate.label));
    for rate in &summary.rates {
        let _ = writeln!(
            text,
            "| {} | {} of {} | {} of {} |",
            rate.failing.as_str(),
            rate.base,
            rate.pairs,
            rate.candidate,
            rate.pairs
        );
    }
    if !summary.measures.is_empty() {
        let _ = writeln!(text, "\n| measure | base | candidate | change | between | |\n|---|---|---|---|---|---|");
        for measure in &summary.measures {
            let _ = writeln!(text, "{}", measure_row(measure));
        }
    }
    if let Some(power) = &summary.power {
        let _ = writeln!(text, "\nDetection power: {}.", cell(&power.sentence()));
    }
    let _ = writeln!(
        text,
        "\n{} pairs of runs in {:.0} s{}; `{}`",
        summary.usable_pairs,
        summary.took_s,
        match summary.dropped_pairs {
            0 => String::new(),
            dropped => format!(", {dropped} more left out because a run broke or was interrupted"),
        },
        summary.command.replace('`', "'")
    );
    text
}

fn measure_row(measure: &MeasureSummary) -> String {
    let percent = |ratio: f64| format!("{:+.1}%", (ratio - 1.0) * 100.0);
    let end = |ratio: Option<f64>| ratio.map_or("open".to_owned(), percent);
    format!(
        "| {} | {:.3} {unit} | {:.3} {unit} | {} | {} to {} | {} |",
        cell(&measure.name),
        measure.base,
        measure.candidate,
        percent(measure.ratio),
        end(measure.ratio_low),
        end(measure.ratio_high),
        measure.speed.as_str(),
        unit = measure.unit
    )
}
