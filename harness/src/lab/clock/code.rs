//! The code that a process calls in place of its vDSO's, for `x86_64`: asks the original and adds the node's shift.
//!
//! It is assembled into this program, which never calls it, and copied from there into the nodes' processes. It refers
//! to the original and to the shift relative to itself, by fixed distances from its beginning. While the clock is
//! right it jumps to the original at once.

use std::arch::global_asm;

/// Distance from the code's beginning to the page that begins with the shift.
pub(super) const SHIFT_AT: u64 = 4096;
/// Distance to the addresses of the original functions, in the order of [`Function`].
pub(super) const ORIGINALS_AT: u64 = 4064;

/// A function of the vDSO that is led elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Function {
    ClockGettime,
    Gettimeofday,
    Time,
}

impl Function {
    /// The one that a symbol of the vDSO names.
    pub(super) fn named(symbol: &[u8]) -> Option<Function> {
        match symbol.strip_prefix(b"__vdso_").unwrap_or(symbol) {
            b"clock_gettime" => Some(Function::ClockGettime),
            b"gettimeofday" => Some(Function::Gettimeofday),
            b"time" => Some(Function::Time),
            _ => None,
        }
    }

    /// Distance from the code's beginning to the place of the original's address.
    pub(super) fn original_at(self) -> u64 {
        ORIGINALS_AT + 8 * self as u64
    }

    /// Distance from the code's beginning to the function's.
    pub(super) fn entry(self) -> u64 {
        let entry = match self {
            Function::ClockGettime => &raw const rashomon_clock_gettime,
            Function::Gettimeofday => &raw const rashomon_gettimeofday,
            Function::Time => &raw const rashomon_time,
        };
        entry.addr() as u64 - (&raw const rashomon_clock_begin).addr() as u64
    }
}

/// The code. It is shorter than [`ORIGINALS_AT`].
pub(super) fn bytes() -> &'static [u8] {
    let begin = &raw const rashomon_clock_begin;
    let length = (&raw const rashomon_clock_end).addr() - begin.addr();
    // SAFETY: both are labels of one block of this program's text, which is mapped, readable and never written.
    unsafe { std::slice::from_raw_parts(begin, length) }
}

// SAFETY: labels of the code below, of which nothing but the address is used.
unsafe extern "C" {
    static rashomon_clock_begin: u8;
    static rashomon_clock_gettime: u8;
    static rashomon_gettimeofday: u8;
    static rashomon_time: u8;
    static rashomon_clock_end: u8;
}

