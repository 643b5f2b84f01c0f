//! `{name}` in the texts of a description.

use std::collections::BTreeMap;
use std::ops::Range;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};

use crate::wrong::Wrong;

/// What names stand for.
pub(crate) type Values = BTreeMap<String, String>;

/// A text of the file, with its place.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(with = "String")]
pub(crate) struct Text {
    text: String,
    start: usize,
    end: usize,
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Text, D::Error> {
        let spanned = toml::Spanned::<String>::deserialize(from)?;
        let Range { start, end } = spanned.span();
        Ok(Text { text: spanned.into_inner(), start, end })
    }
}

impl Text {
    /// As it stands there.
    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Where it stands.
    pub(crate) fn at(&self) -> Option<Range<usize>> {
        Some(self.start..self.end)
    }

    /// With every `{name}` replaced by its value. `{{` and `}}` stand for the braces themselves.
    pub(crate) fn expand(&self, values: &Values) -> Result<String, Wrong> {
        expand(&self.text, |name| values.get(name).cloned()).map_err(|problem| problem.wrong(self.at(), values))
    }
}

/// Why a template cannot be expanded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// A brace without its partner.
    Brace,
    /// A name that stands for nothing.
    Name(String),
}

impl Problem {
    pub(crate) fn wrong(self, at: Option<Range<usize>>, known: &BTreeMap<String, String>) -> Wrong {
        match self {
            Problem::Brace => Wrong::new(at, "a brace without its partner", "write {{ or }} for the brace itself"),
            Problem::Name(name) => Wrong::unknown(at, "value", &name, known.keys().map(String::as_str)),
        }
    }
}

/// Replaces every `{name}` by what `value` has for it.
pub(crate) fn expand(template: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, Problem> {
    let mut expanded = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        expanded.push_str(&rest[..at]);
        let brace = &rest[at..];
        if brace.starts_with("{{") || brace.starts_with("}}") {
            expanded.push_str(&brace[..1]);
            rest = &brace[2..];
            continue;
        }
        let Some((name, after)) = brace.strip_prefix('{').and_then(|inner| inner.split_once('}')) else {
            return Err(Problem::Brace);
        };
        expanded.push_str(&value(name).ok_or_else(|| Problem::Name(name.to_owned()))?);
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(template: &str) -> Result<String, Problem> {
        expand(template, |name| (name == "ip").then(|| "10.77.0.1".to_owned()))
    }

    #[test]
    fn names_are_replaced_and_doubled_braces_stay() {
        assert_eq!(expanded("--listen={ip}:80"), Ok("--listen=10.77.0.1:80".into()));
        assert_eq!(expanded("{{ip}} {ip}{ip}"), Ok("{ip} 10.77.0.110.77.0.1".into()));
        assert_eq!(expanded("plain"), Ok("plain".into()));
    }

    #[test]
    fn mistakes_are_told_apart() {
        assert_eq!(expanded("{port}"), Err(Problem::Name("port".into())));
        for template in ["{", "}", "{ip", "ip}", "a{"] {
            assert_eq!(expanded(template), Err(Problem::Brace), "{template}");
        }
    }
}
