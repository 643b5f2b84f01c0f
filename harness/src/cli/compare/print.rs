//! What a comparison's end looks like on the terminal.

use rashomon_compare::Summary;

use crate::compare::Written;

/// The end of a comparison, on standard output.
pub(super) fn summary(summary: &Summary, written: &Written) {
    let mut reasons = summary.reasons.iter();
    out!("{:<13}{}", summary.verdict.as_str(), reasons.next().map_or("", String::as_str));
    for reason in reasons {
        out!("{:<13}{reason}", "");
    }
    if let Some(pairs) = summary.decided_after {
        out!("{:<13}after {pairs} of {} pairs", "certain", summary.usable_pairs);
    }
    let dropped = match summary.dropped_pairs {
        0 => String::new(),
        dropped => format!(", {dropped} more left out: a run broke or was interrupted"),
    };
    out!("{:<13}{} in {:.0} s{dropped}", "pairs", summary.usable_pairs, summary.took_s);
    for rate in summary.rates.iter().filter(|rate| rate.base + rate.candidate > 0) {
        out!("{:<13}base {} of {}, candidate {}", rate.failing.as_str(), rate.base, rate.pairs, rate.candidate);
    }
    for finding in summary.findings.iter().filter(|finding| finding.is_known()) {
        out!(
            "{:<13}{}: base {} of {}, candidate {}",
            "known",
            finding.name,
            finding.base,
            finding.pairs,
            finding.candidate
        );
    }
    for measure in &summary.measures {
        let more = measure.more_pairs.map_or(String::new(), |more| format!("; {more} more pairs would decide"));
        out!("{:<13}{}{more}", measure.speed.as_str(), measure.sentence());
    }
    if let Some(power) = &summary.power {
        out!("{:<13}{}", "power", power.sentence());
    }
    out!("{:<13}{}", "page", written.page.display());
    out!("{:<13}{}", "summary", written.markdown.display());
    out!("{:<13}{}", "figures", written.json.display());
}
