//! The table of mutants, in Markdown: printed, and written into a document between two marks.

use std::collections::BTreeMap;
use std::path::Path;

use rashomon_runs::{RunDigest, Verdict};

use super::super::error::CommandError;
use super::super::seeds::Seeds;
use crate::target::{MutantInfo, Recipe};

const HEAD: &str = "\
| mutant | what is wrong | workload | faults | found by | found in | median time to detection | shown as |
|---|---|---|---|---|---|---|---|
";

/// What the runs of one mutant came to.
pub(super) struct Row {
    pub(super) mutant: MutantInfo,
    recipe: Recipe,
    pub(super) runs: usize,
    pub(super) found: usize,
    /// When the first contradiction was complete, seconds into the run, for each run that found one.
    after_s: Vec<f64>,
    /// The checkers that found it, and how its first anomaly was named, with the number of runs.
    checkers: BTreeMap<String, usize>,
    shown_as: BTreeMap<String, usize>,
}

impl Row {
    pub(super) fn new(mutant: MutantInfo, recipe: Recipe) -> Row {
        Row {
            mutant,
            recipe,
            runs: 0,
            found: 0,
            after_s: Vec::new(),
            checkers: BTreeMap::new(),
            shown_as: BTreeMap::new(),
        }
    }

    /// Counts a run.
    pub(super) fn count(&mut self, run: &RunDigest) {
        self.runs += 1;
        if run.verdict != Some(Verdict::Violation) {
            return;
        }
        self.found += 1;
        if let Some(first) = run.first_anomaly() {
            self.after_s.push(first.window_ns.1 as f64 / 1e9);
            *self.checkers.entry(first.checker.clone()).or_default() += 1;
            *self.shown_as.entry(first.name.clone()).or_default() += 1;
        }
    }

    /// Counts a run that could not be made.
    pub(super) fn count_unmade(&mut self) {
        self.runs += 1;
    }

    fn markdown(&self) -> String {
        let mut after = self.after_s.clone();
        after.sort_by(f64::total_cmp);
        let median = after.get(after.len() / 2).map_or_else(|| "–".to_owned(), |seconds| format!("{seconds:.1} s"));
        let MutantInfo { name, id, summary, .. } = &self.mutant;
        format!(
            "| `{name}` | {id}: {summary} | `{}` | `{}` | {} | {} of {} | {median} | {} |",
            self.recipe.workload,
            self.recipe.faults.join(","),
            commonest(&self.checkers),
            self.found,
            self.runs,
            commonest(&self.shown_as),
        )
    }
}

/// The two names that occurred most often.
fn commonest(counts: &BTreeMap<String, usize>) -> String {
    let mut names: Vec<(&String, &usize)> = counts.iter().collect();
    names.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    if names.is_empty() {
        return "–".to_owned();
    }
    names.iter().take(2).map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
}

/// The whole table.
pub(super) fn markdown(rows: &[Row]) -> String {
    let mut table = HEAD.to_owned();
    for row in rows {
        table.push_str(&row.markdown());
        table.push('\n');
    }
    table
}

/// Writes the table into a document, between the marks of this target; a document without them gets them at its end.
/// Rows of mutants that were not run stay as they are; `order` is that of all mutants.
pub(super) fn write_into(
    path: &Path,
    target: &str,
    seeds: Seeds,
    rows: &[Row],
    order: &[&str],
) -> Result<(), CommandError> {
    let failed = |what: &str, error: std::io::Error| {
        let remedy = "name a Markdown file that you can write to, as --write docs/mutants.md";
        CommandError::usage(format!("cannot {what} {}: {error}", path.display()), remedy)
    };
    let document = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(failed("read", error)),
    };
    let measured: Vec<(&str, String)> = rows.iter().map(|row| (row.mutant.name.as_str(), row.markdown())).collect();
    let text = with_table(&document, target, &how(path, target, seeds), &measured, order);
    let next = path.with_extension("md.next");
    std::fs::write(&next, text).and_then(|()| std::fs::rename(&next, path)).map_err(|error| failed("write", error))
}

/// How the table came about.
fn how(path: &Path, target: &str, seeds: Seeds) -> String {
    let Seeds { first, last } = seeds;
    format!("Written by `./rashomon mutants {target} --seeds {first}..{last} --write {}`.", path.display())
}

/// The document with the measured rows in the target's table.
fn with_table(document: &str, target: &str, how: &str, measured: &[(&str, String)], order: &[&str]) -> String {
    let (open, close) = (format!("<!-- table of {target} -->\n"), "<!-- end of table -->\n");
    let place = document.find(&open).and_then(|from| {
        let inside = from + open.len();
        document[inside..].find(close).map(|length| (inside, inside + length))
    });
    let (before, inside, after) = match place {
        Some((from, to)) => (document[..from].to_owned(), &document[from..to], document[to..].to_owned()),
        None => {
            let gap = if document.is_empty() || document.ends_with("\n\n") { "" } else { "\n" };
            (format!("{document}{gap}## {target}\n\n{open}"), "", close.to_owned())
        }
    };
    let mut lines: BTreeMap<&str, &str> =
        inside.lines().filter_map(|line| Some((line.strip_prefix("| `")?.split_once('`')?.0, line))).collect();
    lines.extend(measured.iter().map(|(name, line)| (*name, line.as_str())));
    let mut table = String::new();
    for name in order.iter().filter(|name| lines.contains_key(*name)) {
        table.push_str(lines[name]);
        table.push('\n');
    }
    format!("{before}{how}\n\n{HEAD}{table}{after}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOW: &str = "Written by a test.";

    fn line(name: &str, found: &str) -> String {
        format!("| `{name}` | D1: wrong | `register` | `kill` | lost | {found} | 1.0 s | lost |")
    }

    #[test]
    fn a_document_without_the_marks_gets_them_and_keeps_its_text() {
        let text = with_table("# Mutants\n\nText.\n", "dynamo", HOW, &[("a", line("a", "9 of 10"))], &["a"]);
        assert!(text.starts_with("# Mutants\n\nText.\n\n## dynamo\n\n<!-- table of dynamo -->\nWritten by"), "{text}");
        assert!(text.ends_with(&format!("{}\n<!-- end of table -->\n", line("a", "9 of 10"))));
        assert_eq!(with_table(&text, "dynamo", HOW, &[], &["a"]), text, "writing it again changes nothing");
    }

    #[test]
    fn rows_that_were_not_measured_stay_and_those_of_mutants_that_are_gone_do_not() {
        let order = ["a", "b", "c"];
        let measured = [("a", line("a", "1 of 10")), ("c", line("c", "2 of 10")), ("x", line("x", "3 of 10"))];
        let text = with_table("", "crdt", HOW, &measured, &["a", "c", "x"]) + "after\n";
        let text = with_table(&text, "crdt", HOW, &[("b", line("b", "8 of 10")), ("a", line("a", "9 of 10"))], &order);
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("| `")).collect();
        assert_eq!(rows, [line("a", "9 of 10"), line("b", "8 of 10"), line("c", "2 of 10")]);
        assert!(text.ends_with("<!-- end of table -->\nafter\n"));
        let two = with_table(&text, "dynamo", HOW, &[("a", line("a", "5 of 10"))], &order);
        assert!(two.contains(&line("a", "9 of 10")) && two.contains(&line("a", "5 of 10")));
    }

    #[test]
    fn the_commonest_names_come_first() {
        let counts = BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 5), ("c".to_owned(), 3)]);
        assert_eq!(commonest(&counts), "b, c");
        assert_eq!(commonest(&BTreeMap::new()), "–");
    }
}
