//! What the machine has: processors and memory for labs side by side, space on the disk.

use std::path::Path;

/// Labs side by side for each processor: a lab under load mostly waits, for answers, for faults, for time to pass.
const LABS_PER_CPU: f64 = 1.5;
/// Memory that a lab with its harness is reckoned with, bytes.
const LAB_BYTES: u64 = 768 << 20;

/// How many labs go on at once, when the user does not say.
pub fn jobs_for(cpus: usize, available_bytes: u64) -> usize {
    let by_cpu = (cpus as f64 * LABS_PER_CPU).floor() as usize;
    let by_memory = (available_bytes / LAB_BYTES) as usize;
    by_cpu.min(by_memory).clamp(1, 64)
}

/// Free space for this user on the disk of a folder, bytes; `None` where the system does not say.
pub(super) fn free_bytes(folder: &Path) -> Option<u64> {
    let about = nix::sys::statvfs::statvfs(folder).ok()?;
    Some(about.blocks_available().saturating_mul(about.fragment_size()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_processors_run_three_labs_where_memory_allows() {
        assert_eq!(jobs_for(2, 8 << 30), 3);
        assert_eq!(jobs_for(2, 1 << 30), 1);
        assert_eq!(jobs_for(1, 0), 1);
        assert!(free_bytes(Path::new("/")).is_some() && free_bytes(Path::new("/nowhere")).is_none());
    }
}
