//! What a protocol says of its known bugs: what they are called, what is wrong, and what exposes them.
//!
//! Each protocol has an enum of its mutants, one small branch in its code for each of them, and a table: [`Mutants`].

/// What a person should know about a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MutantInfo<M> {
    /// The variant.
    pub mutant: M,
    /// Its name on the command line.
    pub name: &'static str,
    /// Its number in the catalogue of known bugs: a letter for the protocol, and a number.
    pub id: &'static str,
    /// What is wrong, in a sentence.
    pub summary: &'static str,
    /// The anomaly that a client sees.
    pub exposes: &'static str,
    /// What to run to see it.
    pub recipe: Recipe,
}

/// A run that exposes a mutant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipe {
    /// The workload.
    pub workload: &'static str,
    /// How many nodes.
    pub nodes: u16,
    /// The faults, by class or kind; none while the harness does not have the fault that would expose it.
    pub faults: &'static [&'static str],
    /// How long it should take at most, s.
    pub seconds: u32,
    /// Further options of `rashomon run`, without which it is found less often.
    pub options: &'static [&'static str],
    /// What must come together, and why.
    pub note: &'static str,
}

impl Recipe {
    /// The words after `rashomon run` that run it; `None` while there is no fault that would expose the mutant.
    pub fn command(&self, target: &str, mutant: &str) -> Option<String> {
        let Recipe { workload, nodes, faults, seconds, options, .. } = self;
        let options: String = options.iter().map(|option| format!(" {option}")).collect();
        let faults = (!faults.is_empty()).then(|| faults.join(","))?;
        Some(format!(
            "{target} --mutant {mutant} --workload {workload} --nodes {nodes} --faults {faults} --time {seconds}s{options}"
        ))
    }
}

/// The known bugs of a protocol, each of which can be built in by name.
pub trait Mutants: Copy + PartialEq + 'static {
    /// All of them, by id.
    const ALL: &'static [MutantInfo<Self>];

    /// The mutant of that name.
    fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|info| info.name == name).map(|info| info.mutant)
    }

    /// What is known about it.
    fn info(self) -> &'static MutantInfo<Self> {
        Self::ALL.iter().find(|info| info.mutant == self).expect("the table lists every mutant")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECIPE: Recipe =
        Recipe { workload: "set", nodes: 3, faults: &["kill", "clock"], seconds: 9, options: &["-o a=1"], note: "" };

    #[test]
    fn a_recipe_is_a_command() {
        let command = RECIPE.command("crdt", "bad").expect("there are faults");
        assert_eq!(command, "crdt --mutant bad --workload set --nodes 3 --faults kill,clock --time 9s -o a=1");
        assert_eq!(Recipe { faults: &[], ..RECIPE }.command("crdt", "bad"), None);
    }
}
