//! The paths that code names, with the trees of `use` declarations unfolded.

use super::mask::{Line, is_word};

/// A path in code: `std::time::Instant`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::tidy) struct NamedPath {
    /// The path. One that ends in `::*` names everything below it.
    pub(in crate::tidy) path: String,
    /// Its line, from 1.
    pub(in crate::tidy) line: usize,
}

struct Token {
    text: String,
    line: usize,
}

/// The paths of at least two parts, and those that are declared for use, in the order of the code.
pub(super) fn paths<'a>(lines: impl Iterator<Item = (usize, &'a Line)>) -> Vec<NamedPath> {
    let tokens = tokens(lines);
    let mut found = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at].text == "use" {
            at = tree(&tokens, at + 1, "", &mut found);
        } else if is_name(&tokens[at]) {
            let line = tokens[at].line;
            let (path, end) = straight(&tokens, at);
            if path.contains("::") {
                found.push(NamedPath { path, line });
            }
            at = end;
        } else {
            at += 1;
        }
    }
    found
}

/// Reads `a::b::c` from a token on; returns it and the token after it.
fn straight(tokens: &[Token], mut at: usize) -> (String, usize) {
    let mut path = tokens[at].text.clone();
    at += 1;
    while text(tokens, at) == "::" && tokens.get(at + 1).is_some_and(is_name) {
        path = format!("{path}::{}", tokens[at + 1].text);
        at += 2;
    }
    (path, at)
}

/// Reads one `use` tree (`a::{b, c::*}`) below a prefix; returns the token after it.
fn tree(tokens: &[Token], mut at: usize, prefix: &str, found: &mut Vec<NamedPath>) -> usize {
    let join = |part: &str| if prefix.is_empty() { part.to_owned() } else { format!("{prefix}::{part}") };
    if text(tokens, at) == "::" {
        at += 1;
    }
    let Some(token) = tokens.get(at) else { return at };
    match token.text.as_str() {
        "{" => {
            at += 1;
            while at < tokens.len() && text(tokens, at) != "}" {
                let after = tree(tokens, at, prefix, found);
                // A comma, or something this does not understand: go on in any case.
                at = if text(tokens, after) == "," { after + 1 } else { after.max(at + usize::from(after == at)) };
            }
            at + 1
        }
        "*" => {
            found.push(NamedPath { path: join("*"), line: token.line });
            at + 1
        }
        _ if is_name(token) => {
            let (path, mut end) = straight(tokens, at);
            let path = join(&path);
            if text(tokens, end) == "::" {
                return tree(tokens, end, &path, found);
            }
            found.push(NamedPath { path, line: token.line });
            if text(tokens, end) == "as" {
                end += 2;
            }
            end
        }
        _ => at,
    }
}

fn text(tokens: &[Token], at: usize) -> &str {
    tokens.get(at).map_or("", |token| token.text.as_str())
}

fn is_name(token: &Token) -> bool {
    token.text.starts_with(is_word) && token.text != "as"
}

fn tokens<'a>(lines: impl Iterator<Item = (usize, &'a Line)>) -> Vec<Token> {
    let mut tokens = Vec::new();
    for (number, line) in lines {
        let mut rest = line.code.as_str();
        while let Some(first) = rest.chars().next() {
            let length = if is_word(first) {
                rest.find(|character| !is_word(character)).unwrap_or(rest.len())
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            if !first.is_whitespace() {
                tokens.push(Token { text: rest[..length].to_owned(), line: number });
            }
            rest = &rest[length..];
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::super::mask::mask;
    use super::*;

    fn paths_of(text: &str) -> Vec<String> {
        let lines = mask(text);
        paths(lines.iter().enumerate().map(|(index, line)| (index + 1, line)))
            .into_iter()
            .map(|named| format!("{}:{}", named.line, named.path))
            .collect()
    }

    #[test]
    fn use_trees_are_unfolded() {
        assert_eq!(
            paths_of("use std::{fs, io::{self, Read as R}, time::*};\nuse a;"),
            ["1:std::fs", "1:std::io::self", "1:std::io::Read", "1:std::time::*", "2:a",]
        );
        assert_eq!(paths_of("pub(crate) use ::std::{\n    net::TcpStream,\n};"), ["2:std::net::TcpStream"]);
    }

    #[test]
    fn paths_in_code_are_found() {
        assert_eq!(
            paths_of("let a = std::time::Instant::now(); // std::fs\nf(\"std::net\", x, b::c::<D>())"),
            ["1:std::time::Instant::now", "2:b::c",]
        );
    }

    #[test]
    fn odd_code_ends() {
        assert_eq!(paths_of("use"), Vec::<String>::new());
        assert_eq!(paths_of("use a::{b, +, c"), ["1:a::b", "1:a::c"]);
    }
}
