//! Building HTML in which run data cannot become markup.
//!
//! Keys, values, errors and log lines come from the system under test and may be hostile. [`put!`] takes a literal
//! template and escapes **every** argument; it refuses inline `{name}` captures at compile time, so there is no way
//! to write a value unescaped other than [`Html::raw`], which only takes text known at compile time.

use std::fmt::{self, Write};

/// Markup under construction.
#[derive(Clone, Debug, Default)]
pub(crate) struct Html {
    out: String,
}

impl Html {
    /// Nothing yet.
    pub(crate) fn new() -> Html {
        Html::default()
    }

    /// Markup that is part of this program.
    pub(crate) fn raw(&mut self, markup: &'static str) {
        self.out.push_str(markup);
    }

    /// Markup built elsewhere.
    pub(crate) fn append(&mut self, other: Html) {
        self.out.push_str(&other.out);
    }

    /// The finished text.
    pub(crate) fn finish(self) -> String {
        self.out
    }

    /// Called by [`put!`] only: its arguments are already wrapped in [`Escaped`].
    pub(crate) fn write_template(&mut self, template: fmt::Arguments<'_>) {
        self.out.write_fmt(template).expect("writing to a String cannot fail");
    }
}

/// `put!(html, "<td>{}</td>", value)`: writes a template with every argument escaped.
macro_rules! put {
    // `concat!` makes the template a macro expansion, in which the compiler forbids implicit captures.
    ($html:expr, $template:literal $(, $value:expr)* $(,)?) => {
        $html.write_template(format_args!(concat!($template) $(, $crate::html::Escaped(&$value))*))
    };
}
pub(crate) use put;

/// A value as text that is safe between tags and within a quoted attribute.
pub(crate) struct Escaped<'a, T: ?Sized>(pub(crate) &'a T);

impl<T: fmt::Display + ?Sized> fmt::Display for Escaped<'_, T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match out.precision() {
            Some(digits) => write!(Escaper(out), "{:.*}", digits, self.0),
            None => write!(Escaper(out), "{}", self.0),
        }
    }
}

struct Escaper<'a, 'b>(&'a mut fmt::Formatter<'b>);

impl Write for Escaper<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut clean = 0;
        for (at, character) in text.char_indices() {
            let Some(replacement) = replacement(character) else { continue };
            self.0.write_str(&text[clean..at])?;
            match replacement {
                Replacement::Entity(entity) => self.0.write_str(entity)?,
                Replacement::Picture(picture) => self.0.write_char(picture)?,
                Replacement::Code(code) => write!(self.0, "\u{27e8}U+{code:04X}\u{27e9}")?,
            }
            clean = at + character.len_utf8();
        }
        self.0.write_str(&text[clean..])
    }
}

enum Replacement {
    Entity(&'static str),
    Picture(char),
    Code(u32),
}

/// What stands for a character that is markup, invisible, or able to reorder the text around it.
fn replacement(character: char) -> Option<Replacement> {
    Some(match character {
        '<' => Replacement::Entity("&lt;"),
        '>' => Replacement::Entity("&gt;"),
        '&' => Replacement::Entity("&amp;"),
        '"' => Replacement::Entity("&quot;"),
        '\'' => Replacement::Entity("&#39;"),
        '\t' | '\n' => return None,
        '\u{0}'..='\u{1f}' => Replacement::Picture(char::from_u32(0x2400 + character as u32)?),
        '\u{7f}' => Replacement::Picture('\u{2421}'),
        '\u{80}'..='\u{9f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => Replacement::Code(character as u32),
        '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => Replacement::Code(character as u32),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut html = Html::new();
        put!(html, "{}", text);
        html.finish()
    }

    #[test]
    fn markup_becomes_text() {
        assert_eq!(
            escaped("</script><script>alert(1)</script>"),
            "&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;"
        );
        assert_eq!(escaped("\" onload='x' &amp;"), "&quot; onload=&#39;x&#39; &amp;amp;");
    }

    #[test]
    fn what_cannot_be_seen_or_reorders_text_is_shown() {
        assert_eq!(escaped("a\u{0}b\u{1b}[31m"), "a\u{2400}b\u{241b}[31m");
        assert_eq!(escaped("\u{202e}evil\u{feff}"), "\u{27e8}U+202E\u{27e9}evil\u{27e8}U+FEFF\u{27e9}");
        assert_eq!(escaped("tab\tline\n"), "tab\tline\n");
        assert_eq!(escaped("Zürich 東京"), "Zürich 東京");
    }

    #[test]
    fn precision_reaches_the_number() {
        let mut html = Html::new();
        put!(html, "<i x=\"{:.1}\">{}</i>", 1.25_f64, 7);
        assert_eq!(html.finish(), "<i x=\"1.2\">7</i>");
    }
}
