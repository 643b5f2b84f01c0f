//! The catalogue in `docs/faults.md` is what the faults declare. `UPDATE_GOLDEN=1` writes it.

use std::fmt::Write as _;
use std::path::Path;

use rashomon_faults::{Fault, FaultCatalogue, FaultClassInfo};

const BEGIN: &str =
    "<!-- Written by `UPDATE_GOLDEN=1 cargo test -p rashomon-faults` from what the faults declare. -->\n";
const END: &str = "<!-- End of what the faults declare. -->\n";

#[test]
fn the_catalogue_in_the_documentation_is_what_the_faults_declare() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/faults.md");
    let text = std::fs::read_to_string(&path).unwrap();
    let begin = text.find(BEGIN).expect("the mark of the catalogue's beginning") + BEGIN.len();
    let end = text.find(END).expect("the mark of the catalogue's end");
    let catalogue = catalogue();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, format!("{}{catalogue}{}", &text[..begin], &text[end..])).unwrap();
    } else {
        assert!(text[begin..end] == catalogue, "docs/faults.md is old: UPDATE_GOLDEN=1 writes it");
    }
}

fn catalogue() -> String {
    let faults = FaultCatalogue::included();
    let chapters = faults.classes().into_iter().map(|class| chapter(&faults, class));
    format!("\n{}", chapters.collect::<String>())
}

fn chapter(faults: &FaultCatalogue, class: &FaultClassInfo) -> String {
    let of_class: Vec<&dyn Fault> =
        faults.faults().map(|fault| &**fault).filter(|fault| fault.class().name == class.name).collect();
    let weights: f64 = of_class.iter().map(|fault| fault.weight()).sum();
    let mut text = format!("## {}\n\n| kind | what happens | drawn |\n|---|---|---|\n", class.title);
    for fault in of_class {
        let mut needs = Vec::new();
        if fault.needs_leader() {
            needs.push("where a node leads".to_owned());
        }
        if fault.nodes_min() > 1 {
            needs.push(format!("from {} nodes on", fault.nodes_min()));
        }
        let needs = if needs.is_empty() { String::new() } else { format!(", {}", needs.join(", ")) };
        let drawn = 100.0 * fault.weight() / weights;
        writeln!(text, "| `{}` | {} | {drawn:.0} %{needs} |", fault.kind(), fault.meaning()).unwrap();
    }
    let times: Vec<String> = class.durations.iter().map(f64::to_string).collect();
    writeln!(text, "\nClass `{}`. Durations: {} election timeouts, each as likely.", class.name, times.join(", "))
        .unwrap();
    match class.opt_in {
        Some(reason) => writeln!(text, "**Opt-in:** `all` does not stand for it; {reason}.\n").unwrap(),
        None => text.push('\n'),
    }
    writeln!(text, "{}\n", class.notes).unwrap();
    text
}
