//! Golden scripts: commands with the output they had when somebody last looked at it.
//!
//! A script is a text file. Lines that begin with `#` and empty lines are prose. Commands, one a line, end with a line
//! `---`; the output follows, up to an empty line. `UPDATE_GOLDEN=1` writes what the commands say today.

/// A part of a script.
pub(crate) enum Part {
    /// A comment or an empty line.
    Prose(String),
    /// Commands and the output expected of them.
    Block { commands: Vec<String>, expected: String },
}

/// Reads a script.
pub(crate) fn parse(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.is_empty() || line.starts_with('#') {
            parts.push(Part::Prose(line.to_owned()));
            continue;
        }
        let mut commands = vec![line.to_owned()];
        commands.extend(std::iter::from_fn(|| lines.next_if(|line| *line != "---")).map(str::to_owned));
        lines.next();
        let expected: Vec<&str> = std::iter::from_fn(|| lines.next_if(|line| !line.is_empty())).collect();
        parts.push(Part::Block { commands, expected: expected.join("\n") });
    }
    parts
}

/// Writes a script as `outputs`, one per block, make it.
pub(crate) fn format(parts: &[Part], outputs: &[String]) -> String {
    let mut text = String::new();
    let mut outputs = outputs.iter();
    for part in parts {
        match part {
            Part::Prose(line) => text += &format!("{line}\n"),
            Part::Block { commands, .. } => {
                let output = outputs.next().map_or("", String::as_str);
                let end = if output.is_empty() { "" } else { "\n" };
                text += &format!("{}\n---\n{output}{end}", commands.join("\n"));
            }
        }
    }
    text
}
