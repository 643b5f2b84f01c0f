//! Tells code from comments and literals, so that rules are not fooled by words inside of strings.
//!
//! It knows just enough of Rust's lexical grammar for that: nested block comments, escaped, raw and byte strings,
//! characters and lifetimes. It does not check anything: rustc has done so.

/// A line, taken apart. `code` and `comment` are as long as the line: what belongs to the other one is blank.
#[derive(Clone, Debug, Default)]
pub(in crate::tidy) struct Line {
    /// The code, with the contents of literals blank.
    pub(in crate::tidy) code: String,
    /// The comments.
    pub(in crate::tidy) comment: String,
    /// Whether a string or character literal, or a part of one, is on it.
    pub(in crate::tidy) has_literal: bool,
}

/// What the scanner is inside of.
enum State {
    Code,
    LineComment,
    /// With the number of comments that are open.
    BlockComment(u32),
    Text,
    /// With the number of `#` that end it.
    RawText(usize),
}

/// Takes a file apart.
pub(super) fn mask(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut state = State::Code;
    for raw in text.lines() {
        let characters: Vec<char> = raw.chars().collect();
        let mut line = Line::default();
        let mut at = 0;
        if !matches!(state, State::Code | State::BlockComment(_)) {
            line.has_literal = true;
        }
        while at < characters.len() {
            let (next, length) = step(&state, &characters, at, &mut line);
            at += length;
            if let Some(next) = next {
                state = next;
            }
        }
        if matches!(state, State::LineComment) {
            state = State::Code;
        }
        lines.push(line);
    }
    lines
}

/// Writes what begins at `at` to the line; returns the state after it, if it changes, and how many characters it has.
fn step(state: &State, characters: &[char], at: usize, line: &mut Line) -> (Option<State>, usize) {
    let rest = &characters[at..];
    match state {
        State::LineComment => {
            line.comment(rest);
            (None, rest.len())
        }
        State::BlockComment(depth) => match rest {
            ['*', '/', ..] => {
                line.comment(&rest[..2]);
                (Some(if *depth == 1 { State::Code } else { State::BlockComment(depth - 1) }), 2)
            }
            ['/', '*', ..] => {
                line.comment(&rest[..2]);
                (Some(State::BlockComment(depth + 1)), 2)
            }
            _ => {
                line.comment(&rest[..1]);
                (None, 1)
            }
        },
        State::Text => match rest {
            ['\\', _, ..] => {
                line.blank(2);
                (None, 2)
            }
            ['"', ..] => {
                line.code(&rest[..1]);
                (Some(State::Code), 1)
            }
            _ => {
                line.blank(1);
                (None, 1)
            }
        },
        State::RawText(hashes) => {
            let ends = rest[0] == '"' && rest.len() > *hashes && rest[1..=*hashes].iter().all(|&mark| mark == '#');
            let length = if ends { hashes + 1 } else { 1 };
            line.blank(length);
            (ends.then_some(State::Code), length)
        }
        State::Code => code(characters, at, line),
    }
}

fn code(characters: &[char], at: usize, line: &mut Line) -> (Option<State>, usize) {
    let rest = &characters[at..];
    let inside_word = at > 0 && is_word(characters[at - 1]);
    match rest {
        ['/', '/', ..] => (Some(State::LineComment), 0),
        ['/', '*', ..] => {
            line.comment(&rest[..2]);
            (Some(State::BlockComment(1)), 2)
        }
        ['"', ..] => {
            line.has_literal = true;
            line.code(&rest[..1]);
            (Some(State::Text), 1)
        }
        ['\'', ..] => {
            let length = character_literal(rest);
            line.has_literal |= length > 1;
            line.code(&rest[..1]);
            line.blank(length - 1);
            (None, length)
        }
        ['r' | 'b' | 'c', ..] if !inside_word => match raw_text(rest) {
            Some((hashes, length)) => {
                line.has_literal = true;
                line.blank(length);
                (Some(State::RawText(hashes)), length)
            }
            None => {
                line.code(&rest[..1]);
                (None, 1)
            }
        },
        _ => {
            line.code(&rest[..1]);
            (None, 1)
        }
    }
}

/// The length of the character literal that begins with this `'`; 1 for a lifetime or label.
fn character_literal(rest: &[char]) -> usize {
    match rest {
        ['\'', '\\', _, tail @ ..] => tail.iter().position(|&character| character == '\'').map_or(1, |quote| quote + 4),
        ['\'', _, '\'', ..] => 3,
        _ => 1,
    }
}

/// The number of `#` of the raw string that begins here, and the length of its opening.
fn raw_text(rest: &[char]) -> Option<(usize, usize)> {
    let prefix = match rest {
        ['b' | 'c', 'r', ..] => 2,
        ['r', ..] => 1,
        _ => return None,
    };
    let hashes = rest[prefix..].iter().take_while(|&&character| character == '#').count();
    (rest.get(prefix + hashes) == Some(&'"')).then_some((hashes, prefix + hashes + 1))
}

/// Whether a character may stand within an identifier.
pub(super) fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

impl Line {
    fn code(&mut self, characters: &[char]) {
        self.code.extend(characters);
        self.comment.extend(characters.iter().map(|_| ' '));
    }

    fn comment(&mut self, characters: &[char]) {
        self.comment.extend(characters);
        self.code.extend(characters.iter().map(|_| ' '));
    }

    fn blank(&mut self, count: usize) {
        self.code.extend(std::iter::repeat_n(' ', count));
        self.comment.extend(std::iter::repeat_n(' ', count));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code_of(text: &str) -> Vec<String> {
        mask(text).iter().map(|line| line.code.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        assert_eq!(code_of("let a = 1; // unsafe"), ["let a = 1;"]);
        assert_eq!(code_of("a /* x /* y */ z */ b"), ["a b"]);
        assert_eq!(code_of("f(\"a \\\" // b\"); g()"), ["f(\" \"); g()"]);
        assert_eq!(code_of("f(r#\"a \" b\"#, 1)"), ["f( , 1)"]);
        assert_eq!(code_of("f(br\"a\\\", 1)"), ["f( , 1)"]);
        assert_eq!(code_of("let a = \"one\ntwo // three\nfour\"; b"), ["let a = \"", "", "\"; b"]);
    }

    #[test]
    fn lifetimes_are_not_characters() {
        assert_eq!(code_of("fn f<'a>(x: &'a str) -> &'a str {"), ["fn f<'a>(x: &'a str) -> &'a str {"]);
        assert_eq!(
            code_of("match c { '\"' => 1, '\\'' => 2, '\\u{7f}' => 3 }"),
            ["match c { ' => 1, ' => 2, ' => 3 }"]
        );
        assert_eq!(code_of("let r#type = 'r'; for x in y {}"), ["let r#type = ' ; for x in y {}"]);
    }

    #[test]
    fn comments_keep_their_column() {
        let line = &mask("ab // cd")[0];
        assert_eq!((line.code.as_str(), line.comment.as_str()), ("ab      ", "   // cd"));
    }
}
