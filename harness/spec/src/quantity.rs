//! Lengths of time and sizes as people write them: `30s`, `5m`, `2GiB`.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// A length of time as people write it, in milliseconds.
///
/// # Errors
///
/// A sentence that says how to write it.
pub fn duration_ms(text: &str) -> Result<u64, String> {
    let split = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit {
        "ms" => 1.0,
        "s" => 1e3,
        "m" | "min" => 60e3,
        "h" => 3600e3,
        "d" => 24.0 * 3600e3,
        _ => return Err(format!("`{text}` is not a length of time: write it with a unit, as 30s, 500ms, 5m or 2h")),
    };
    let number: f64 = number.parse().map_err(|_| format!("`{text}` does not begin with a number"))?;
    Ok((number * factor).round() as u64)
}

/// A size as people write it, in bytes.
///
/// # Errors
///
/// A sentence that says how to write it.
pub fn size_bytes(text: &str) -> Result<u64, String> {
    let split = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit.trim_start() {
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        _ => return Err(format!("`{text}` is not a size: write it with a unit, as 512MiB or 2GiB")),
    };
    let number: f64 = number.parse().map_err(|_| format!("`{text}` does not begin with a number"))?;
    Ok((number * factor).round() as u64)
}

/// A length of time in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Length(Duration);

impl Length {
    /// This many seconds.
    pub const fn seconds(seconds: u64) -> Length {
        Length(Duration::from_secs(seconds))
    }

    /// As the standard library has it.
    pub fn duration(self) -> Duration {
        self.0
    }
}

impl TryFrom<String> for Length {
    type Error = String;

    fn try_from(text: String) -> Result<Length, String> {
        duration_ms(&text).map(|ms| Length(Duration::from_millis(ms)))
    }
}

impl From<Length> for String {
    fn from(length: Length) -> String {
        length.to_string()
    }
}

impl fmt::Display for Length {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        match ms {
            0 => out.write_str("0s"),
            ms if ms.is_multiple_of(3_600_000) => write!(out, "{}h", ms / 3_600_000),
            ms if ms.is_multiple_of(60_000) => write!(out, "{}m", ms / 60_000),
            ms if ms.is_multiple_of(1000) => write!(out, "{}s", ms / 1000),
            ms => write!(out, "{ms}ms"),
        }
    }
}

/// A size in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Size(u64);

impl Size {
    /// This many MiB.
    pub const fn mib(mib: u64) -> Size {
        Size(mib << 20)
    }

    /// In bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Size, String> {
        size_bytes(&text).map(Size)
    }
}

impl From<Size> for String {
    fn from(size: Size) -> String {
        size.to_string()
    }
}

impl fmt::Display for Size {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            bytes if bytes.is_multiple_of(1 << 30) => write!(out, "{}GiB", bytes >> 30),
            bytes if bytes.is_multiple_of(1 << 20) => write!(out, "{}MiB", bytes >> 20),
            bytes => write!(out, "{}KiB", bytes >> 10),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_with_their_unit() {
        assert_eq!(duration_ms("30s"), Ok(30_000));
        assert_eq!(duration_ms("1.5s"), Ok(1500));
        assert_eq!(duration_ms("250ms"), Ok(250));
        assert_eq!(duration_ms("2m"), Ok(120_000));
        assert_eq!(duration_ms("30d"), Ok(2_592_000_000));
        assert!(duration_ms("30").is_err() && duration_ms("s").is_err() && duration_ms("-1s").is_err());
    }

    #[test]
    fn sizes_are_read_with_their_unit() {
        assert_eq!(size_bytes("2GiB"), Ok(2 << 30));
        assert_eq!(size_bytes("1.5MiB"), Ok(3 << 19));
        assert!(size_bytes("2GB").unwrap_err().contains("2GiB") && size_bytes("GiB").is_err());
    }

    #[test]
    fn what_is_written_is_read_as_the_same() {
        for text in ["90s", "5m", "8h", "1500ms", "0s"] {
            let length = Length::try_from(text.to_owned()).unwrap();
            assert_eq!(Length::try_from(length.to_string()), Ok(length));
        }
        for text in ["2GiB", "300MiB", "5KiB"] {
            assert_eq!(Size::try_from(text.to_owned()).unwrap().to_string(), text);
        }
    }
}
