//! Standard output and standard error.
//!
//! A reader that has seen enough and closed its end (`rashomon run … | head`), or a terminal that went away during a
//! nightly campaign, must not fail the run: output that cannot be written is dropped, and the verdict is on disk. So
//! nothing uses `print!` and its like, which panic.
//!
//! What is written may contain what a node, a file or a name says. Control characters in it, which could move the
//! cursor, rewrite lines or change the terminal's settings, are shown as symbols.

use std::borrow::Cow;

/// Text that does nothing to a terminal but to be shown: control characters other than the line feed and the tab are
/// replaced by their pictures, or by U+FFFD where they have none.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    let acts = |letter: char| letter.is_control() && letter != '\n' && letter != '\t';
    if !text.contains(acts) {
        return Cow::Borrowed(text);
    }
    let picture = |letter: char| match letter {
        letter if !acts(letter) => letter,
        '\u{7f}' => '\u{2421}',
        letter if letter < ' ' => char::from_u32(0x2400 + letter as u32).unwrap_or('\u{fffd}'),
        _ => '\u{fffd}',
    };
    Cow::Owned(text.chars().map(picture).collect())
}

/// Writes a line to standard output.
macro_rules! out {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), "{}", $crate::output::printable(&format!($($text)*)));
    }};
}

/// Writes a line to standard error.
macro_rules! err {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), "{}", $crate::output::printable(&format!($($text)*)));
    }};
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_acts_on_the_terminal() {
        assert_eq!(printable("n1: ok\n\tmore, été"), "n1: ok\n\tmore, été");
        assert_eq!(printable("\u{1b}[31mred\r\u{7f}\u{9b}2J\u{0}"), "␛[31mred␍␡\u{fffd}2J␀");
    }
}
