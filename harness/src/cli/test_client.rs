//! `rashomon test-client`: whether a client is honest.

use clap::Args;
use rashomon_runs::Verdict;

use super::error::CommandError;
use super::run::RunArguments;
use crate::honesty::{Finding, Findings, examine_in_lab};
use crate::registry::Registry;

#[derive(Args)]
pub(crate) struct TestClientArguments {
    /// The target whose client is examined: its name, or the file that describes it
    target: String,
    /// The port on which nodes serve their clients; that of their readiness when not given
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// Whose interface the client speaks: `register`, `set` or `counter`; the target's own when not given
    #[arg(long)]
    workload: Option<String>,
    /// How many nodes are started; the client talks to the first one
    #[arg(long, value_name = "COUNT", default_value_t = 1)]
    nodes: u16,
    /// A setting of the target, as NAME=VALUE; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// Hard deadline per operation
    #[arg(long, default_value = "1s")]
    deadline: String,
}

/// Runs `rashomon test-client`: exit code 0 when it was honest throughout, 1 when it told a lie, 2 when one could not
/// be provoked.
pub(crate) fn test_client(registry: &Registry, arguments: &TestClientArguments) -> Result<u8, CommandError> {
    let mut words = vec![arguments.target.clone(), "--faults=none".to_owned(), "--time=1s".to_owned()];
    words.push(format!("--nodes={}", arguments.nodes));
    words.push(format!("--deadline={}", arguments.deadline));
    words.extend(arguments.workload.iter().map(|workload| format!("--workload={workload}")));
    words.extend(arguments.settings.iter().map(|setting| format!("--set={setting}")));
    let plan = RunArguments::from_words(&words)?.plan(registry, 1)?;
    let findings = examine_in_lab(registry, &plan, arguments.port)
        .map_err(|error| CommandError::usage(error.what, error.remedy))?;
    print(&findings);
    let told = findings.iter().any(|(_, finding)| matches!(finding, Finding::Told(_)));
    let untried = findings.iter().any(|(_, finding)| matches!(finding, Finding::NotTried(_)));
    Ok(match (told, untried) {
        (true, _) => Verdict::Violation.exit_code(),
        (false, true) => Verdict::Inconclusive.exit_code(),
        (false, false) => 0,
    })
}

fn print(findings: &Findings) {
    for (lie, finding) in findings {
        match finding {
            Finding::Honest => out!("honest     {}", lie.name()),
            Finding::NotTried(why) => out!("not tried  {}: {why}", lie.name()),
            Finding::Told(how) => {
                out!("lie        {}: {how}", lie.name());
                out!("           {}", lie.remedy());
            }
        }
    }
}
