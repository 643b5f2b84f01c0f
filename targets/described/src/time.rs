//! Lengths of time as people write them: `250ms`, `1.5s`, `2m`.

use std::time::Duration;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// A length of time of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema)]
#[schemars(with = "String")]
pub(crate) struct Time(pub(crate) Duration);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Time, D::Error> {
        parse(&String::deserialize(from)?).map(Time).map_err(D::Error::custom)
    }
}

/// A number and its unit, from a microsecond to a day.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let split = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit {
        "ms" => 1e-3,
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("`{text}` is no length of time: write it with a unit, as 250ms, 30s or 5m")),
    };
    let seconds = number.parse::<f64>().map_err(|_| format!("`{text}` does not begin with a number"))? * factor;
    let in_bounds = (1e-6..=86_400.0).contains(&seconds);
    in_bounds.then(|| Duration::from_secs_f64(seconds)).ok_or_else(|| format!("`{text}` is not between 1 ms and a day"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_has_a_unit_and_bounds() {
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(parse("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["30", "s", "-1s", "0s", "1e9s", "900h", ""] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
