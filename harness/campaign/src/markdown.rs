//! A summary as Markdown, for a pull request or a chat: short, the most important first.

use std::fmt::Write;

use rashomon_statistics::Share;

use crate::summary::{CampaignFinding, Summary};

/// Findings and causes that are listed.
const LISTED: usize = 20;

/// The summary as Markdown.
pub fn markdown(summary: &Summary) -> String {
    let mut out = String::new();
    let campaign = &summary.campaign;
    let _ = writeln!(out, "## {} {}: **{}**\n", plain(&campaign.name), campaign.date.as_str(), summary.verdict);
    for reason in summary.reasons.iter().take(LISTED) {
        let _ = writeln!(out, "- {}", plain(reason));
    }
    let counts = summary.counts;
    let _ = writeln!(
        out,
        "\n{} runs: {} pass, {} violation, {} inconclusive, {} broken",
        counts.all(),
        counts.pass,
        counts.violation,
        counts.inconclusive,
        counts.broken
    );
    findings(&mut out, summary);
    canaries(&mut out, summary);
    noise(&mut out, summary);
    out
}

/// A rate with its interval: `3 of 5 (23–88%)`.
pub fn rate(share: Share) -> String {
    let (low, high) = share.wilson();
    format!("{} of {} ({:.0}–{:.0}%)", share.hits, share.trials, low * 100.0, high * 100.0)
}

fn findings(out: &mut String, summary: &Summary) {
    if summary.findings.is_empty() {
        return;
    }
    out.push_str("\n| | finding | target | runs | again | signature |\n|---|---|---|---|---|---|\n");
    for finding in summary.findings.iter().take(LISTED) {
        let CampaignFinding { signature, runs, id, .. } = finding;
        let state = if finding.muted.is_some() { "muted" } else { finding.state.as_str() };
        let again = finding.repetition.map_or_else(|| "–".to_owned(), rate);
        let _ = writeln!(
            out,
            "| {state} | **{}**: {} | {} {} | {} of {} | {again} | `{id}` |",
            plain(&signature.anomaly),
            plain(&finding.example.sentence),
            plain(&signature.target),
            plain(&signature.workload),
            runs.hits,
            runs.trials
        );
    }
    for finding in summary.open_findings().take(LISTED) {
        let _ = writeln!(out, "\n`{}`: `{}`", finding.id, finding.example.command.replace(['`', '\n'], " "));
    }
}

fn canaries(out: &mut String, summary: &Summary) {
    if summary.canaries.is_empty() {
        return;
    }
    let score = summary.mutation_score();
    let _ = writeln!(out, "\nKnown bugs found: {} of {}", score.hits, score.trials);
    for canary in summary.canaries.iter().filter(|canary| canary.missed()) {
        let Share { hits, trials } = canary.found;
        let _ = writeln!(out, "- missed: {} {} ({hits} of {trials} runs)", canary.target, canary.mutant);
    }
}

fn noise(out: &mut String, summary: &Summary) {
    if summary.noise.is_empty() {
        return;
    }
    out.push_str("\n| runs | no statement because |\n|---|---|\n");
    for row in summary.noise.iter().take(LISTED) {
        let _ = writeln!(out, "| {} {} | {} |", row.runs, row.verdict, plain(&row.cause));
    }
}

/// Text that cannot become markup, a link or a mention: what it says comes from systems under test.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for letter in text.chars().take(1000) {
        match letter {
            '\n' | '\r' | '\t' => plain.push(' '),
            letter if letter.is_control() => plain.push('\u{fffd}'),
            '<' => plain.push_str("&lt;"),
            '>' => plain.push_str("&gt;"),
            '&' => plain.push_str("&amp;"),
            '@' => plain.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '!' | '~' => plain.extend(['\\', letter]),
            letter => plain.push(letter),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        let text = plain("<img src=x> [a](http://b) `c` | d\n@everyone \u{1b}");
        assert_eq!(text, "&lt;img src=x&gt; \\[a\\](http://b) \\`c\\` \\| d &#64;everyone \u{fffd}");
    }

    #[test]
    fn rates_have_their_interval() {
        assert_eq!(rate(Share::new(3, 5)), "3 of 5 (23–88%)");
    }
}
