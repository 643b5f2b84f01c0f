//! How long labs take to come up and go down: `cargo run --release --example bench_lab [NODES [TIMES]]`.

use std::time::Duration;

use rashomon_harness::lab::{self, LabError};

fn main() -> Result<(), LabError> {
    if lab::dispatch_hidden_commands().is_some() {
        // Only the lab's own errands are run here, and those do not return.
        std::process::exit(254);
    }
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<u16>());
    let mut number = |default| args.next().and_then(Result::ok).unwrap_or(default);
    let (nodes, times) = (number(5), number(20));
    let mut figures = Vec::new();
    for _ in 0..times {
        figures.push(lab::bench(nodes)?);
    }
    println!("{nodes} nodes and the clients, {times} times: median, worst (ms)");
    print("up, from the call of enter", figures.iter().map(|figure| figure.up).collect());
    print("  of which nodes and network", figures.iter().map(|figure| figure.nodes_up).collect());
    print("first answer of a node", figures.iter().map(|figure| figure.first_contact).collect());
    print("down, until all is gone", figures.iter().map(|figure| figure.down).collect());
    Ok(())
}

fn print(what: &str, mut times: Vec<Duration>) {
    times.sort();
    let ms = |time: Option<&Duration>| time.map_or(f64::NAN, |time| time.as_secs_f64() * 1e3);
    println!("{what:<30} {:>7.1} {:>7.1}", ms(times.get(times.len() / 2)), ms(times.last()));
}
