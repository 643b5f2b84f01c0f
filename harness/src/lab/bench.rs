//! How long a lab takes to come up and to go down.

use std::io::Read;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::enter::{EnterSpec, Errand, LabStdout, enter_for};
use super::error::{Attempt, LabError, LabErrorKind, Result};
use super::{Inside, Lab, LabSpec, NamespaceLab};

/// Wall times of one lab that did nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BenchFigures {
    /// From the call of `enter` until every node can be reached.
    pub up: Duration,
    /// The part of it that [`NamespaceLab::up`] took.
    pub nodes_up: Duration,
    /// [`Lab::down`] and the end of the controller, until the program outside knows that all is gone.
    pub down: Duration,
}

#[derive(Debug, Serialize, Deserialize)]
struct InsideFigures {
    nodes_up: Duration,
    error: Option<LabError>,
}

/// Brings a lab of `nodes` nodes up and down once.
///
/// # Errors
///
/// As [`super::enter`] and [`NamespaceLab::up`].
pub fn bench(nodes: u16) -> Result<BenchFigures> {
    let folder = std::env::temp_dir().join(format!("rashomon-lab-bench-{}", std::process::id()));
    let spec = EnterSpec {
        label: "bench".into(),
        payload: folder.to_string_lossy().into_owned(),
        stdout: LabStdout::Captured,
        ..EnterSpec::default()
    };
    let begun = Instant::now();
    let mut lab = enter_for(&spec, Errand::Bench { nodes })?;
    let mut stdout = lab.take_stdout().ok_or_else(|| LabError::usage("standard output is not captured"))?;
    // One line as soon as the lab is up; the end of the output when it is gone.
    let mut line = Vec::new();
    let mut byte = [0u8];
    while stdout.read(&mut byte).attempt(LabErrorKind::Lost, || "hear from the lab".into())? > 0 && byte[0] != b'\n' {
        line.push(byte[0]);
    }
    let up = begun.elapsed();
    let going_down = Instant::now();
    lab.wait()?;
    let down = going_down.elapsed();
    let _ = std::fs::remove_dir_all(&folder);
    let inside: InsideFigures =
        serde_json::from_slice(&line).attempt(LabErrorKind::Lost, || "understand the lab's answer".into())?;
    match inside.error {
        Some(error) => Err(error),
        None => Ok(BenchFigures { up, nodes_up: inside.nodes_up, down }),
    }
}

pub(crate) fn bench_inside(inside: Inside, nodes: u16) -> ! {
    let spec = LabSpec::new(nodes, inside.payload.clone());
    let begun = Instant::now();
    let lab = NamespaceLab::up(inside, &spec);
    let nodes_up = begun.elapsed();
    let (lab, error) = match lab {
        Ok(lab) => (Some(lab), None),
        Err(error) => (None, Some(error)),
    };
    println!("{}", serde_json::to_string(&InsideFigures { nodes_up, error }).unwrap_or_default());
    let down = lab.map_or(Ok(()), |lab| Box::new(lab).down());
    std::process::exit(i32::from(down.is_err()))
}
