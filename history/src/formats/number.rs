//! Numbers as text: 64-bit where they fit, else one canonical decimal text per number.

use std::sync::Arc;

use crate::Value;

/// Beyond this many digits before or after the point, a decimal is written with an exponent.
const PLAIN_DIGITS: i64 = 25;

/// An integer in decimal digits with an optional sign. `None` when that is not what `text` is.
pub(super) fn integer(text: &str) -> Option<Value> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    if let Ok(number) = text.parse() {
        return Some(Value::Int(number));
    }
    let sign = if text.starts_with('-') { "-" } else { "" };
    let digits = digits.trim_start_matches('0');
    Some(Value::Number(Arc::from(format!("{sign}{digits}"))))
}

/// A decimal with a point or an exponent, as `1.50`, `-2e7` or `1.5E-3`. `None` when that is not what `text` is.
///
/// The canonical text has a point and no superfluous zeros (`1.5`, `-20000000.0`), or an exponent where it would be
/// very long (`1.5e-30`), so that equal numbers are equal values. A decimal stays different from an integer: `1.0` is
/// not 1.
pub(super) fn decimal(text: &str) -> Option<Value> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        None => (text, 0),
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
    };
    let unsigned = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let digits = || whole.bytes().chain(fraction.bytes());
    if whole.is_empty() || !digits().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let all = format!("{whole}{fraction}");
    let significant = all.trim_start_matches('0');
    // The number is 0.DIGITS times ten to the power of `point`.
    let point = i64::from(exponent) + whole.len() as i64 - (all.len() - significant.len()) as i64;
    let significant = significant.trim_end_matches('0');
    let sign = if mantissa.starts_with('-') && !significant.is_empty() { "-" } else { "" };
    let length = significant.len() as i64;
    let canonical = if significant.is_empty() {
        "0.0".to_owned()
    } else if (-PLAIN_DIGITS..=0).contains(&point) {
        format!("{sign}0.{}{significant}", "0".repeat(-point as usize))
    } else if (1..=PLAIN_DIGITS).contains(&point) && length > point {
        let (whole, fraction) = significant.split_at(point as usize);
        format!("{sign}{whole}.{fraction}")
    } else if (1..=PLAIN_DIGITS).contains(&point) {
        format!("{sign}{significant}{}.0", "0".repeat((point - length) as usize))
    } else {
        let (first, rest) = significant.split_at(1);
        let rest = if rest.is_empty() { "0" } else { rest };
        format!("{sign}{first}.{rest}e{}", point - 1)
    };
    Some(Value::Number(Arc::from(canonical)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_64_bit_where_they_fit() {
        for (text, expected) in [("0", 0), ("-0", 0), ("+7", 7), ("007", 7), ("-9223372036854775808", i64::MIN)] {
            assert_eq!(integer(text), Some(Value::Int(expected)), "{text}");
        }
        for (text, expected) in [
            ("9223372036854775808", "9223372036854775808"),
            ("+009223372036854775808", "9223372036854775808"),
            ("-123456789012345678901", "-123456789012345678901"),
        ] {
            assert_eq!(integer(text), Some(Value::Number(expected.into())), "{text}");
        }
        for text in ["", "-", "+", "1.0", "1a", "--1", "1 "] {
            assert_eq!(integer(text), None, "{text}");
        }
    }

    #[test]
    fn equal_decimals_have_equal_texts() {
        for (texts, expected) in [
            (&["1.5", "1.50", "01.5", "15e-1", "0.15E1", "+1.5"][..], "1.5"),
            (&["1.0", "1e0", "10e-1", "1.", "0.1e1"], "1.0"),
            (&["-20000000.0", "-2e7", "-0.2E8"], "-20000000.0"),
            (&["0.0", "-0.0", "0e9", "0.000e-7"], "0.0"),
            (&["0.001", "1e-3"], "0.001"),
            (&["-0.0125"], "-0.0125"),
            (&["1e30", "10.0e29"], "1.0e30"),
            (&["1.25e-30", "125e-32"], "1.25e-30"),
        ] {
            for text in texts {
                assert_eq!(decimal(text), Some(Value::Number(expected.into())), "{text}");
                assert_eq!(decimal(expected), Some(Value::Number(expected.into())), "{expected} is stable");
            }
        }
        for text in ["", ".", ".5", "-", "1e", "1e+", "1.2.3", "1e99999999999", "x", "1_0.0"] {
            assert_eq!(decimal(text), None, "{text}");
        }
    }
}
