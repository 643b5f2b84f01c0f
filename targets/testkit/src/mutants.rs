//! What every table of mutants must hold.

use rashomon_mutants::Mutants;

/// Asserts that each mutant of a table has a name and a number of its own, by which it is found.
///
/// # Panics
/// When two share one, or when there is none.
pub fn assert_distinct<M: Mutants + std::fmt::Debug>() {
    assert!(!M::ALL.is_empty(), "there are no mutants");
    for info in M::ALL {
        assert_eq!(M::by_name(info.name), Some(info.mutant));
        assert_eq!(info.mutant.info().id, info.id);
        let same = M::ALL.iter().filter(|other| other.id == info.id || other.name == info.name);
        assert_eq!(same.count(), 1, "{} {}", info.id, info.name);
    }
    assert_eq!(M::by_name("no-such"), None);
}
