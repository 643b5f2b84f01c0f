//! Standard output and standard error.
//!
//! A reader that has seen enough and closed its end (`rashomon run … | head`), or a terminal that went away during a
//! nightly campaign, must not fail the run: output that cannot be written is dropped, and the verdict is on disk. So
//! nothing uses `print!` and its like, which panic.

/// Writes a line to standard output.
macro_rules! out {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

/// Writes a line to standard error.
macro_rules! err {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}
