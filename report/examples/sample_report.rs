//! Writes the pages of made-up runs, to look at: `cargo run -p rashomon-report --example sample_report -- DIR`.

#[path = "../tests/synthetic/mod.rs"]
mod synthetic;

use std::path::PathBuf;
use std::time::Instant;

fn main() -> std::io::Result<()> {
    let Some(dir) = std::env::args().nth(1).map(PathBuf::from) else {
        eprintln!("usage: sample_report DIR [OPERATIONS]: writes one page a verdict and, with OPERATIONS, large.html");
        std::process::exit(254);
    };
    std::fs::create_dir_all(&dir)?;
    let mut runs = vec![
        ("violation", synthetic::violation()),
        ("pass", synthetic::pass()),
        ("inconclusive", synthetic::inconclusive()),
        ("broken", synthetic::broken()),
    ];
    if let Some(operations) = std::env::args().nth(2).and_then(|text| text.parse::<u64>().ok()) {
        let seconds = 300;
        let mut large = synthetic::pass();
        large.history = Some(synthetic::history(synthetic::load(seconds, operations / seconds, 9, &large.faults)));
        runs.push(("large", large));
    }
    for (name, run) in runs {
        let begin = Instant::now();
        let page = rashomon_report::render(&run.files());
        let operations = run.history.as_ref().map_or(0, |history| history.len());
        println!("{name}.html: {operations} operations, {} bytes, rendered in {:?}", page.len(), begin.elapsed());
        std::fs::write(dir.join(format!("{name}.html")), page)?;
    }
    Ok(())
}
