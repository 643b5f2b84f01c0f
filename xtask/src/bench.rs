//! `cargo xtask bench`: builds the benchmark programs in release mode and runs them one after the other.
//!
//! Each program is an example `bench_…` of the crate it measures and prints a table of its own, so that it can be run
//! without this tool too.

use std::fs;
use std::path::Path;

use crate::process::{self, Error};
use crate::workspace::{self, Member};

/// All subjects.
const ALL: &str = "all";

/// A benchmark: an example program of a crate.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Program {
    package: String,
    /// The last part of its crate's folder: `checkers`.
    room: String,
    /// The name of the example: `bench_reading`.
    example: String,
    /// Its source, from the repository's root.
    source: String,
}

impl Program {
    /// The words by which it is run: its crate's folder, and what it measures.
    fn is_of(&self, subject: &str) -> bool {
        subject == ALL || subject == self.room || Some(subject) == self.example.strip_prefix("bench_")
    }
}

/// Runs the programs of one subject: a crate's folder (`checkers`), what one program measures (`reading`), or `all`.
pub(crate) fn run(root: &Path, subject: &str, arguments: &[String]) -> Result<(), Error> {
    let programs = programs(root)?;
    let wanted: Vec<&Program> = programs.iter().filter(|program| program.is_of(subject)).collect();
    if wanted.is_empty() {
        return Err(Error::NoBenchmark { subject: subject.to_owned(), known: subjects(&programs) });
    }
    // What a benchmark starts as a process of its own: the node program.
    process::cargo(root, &["build", "--release", "--locked", "--quiet"], &[])?;
    for program in wanted {
        out!("\n## {} ({})\n", program.example.trim_start_matches("bench_"), program.source);
        let mut line = vec!["run", "--release", "--locked", "--quiet", "--package", &program.package];
        line.extend(["--example", &program.example, "--"]);
        line.extend(arguments.iter().map(String::as_str));
        process::cargo(root, &line, &[])?;
    }
    Ok(())
}

/// Every example `bench_…` of every crate.
fn programs(root: &Path) -> Result<Vec<Program>, Error> {
    let members = workspace::members(root)?;
    Ok(members.iter().flat_map(|member| programs_of(root, member)).collect())
}

fn programs_of(root: &Path, member: &Member) -> Vec<Program> {
    let files = fs::read_dir(root.join(member.path("examples"))).into_iter().flatten().flatten();
    let names = files.filter_map(|file| file.file_name().into_string().ok());
    let mut examples: Vec<String> = names
        .filter(|name| name.starts_with("bench_"))
        .filter_map(|name| name.strip_suffix(".rs").map(str::to_owned))
        .collect();
    examples.sort();
    let program = |example: String| Program {
        package: member.package.clone(),
        room: member.folder.rsplit('/').next().unwrap_or_default().to_owned(),
        source: member.path(&format!("examples/{example}.rs")),
        example,
    };
    examples.into_iter().map(program).collect()
}

fn subjects(programs: &[Program]) -> String {
    let mut words: Vec<&str> = programs.iter().map(|program| program.room.as_str()).collect();
    words.extend(programs.iter().filter_map(|program| program.example.strip_prefix("bench_")));
    words.sort_unstable();
    words.dedup();
    words.push(ALL);
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples(subject: &str) -> Vec<String> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let programs = programs(root).unwrap();
        programs.into_iter().filter(|program| program.is_of(subject)).map(|program| program.example).collect()
    }

    #[test]
    fn every_benchmark_is_known() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let all = examples(ALL);
        for folder in ["checkers", "history", "harness"] {
            for file in fs::read_dir(root.join(folder).join("examples")).unwrap() {
                let name = file.unwrap().file_name().into_string().unwrap();
                if name.starts_with("bench_") {
                    assert!(all.contains(&name.trim_end_matches(".rs").to_owned()), "{name}");
                }
            }
        }
    }

    #[test]
    fn subjects_keep_their_words() {
        assert!(examples("checkers").len() >= 5);
        assert_eq!(examples("reading"), ["bench_reading"]);
        assert_eq!(examples("lab"), ["bench_lab"]);
        assert_eq!(examples("load"), ["bench_load"]);
        assert!(examples("nothing").is_empty());
    }
}