// A shift is a word: seconds in the upper 44 bits, signed; microseconds, 0 to 999999, in the lower 20. Stacks are
// aligned to 16 bytes at each call, as the ABI of the original wants it.
global_asm!(
    ".pushsection .text.rashomon_clock,\"ax\",@progbits",
    // Code that is optimized refers to the labels from other objects of this program.
    ".globl rashomon_clock_begin, rashomon_clock_gettime, rashomon_gettimeofday, rashomon_time, rashomon_clock_end",
    ".hidden rashomon_clock_begin, rashomon_clock_gettime, rashomon_gettimeofday, rashomon_time, rashomon_clock_end",
    ".balign 16",
    "rashomon_clock_begin:",
    // int clock_gettime(clockid_t edi, struct timespec *rsi); for CLOCK_REALTIME (0), CLOCK_REALTIME_COARSE (5) and
    // CLOCK_TAI (11).
    "rashomon_clock_gettime:",
    "cmp edi, 11",
    "ja 2f",
    "mov eax, 0x821",
    "bt eax, edi",
    "jnc 2f",
    "mov rax, [rip + rashomon_clock_begin + {shift}]",
    "test rax, rax",
    "jz 2f",
    "sub rsp, 24",
    "mov [rsp], rax",
    "mov [rsp + 8], rsi",
    "call [rip + rashomon_clock_begin + {clock_gettime}]",
    "mov rcx, [rsp]",
    "mov rsi, [rsp + 8]",
    "add rsp, 24",
    "test eax, eax",
    "jnz 4f",
    "mov rdx, rcx",
    "sar rcx, 20",
    "and edx, 0xfffff",
    "imul rdx, rdx, 1000",
    "add rcx, [rsi]",
    "add rdx, [rsi + 8]",
    "cmp rdx, 1000000000",
    "jb 3f",
    "sub rdx, 1000000000",
    "inc rcx",
    "3:",
    "mov [rsi], rcx",
    "mov [rsi + 8], rdx",
    "4:",
    "ret",
    "2:",
    "jmp [rip + rashomon_clock_begin + {clock_gettime}]",
    // int gettimeofday(struct timeval *rdi, struct timezone *rsi); either may be null.
    ".balign 16",
    "rashomon_gettimeofday:",
    "mov rax, [rip + rashomon_clock_begin + {shift}]",
    "test rax, rax",
    "jz 2f",
    "test rdi, rdi",
    "jz 2f",
    "sub rsp, 24",
    "mov [rsp], rax",
    "mov [rsp + 8], rdi",
    "call [rip + rashomon_clock_begin + {gettimeofday}]",
    "mov rcx, [rsp]",
    "mov rdi, [rsp + 8]",
    "add rsp, 24",
    "test eax, eax",
    "jnz 4f",
    "mov rdx, rcx",
    "sar rcx, 20",
    "and edx, 0xfffff",
    "add rcx, [rdi]",
    "add rdx, [rdi + 8]",
    "cmp rdx, 1000000",
    "jb 3f",
    "sub rdx, 1000000",
    "inc rcx",
    "3:",
    "mov [rdi], rcx",
    "mov [rdi + 8], rdx",
    "4:",
    "ret",
    "2:",
    "jmp [rip + rashomon_clock_begin + {gettimeofday}]",
    // time_t time(time_t *rdi); null or where to store it. Of whole seconds alone the shifted time could not be told,
    // so the coarse clock is asked, from which the original takes its seconds, too.
    ".balign 16",
    "rashomon_time:",
    "mov rax, [rip + rashomon_clock_begin + {shift}]",
    "test rax, rax",
    "jz 2f",
    "sub rsp, 40",
    "mov [rsp], rax",
    "mov [rsp + 8], rdi",
    "lea rsi, [rsp + 16]",
    "mov edi, 5",
    "call [rip + rashomon_clock_begin + {clock_gettime}]",
    "mov rcx, [rsp]",
    "mov rdx, rcx",
    "sar rcx, 20",
    "and edx, 0xfffff",
    "imul rdx, rdx, 1000",
    "add rcx, [rsp + 16]",
    "add rdx, [rsp + 24]",
    "cmp rdx, 1000000000",
    "jb 3f",
    "inc rcx",
    "3:",
    "mov rdi, [rsp + 8]",
    "add rsp, 40",
    "mov rax, rcx",
    "test rdi, rdi",
    "jz 4f",
    "mov [rdi], rax",
    "4:",
    "ret",
    "2:",
    "jmp [rip + rashomon_clock_begin + {time}]",
    "rashomon_clock_end:",
    ".popsection",
    shift = const SHIFT_AT,
    clock_gettime = const ORIGINALS_AT,
    gettimeofday = const ORIGINALS_AT + 8,
    time = const ORIGINALS_AT + 16,
);

#[cfg(test)]
mod tests {
    use std::ptr;

    use super::super::packed;
    use super::*;

    const PAGES: usize = 8192;
    /// What the original functions of these tests say: 1000 s and a half.
    const SECONDS: i64 = 1000;
    const NANOSECONDS: i64 = 500_000_000;

    extern "C" fn original_clock_gettime(clock: i32, time: *mut libc::timespec) -> i32 {
        if clock == 7 {
            return -22;
        }
        // SAFETY: the tests pass a place for the time.
        unsafe { *time = libc::timespec { tv_sec: SECONDS, tv_nsec: NANOSECONDS } };
        0
    }

    extern "C" fn original_gettimeofday(time: *mut libc::timeval, _zone: *mut u64) -> i32 {
        if !time.is_null() {
            // SAFETY: the tests pass a place for the time, or none.
            unsafe { *time = libc::timeval { tv_sec: SECONDS, tv_usec: NANOSECONDS / 1000 } };
        }
        0
    }

    extern "C" fn original_time(_time: *mut i64) -> i64 {
        SECONDS
    }

    /// The code in memory of its own, as a process of a node has it.
    struct Copied(*mut u8);

