//! Writes the page of a run again, from its folder: `cargo run -p rashomon-report --example render -- results/latest`.

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(dir) = std::env::args().nth(1) else {
        eprintln!("usage: render RUN: writes report.html in the run's folder again");
        return ExitCode::from(254);
    };
    match rashomon_report::write_report(Path::new(&dir)) {
        Ok(path) => {
            println!("{}", path.display());
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
