//! A project without Rust: a description, a store to test, a client, and a test.

use super::ProjectFile;
use crate::schema;

const STORE: &str = include_str!("../../../../examples/any-language/store.py");
const CLIENT: &str = include_str!("../../../../examples/any-language/client.py");
const DESCRIPTION: &str = include_str!("../../../../examples/any-language/store.toml");

/// The files, and what to do next.
pub(super) fn project(name: &str) -> (Vec<ProjectFile>, Vec<String>) {
    let files = vec![
        ProjectFile::new("target.toml", description(name)),
        ProjectFile::program("store.py", STORE),
        ProjectFile::program("client.py", CLIENT),
        ProjectFile::program("test.sh", test()),
        ProjectFile::new("target.schema.json", schema()),
        ProjectFile::new("README.md", readme(name)),
    ];
    let next = ["rashomon run target.toml --time 20s --seed 1", "./test.sh"];
    (files, next.map(str::to_owned).to_vec())
}

fn description(name: &str) -> String {
    // The first line of the example says how it is called there.
    let body = DESCRIPTION.split_once('\n').map_or(DESCRIPTION, |(_, body)| body);
    format!("#:schema ./target.schema.json\nname = \"{name}\"\n{body}")
}

fn test() -> String {
    r#"#!/bin/sh
# The client is honest, the store passes, and its planted bugs are found. RASHOMON names the program.
set -eu
cd "$(dirname "$0")"
rashomon=${RASHOMON:-rashomon}
"$rashomon" test-client target.toml
"$rashomon" run target.toml --seed 1 --time 10s --rate 300 --quiet
"$rashomon" mutants target.toml --seeds 1..1
"#
    .to_owned()
}

fn readme(name: &str) -> String {
    format!(
        "# {name}\n\n\
         Tests a system with Rashomon: `target.toml` says how its nodes are started, `client.py` how operations become\n\
         requests. `store.py` stands in the place of your system.\n\n\
         1. `rashomon run target.toml` runs it under partitions and kills. It passes.\n\
         2. `rashomon run target.toml --mutant cache` finds a planted bug.\n\
         3. Put your system in the place of `store.py`: change `command` in `target.toml` and the requests in `client.py`.\n\
         4. `rashomon check-target target.toml` tries it step by step, `rashomon test-client target.toml` examines the client.\n\
         5. `./test.sh` does all of that, and fails when a planted bug is not found.\n"
    )
}
