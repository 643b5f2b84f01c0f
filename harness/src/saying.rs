//! What the program says, on standard output and standard error.
//!
//! A reader that has seen enough and closed its end (`rashomon run … | head`), or a terminal that went away during a
//! nightly campaign, is no reason to fail: what cannot be said is left unsaid, and the verdict is on disk. So nothing
//! uses `println!` and `eprintln!`, which panic.

/// Says a line on standard output.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($text)*);
    }};
}

/// Tells a line on standard error.
macro_rules! tell {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stderr(), $($text)*);
    }};
}
