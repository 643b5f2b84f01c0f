//! Clock faults by libfaketime: one file per node says how far its wall clock is off.
//!
//! The library is preloaded into the node's processes and reads the file at every call
//! (`FAKETIME_NO_CACHE`), so a jump is seen at the next look at the clock. Only `CLOCK_REALTIME` is faked
//! (`FAKETIME_DONT_FAKE_MONOTONIC`): timers go on. It works for dynamically linked programs only; that it worked is
//! proved each time.

use std::fs;
use std::io;
use std::path::Path;

/// The file in the node's shared folder.
const OFFSET_FILE: &str = "faketime";

/// The variables that put a node's processes under the clock of its file.
pub(super) fn environment(library: &Path, shared_dir: &Path) -> Vec<(String, String)> {
    let variable = |name: &str, value: String| (name.to_owned(), value);
    vec![
        variable("LD_PRELOAD", library.display().to_string()),
        variable("FAKETIME_TIMESTAMP_FILE", shared_dir.join(OFFSET_FILE).display().to_string()),
        variable("FAKETIME_NO_CACHE", "1".to_owned()),
        variable("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        variable("FAKETIME_DONT_RESET", "1".to_owned()),
    ]
}

/// Sets how far the node's wall clock is off. The file is replaced as a whole: a reader never sees half of it.
pub fn set_offset(shared_dir: &Path, by_ms: i64) -> io::Result<()> {
    let sign = if by_ms < 0 { '-' } else { '+' };
    let by = by_ms.unsigned_abs();
    let next = shared_dir.join(".faketime.next");
    fs::write(&next, format!("{sign}{}.{:03}\n", by / 1000, by % 1000))?;
    fs::rename(next, shared_dir.join(OFFSET_FILE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_is_written_in_seconds() {
        let folder = tempfile::tempdir().unwrap();
        for (by_ms, text) in [(0, "+0.000\n"), (-1, "-0.001\n"), (61_250, "+61.250\n"), (-500_000, "-500.000\n")] {
            set_offset(folder.path(), by_ms).unwrap();
            assert_eq!(fs::read_to_string(folder.path().join(OFFSET_FILE)).unwrap(), text);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
