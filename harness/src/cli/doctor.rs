//! `rashomon doctor`: what this machine can and cannot do.

use std::path::PathBuf;

use clap::Args;

use super::error::CommandError;
use crate::lab::{self, CheckOutcome};

#[derive(Args)]
pub(crate) struct DoctorArguments {
    /// The folder of runs, whose disk is looked at
    #[arg(long, value_name = "DIR", default_value = "results")]
    results: PathBuf,
}

/// Runs `rashomon doctor`: exit code 0 when runs with every class of faults are possible.
pub(crate) fn doctor(arguments: &DoctorArguments) -> Result<u8, CommandError> {
    let checks = lab::doctor(&arguments.results);
    let mut failed = false;
    for check in &checks {
        let word = match check.outcome {
            CheckOutcome::Ok => "ok",
            CheckOutcome::Warning => "warning",
            CheckOutcome::Failed => "failed",
        };
        failed |= check.outcome == CheckOutcome::Failed;
        out!("{word:<8} {:<24} {}", check.name, check.detail);
        if !check.remedy.is_empty() {
            out!("{:<8} {:<24} fix it: {}", "", "", check.remedy);
        }
    }
    Ok(if failed { super::BROKEN } else { 0 })
}
