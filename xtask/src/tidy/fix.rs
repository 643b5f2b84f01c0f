//! What `cargo xtask tidy --fix` mends by itself: white space, and comments that are too wide (rustfmt leaves both
//! alone).

use super::files::File;
use super::layout::WIDTH;
use super::rust_source::RustSource;

/// The file's text with the mendable findings mended.
pub(super) fn fixed(file: &File) -> String {
    let mut lines: Vec<String> = file.text.lines().map(str::to_owned).collect();
    if file.path.ends_with(".rs") {
        let source = RustSource::new(file, false);
        // White space within a string is the string's.
        for (line, _) in lines.iter_mut().zip(&source.lines).filter(|(_, masked)| !masked.has_literal) {
            trim(line);
        }
        wrap_comments(&source, &mut lines);
    } else {
        lines.iter_mut().for_each(trim);
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

fn trim(line: &mut String) {
    line.truncate(line.trim_end().len());
}

/// A line that holds a comment and nothing else, taken apart: `    /// - text`.
struct Comment<'a> {
    /// `    /// `
    mark: &'a str,
    /// What the text is indented by within the comment, as far as it opens a list item: `- `.
    bullet: &'a str,
    text: &'a str,
}

impl<'a> Comment<'a> {
    fn of(line: &'a str) -> Option<Comment<'a>> {
        let after = line.trim_start().strip_prefix("//")?;
        let text = after.strip_prefix(['/', '!']).unwrap_or(after);
        let text = text.strip_prefix(' ').unwrap_or(text);
        let mark = &line[..line.len() - text.len()];
        let indent = text.len() - text.trim_start().len();
        let inner = text.trim_start();
        let digits = inner.chars().take_while(char::is_ascii_digit).count();
        let bullet = if inner.starts_with("- ") || inner.starts_with("* ") {
            2
        } else if digits > 0 && inner[digits..].starts_with(". ") {
            digits + 2
        } else {
            0
        };
        let (bullet, text) = text.split_at(indent + bullet);
        Some(Comment { mark, bullet, text })
    }

    /// Whether this line carries on the paragraph of a line with this mark and this indentation: not so a heading, a
    /// table, a fence or a link's definition.
    fn continues(&self, mark: &str, indent: usize) -> bool {
        let hangs = self.mark == mark && self.bullet.len() == indent && self.bullet.trim().is_empty();
        let is_definition = self.text.starts_with('[') && self.text.contains("]: ");
        hangs
            && !self.text.is_empty()
            && !self.text.starts_with(['#', '|'])
            && !self.text.starts_with("```")
            && !is_definition
    }
}

/// Moves what does not fit to the next line of the same paragraph, or to a new line.
fn wrap_comments(source: &RustSource, lines: &mut Vec<String>) {
    let mut movable: Vec<bool> = source
        .lines
        .iter()
        .map(|line| {
            let text = line.comment.trim_start_matches(['/', '!', ' ']);
            line.code.trim().is_empty() && !line.has_literal && !text.starts_with('|') && !text.contains("://")
        })
        .collect();
    let mut fenced = false;
    let mut at = 0;
    while at < lines.len() {
        let Some(comment) = Comment::of(&lines[at]).filter(|_| movable[at]) else {
            fenced = false;
            at += 1;
            continue;
        };
        fenced ^= comment.text.starts_with("```");
        let hung = comment.mark.chars().count() + comment.bullet.chars().count();
        let cut = lines[at].char_indices().nth(WIDTH).filter(|_| !fenced).and_then(|(end, _)| {
            let start = lines[at].char_indices().nth(hung)?.0;
            // The line must keep a word, and the space itself may be the first character that does not fit.
            lines[at][start..=end].rfind(' ').map(|space| start + space)
        });
        if let Some(cut) = cut {
            let (mark, indent) = (comment.mark.to_owned(), comment.bullet.len());
            let overflow = lines[at][cut..].trim_start().to_owned();
            let kept = lines[at][..cut].trim_end().len();
            lines[at].truncate(kept);
            let begin = format!("{mark}{}{overflow}", " ".repeat(indent));
            let next = lines.get(at + 1).filter(|_| movable[at + 1]).and_then(|line| Comment::of(line));
            if let Some(next) = next.filter(|next| next.continues(&mark, indent)) {
                lines[at + 1] = format!("{begin} {}", next.text);
            } else {
                lines.insert(at + 1, begin);
                movable.insert(at + 1, true);
            }
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed_text(path: &str, text: &str) -> String {
        fixed(&File { path: path.to_owned(), text: text.to_owned() })
    }

    fn words(count: usize) -> String {
        vec!["word"; count].join(" ")
    }

    #[test]
    fn white_space_is_mended() {
        assert_eq!(fixed_text("a.md", "a  \n\nb\t\n\n\n"), "a\n\nb\n");
        assert_eq!(fixed_text("a.md", "a"), "a\n");
        assert_eq!(fixed_text("a.md", ""), "");
        assert_eq!(fixed_text("a/src/b.rs", "// a \nlet a = \"b \nc\"; \n"), "// a\nlet a = \"b \nc\"; \n");
    }

    #[test]
    fn overflow_goes_to_the_next_line_of_the_paragraph() {
        // 23 words and the mark are 118 columns, one more word is 123.
        let (full, more) = (words(23), words(24));
        let wrap = |text: &str| fixed_text("a/src/b.rs", text);
        assert_eq!(wrap(&format!("/// {full}\n/// next\n")), format!("/// {full}\n/// next\n"));
        assert_eq!(wrap(&format!("/// {more}\n/// next\n")), format!("/// {full}\n/// word next\n"));
        assert_eq!(wrap(&format!("/// {more}\nfn a() {{}}\n")), format!("/// {full}\n/// word\nfn a() {{}}\n"));
        assert_eq!(wrap(&format!("/// {more}\n/// {more}\n")), format!("/// {full}\n/// {full}\n/// word word\n"));
        assert_eq!(wrap(&format!("/// {more}\n///\n/// next\n")), format!("/// {full}\n/// word\n///\n/// next\n"));
        assert_eq!(wrap(&format!("/// {more}\n/// `next`\n")), format!("/// {full}\n/// word `next`\n"));
    }

    #[test]
    fn list_items_stay_apart_and_hang() {
        let (full, more) = (words(22), words(24));
        for bullet in ["- ", "* ", "1. "] {
            let hang = " ".repeat(bullet.len());
            let text = format!("    //! {bullet}{more}\n    //! {bullet}next\n");
            let wrapped = format!("    //! {bullet}{full}\n    //! {hang}word word\n    //! {bullet}next\n");
            assert_eq!(fixed_text("a/src/b.rs", &text), wrapped);
        }
    }

    #[test]
    fn what_must_not_be_wrapped_is_left_alone() {
        let more = words(30);
        for text in [
            format!("/// | {more} |\n"),
            format!("/// https://a {more}\n"),
            format!("//! ```text\n//! {more}\n//! ```\n"),
            format!("const A: &str = \"\n// {more}\n\";\n"),
            format!("let a = 1; // {more}\n"),
            format!("//! {}\n", "x".repeat(130)),
        ] {
            assert_eq!(fixed_text("a/src/b.rs", &text), text);
        }
        assert_eq!(fixed_text("a.md", &format!("// {more}\n")), format!("// {more}\n"));
    }
}
