//! Servers that are described ready to run. Their programs come from the distribution.

use rashomon_harness::interface::INCLUDED;

use crate::Described;

const TEXTS: [(&str, &str); 2] = [
    ("redis-sentinel", include_str!("../servers/redis-sentinel.toml")),
    ("etcd", include_str!("../servers/etcd.toml")),
];

/// The included descriptions, as targets.
///
/// # Panics
///
/// When one of them is wrong, which a test excludes.
pub fn servers() -> Vec<Described> {
    let read = |(name, text): (&str, &str)| {
        Described::read(text, name, None, &INCLUDED).unwrap_or_else(|error| panic!("{error}; {}", error.remedy))
    };
    TEXTS.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use rashomon_harness::target::Target;

    use super::*;

    #[test]
    fn the_included_descriptions_are_right_and_have_their_names() {
        let names: Vec<String> = servers().iter().map(|server| server.info().name).collect();
        assert_eq!(names, TEXTS.map(|(name, _)| name));
    }
}