    impl Copied {
        fn new() -> Copied {
            let access = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
            let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
            // SAFETY: new memory at an address of the kernel's choice.
            let pages = unsafe { libc::mmap(ptr::null_mut(), PAGES, access, flags, -1, 0) };
            assert_ne!(pages, libc::MAP_FAILED);
            let copied = Copied(pages.cast());
            // SAFETY: the code is shorter than a page.
            unsafe { ptr::copy_nonoverlapping(bytes().as_ptr(), copied.0, bytes().len()) };
            copied.put(Function::ClockGettime.original_at(), original_clock_gettime as *const () as i64);
            copied.put(Function::Gettimeofday.original_at(), original_gettimeofday as *const () as i64);
            copied.put(Function::Time.original_at(), original_time as *const () as i64);
            copied
        }

        fn put(&self, at: u64, word: i64) {
            // SAFETY: all distances are below the size of the two pages, and aligned.
            unsafe { *self.0.add(at as usize).cast::<i64>() = word };
        }

        fn shift(&self, by_ms: i64) {
            self.put(SHIFT_AT, packed(by_ms));
        }

        fn clock_gettime(&self, clock: i32) -> Result<(i64, i64), i32> {
            // SAFETY: the function at this distance has this signature.
            let function: extern "C" fn(i32, *mut libc::timespec) -> i32 =
                unsafe { std::mem::transmute(self.0.add(Function::ClockGettime.entry() as usize)) };
            let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
            match function(clock, &raw mut time) {
                0 => Ok((time.tv_sec, time.tv_nsec)),
                error => Err(error),
            }
        }

        fn gettimeofday(&self) -> (i64, i64) {
            // SAFETY: the function at this distance has this signature.
            let function: extern "C" fn(*mut libc::timeval, *mut u64) -> i32 =
                unsafe { std::mem::transmute(self.0.add(Function::Gettimeofday.entry() as usize)) };
            let mut time = libc::timeval { tv_sec: 0, tv_usec: 0 };
            assert_eq!(function(&raw mut time, ptr::null_mut()), 0);
            assert_eq!(function(ptr::null_mut(), ptr::null_mut()), 0);
            (time.tv_sec, time.tv_usec)
        }

        fn time(&self) -> i64 {
            // SAFETY: the function at this distance has this signature.
            let function: extern "C" fn(*mut i64) -> i64 =
                unsafe { std::mem::transmute(self.0.add(Function::Time.entry() as usize)) };
            let mut stored = 0;
            let time = function(&raw mut stored);
            assert!(stored == time || stored == 0 && time == SECONDS, "{stored} is stored, {time} returned");
            assert_eq!(function(ptr::null_mut()), time);
            time
        }
    }

    impl Drop for Copied {
        fn drop(&mut self) {
            // SAFETY: unmaps what `new` has mapped.
            unsafe { libc::munmap(self.0.cast(), PAGES) };
        }
    }

    #[test]
    fn the_code_fits_before_the_addresses_that_it_reads() {
        assert!(!bytes().is_empty() && bytes().len() < ORIGINALS_AT as usize, "{} bytes", bytes().len());
    }

    #[test]
    fn wall_clocks_are_shifted_and_no_others() {
        let code = Copied::new();
        for (by_ms, seconds, ns) in [
            (0, 1000, 500_000_000),
            (1, 1000, 501_000_000),
            (499, 1000, 999_000_000),
            (500, 1001, 0),
            (-500, 1000, 0),
            (-501, 999, 999_000_000),
            (500_000, 1500, 500_000_000),
            (-500_250, 500, 250_000_000),
        ] {
            code.shift(by_ms);
            for wall_clock in [0, 5, 11] {
                assert_eq!(code.clock_gettime(wall_clock), Ok((seconds, ns)), "clock {wall_clock}, {by_ms} ms");
            }
            for other in [1, 2, 3, 4, 6, 8, 9, 12, 37, -6] {
                assert_eq!(code.clock_gettime(other), Ok((1000, 500_000_000)), "clock {other}, {by_ms} ms");
            }
            assert_eq!(code.gettimeofday(), (seconds, ns / 1000), "{by_ms} ms");
            assert_eq!(code.time(), seconds, "{by_ms} ms");
        }
        assert_eq!(code.clock_gettime(7), Err(-22));
    }
}
