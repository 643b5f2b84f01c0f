//! What a run's end looks like on the terminal.

use rashomon_checkers::{Judgement, Measured};
use rashomon_history::{OpView, Outcome};
use rashomon_report::measured as in_digits;
use rashomon_runs::{Convergence, Evidence, RunDigest, Verdict};
use rashomon_statistics::upper_bound;

use crate::registry::Registry;
use crate::runner::FinishedRun;

/// How many reasons are shown; the report has them all.
const REASONS_SHOWN: usize = 5;

/// The end of one run, on standard output.
pub(crate) fn print_run(registry: &Registry, run: &FinishedRun) {
    let mut reasons = run.verdict.reasons.iter();
    let first = reasons.next().map_or("", String::as_str);
    out!("{:<13}{first}", run.verdict.verdict.as_str());
    for reason in reasons.clone().take(REASONS_SHOWN - 1) {
        out!("{:<13}{reason}", "");
    }
    if reasons.len() > REASONS_SHOWN - 1 {
        out!("{:<13}and {} more, see the report", "", reasons.len() - (REASONS_SHOWN - 1));
    }
    if let Some(evidence) = &run.manifest.evidence {
        out!("operations   {}", operations(evidence));
        out!("faults       {}", faults(evidence));
        if let Some(convergence) = &evidence.convergence {
            out!("convergence  {}", converged(convergence));
        }
    }
    let measured = measured(&run.verdict.judgements);
    if !measured.is_empty() {
        out!("measured     {measured}");
    }
    if let Ok(target) = registry.find_target(&run.manifest.target.name) {
        for (label, text) in target.figures(&run.folder, &run.manifest) {
            for (place, line) in text.lines().enumerate() {
                out!("{:<13}{line}", if place == 0 { &label } else { "" });
            }
        }
    }
    match &run.report {
        Some(report) => out!("report       {}", report.display()),
        None => out!("run          {}", run.folder.path().display()),
    }
    out!("again        {}", run.manifest.reproduce);
}

/// The numbers that checkers measured; the report has the curves.
fn measured(judgements: &[Judgement]) -> String {
    let measurements = judgements.iter().flat_map(|judgement| &judgement.measurements);
    let numbers = measurements.filter_map(|measurement| match measurement.measured {
        Measured::Number(number) => Some(format!("{} {} {}", measurement.name, in_digits(number), measurement.unit)),
        Measured::Series { .. } => None,
    });
    numbers.collect::<Vec<String>>().join(" · ")
}

fn operations(evidence: &Evidence) -> String {
    let one = |counts: &rashomon_runs::FunctionCounts| {
        format!("{} {} ok {} fail {} info", counts.f, counts.ok, counts.fail, counts.info)
    };
    let text: Vec<String> = evidence.functions.iter().map(one).collect();
    let under_load: u64 = evidence.acknowledged_under_load().iter().map(|&(_, ok)| ok).sum();
    let per_second = under_load as f64 / (evidence.load_ns as f64 / 1e9).max(1e-9);
    format!("{} ({per_second:.0} ok/s under load)", text.join(" · "))
}

fn converged(convergence: &Convergence) -> String {
    let bound = convergence.bound_ns as f64 / 1e9;
    let rounds = if convergence.rounds == 1 { "1 round".to_owned() } else { format!("{} rounds", convergence.rounds) };
    match convergence.after_ns {
        Some(after_ns) => format!(
            "all nodes agree {:.2} s after the last heal and update (bound {bound:.1} s, {rounds} of reads)",
            after_ns as f64 / 1e9
        ),
        None if convergence.complete => format!(
            "nodes differ on key {} more than {bound:.1} s after the last heal and update ({rounds} of reads)",
            convergence.apart.join(", ")
        ),
        None => format!("unknown: some reads timed out ({rounds} of reads)"),
    }
}

fn faults(evidence: &Evidence) -> String {
    let mut text = Vec::new();
    for (counts, word) in [
        (&evidence.faults_installed, "installed"),
        (&evidence.faults_skipped, "skipped"),
        (&evidence.faults_unconfirmed, "unconfirmed"),
    ] {
        text.extend(counts.iter().map(|(class, count)| format!("{class} {count} {word}")));
    }
    if text.is_empty() { "none".to_owned() } else { text.join(" · ") }
}

/// The table of several runs, and what they are worth together.
pub(crate) fn print_table(rows: &[RunDigest]) {
    out!("");
    out!("{:>8}  {:<13}{:>9}{:>7}{:>7}{:>8}  run", "seed", "verdict", "ok", "fail", "info", "faults");
    for run in rows {
        let [ok, fail, info] = run.operations;
        let faults: u64 = run.faults_installed.iter().map(|&(_, count)| count).sum();
        let verdict = run.verdict.map_or("not judged", Verdict::as_str);
        out!("{:>8}  {verdict:<13}{ok:>9}{fail:>7}{info:>7}{faults:>8}  {}", run.seed, run.run);
    }
    let count = |verdict: Verdict| rows.iter().filter(|run| run.verdict == Some(verdict)).count();
    out!(
        "{} runs: {} pass, {} violation, {} inconclusive, {} broken",
        rows.len(),
        count(Verdict::Pass),
        count(Verdict::Violation),
        count(Verdict::Inconclusive),
        count(Verdict::Broken)
    );
    let passed = count(Verdict::Pass);
    if passed == rows.len() && passed > 0 {
        let bound = upper_bound(passed as u64) * 100.0;
        out!("no anomaly in {passed} runs: a bug shows in at most {bound:.1}% of such runs (95% confidence)");
    }
}

/// An operation as one line.
pub(crate) fn operation_line(op: &OpView<'_>) -> String {
    let node = op.node.map_or_else(String::new, |node| format!(" at n{node}"));
    let key = if op.key.is_nil() { String::new() } else { format!(" key {}", op.key) };
    let asked = if op.input.is_nil() { String::new() } else { format!(" {}", op.input) };
    let end = op.complete_time.map_or_else(|| "never".to_owned(), |time| format!("{:.6} s", time as f64 / 1e9));
    // What an acknowledged write returns is its own value; that a read found nothing must be said.
    let told = op.output != op.input || (op.outcome == Outcome::Ok && op.output.is_nil());
    let answer = if told { format!(" {}", op.output) } else { String::new() };
    format!(
        "op {} process {}{node}: {}{key}{asked} → {}{answer}, {:.6} s to {end}",
        op.id.0,
        op.process,
        op.f,
        op.outcome,
        op.invoke_time as f64 / 1e9
    )
}
