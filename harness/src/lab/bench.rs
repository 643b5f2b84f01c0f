//! How long a lab takes to come up and to go down.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, TcpStream};
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
    /// The longest time in which one node answered the clients for the first time: a lost address request shows here.
    pub first_contact: Duration,
    /// [`Lab::down`] and the end of the controller, until the program outside knows that all is gone.
    pub down: Duration,
}

#[derive(Debug, Serialize, Deserialize)]
struct InsideFigures {
    nodes_up: Duration,
    first_contact: Duration,
    error: Option<LabError>,
}

/// Brings a lab of `nodes` nodes up and down once.
///
/// # Errors
///
/// As [`super::enter()`] and [`NamespaceLab::up`].
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
    let stdout = lab.take_stdout().ok_or_else(|| LabError::usage("standard output is not captured"))?;
    let mut lines = BufReader::new(stdout).lines();
    let mut next = || {
        let line = lines.next().and_then(std::io::Result::ok).unwrap_or_default();
        serde_json::from_str::<InsideFigures>(&line)
            .attempt(LabErrorKind::Lost, || "understand the lab's answer".into())
    };
    if let Some(error) = next()?.error {
        return Err(error);
    }
    let up = begun.elapsed();
    let inside = next()?;
    let going_down = Instant::now();
    lab.wait()?;
    let down = going_down.elapsed();
    let _ = std::fs::remove_dir_all(&folder);
    Ok(BenchFigures { up, nodes_up: inside.nodes_up, first_contact: inside.first_contact, down })
}

/// Prints two lines: when the lab is up, and when its nodes have been reached.
pub(crate) fn bench_inside(inside: Inside, nodes: u16) -> ! {
    let spec = LabSpec::new(nodes, inside.payload.clone());
    let begun = Instant::now();
    let lab = NamespaceLab::up(inside, &spec);
    let nodes_up = begun.elapsed();
    let (lab, error) = match lab {
        Ok(lab) => (Some(lab), None),
        Err(error) => (None, Some(error)),
    };
    let mut figures = InsideFigures { nodes_up, first_contact: Duration::ZERO, error };
    out!("{}", serde_json::to_string(&figures).unwrap_or_default());
    let Some(lab) = lab else { std::process::exit(1) };
    figures.first_contact = lab.nodes().iter().map(|node| first_contact(node.ip)).max().unwrap_or_default();
    out!("{}", serde_json::to_string(&figures).unwrap_or_default());
    let down = Box::new(lab).down();
    std::process::exit(i32::from(down.is_err()))
}

/// How long a node takes to refuse a connection.
fn first_contact(ip: Ipv4Addr) -> Duration {
    let begun = Instant::now();
    // Nobody listens on the discard port; the refusal is what is waited for.
    let _ = TcpStream::connect_timeout(&(ip, 9).into(), Duration::from_secs(5));
    begun.elapsed()
}
