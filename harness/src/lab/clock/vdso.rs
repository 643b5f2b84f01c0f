//! Leads the vDSO of a freshly loaded program to the code that shifts its clock.

use std::ffi::c_long;
use std::io::IoSliceMut;
use std::mem::offset_of;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use object::LittleEndian;
use object::elf::{DT_STRTAB, DT_SYMTAB, Dyn64, FileHeader64, PT_DYNAMIC, Sym64};
use object::pod::{from_bytes, slice_from_bytes};
use object::read::elf::{FileHeader, ProgramHeader};

use super::PAGE;
use super::code::{self, Function, SHIFT_AT};

/// The instruction `syscall`; every vDSO has one.
const SYSCALL: [u8; 2] = [0x0f, 0x05];
/// Where the path of the shift's file is put for a moment, in the page of the code.
const PATH_AT: u64 = 2048;
const LONGEST_PATH: usize = 1024;
/// More than any vDSO has.
const LARGEST_VDSO: u64 = 1 << 20;

/// What can be done no more: the process has ended (if it is known how).
type Gone = Option<WaitStatus>;

/// A process that has loaded a program and executed nothing of it.
pub(super) struct Loaded {
    pid: Pid,
    registers: libc::user_regs_struct,
    /// A signal that has arrived meanwhile.
    signal: Option<Signal>,
}

/// A symbol of the vDSO that is led elsewhere.
struct Symbol {
    function: Function,
    /// Where its value is stored, and the value: both relative to the vDSO.
    value_at: u64,
    value: u64,
}

impl Loaded {
    /// Takes a process that reports its `execve`, and lets it come out of that system call.
    pub(super) fn new(pid: Pid) -> Result<Loaded, Gone> {
        ptrace::syscall(pid, None).map_err(|_| None)?;
        match waitpid(pid, None) {
            Ok(WaitStatus::PtraceSyscall(_)) => {}
            Ok(ended @ (WaitStatus::Exited(..) | WaitStatus::Signaled(..))) => return Err(Some(ended)),
            _ => return Err(None),
        }
        let registers = ptrace::getregs(pid).map_err(|_| None)?;
        Ok(Loaded { pid, registers, signal: None })
    }

    /// Leads its clock to the shift in this file; a signal that has arrived meanwhile.
    pub(super) fn lead_to(mut self, page: &Path) -> Result<Option<Signal>, Gone> {
        self.change_memory(page)?;
        ptrace::setregs(self.pid, self.registers).map_err(|_| None)?;
        Ok(self.signal)
    }

    /// A program without a vDSO, or with an unknown one, keeps the machine's clock.
    fn change_memory(&mut self, page: &Path) -> Result<(), Gone> {
        let Some((vdso_at, vdso)) = self.vdso() else { return Ok(()) };
        let path = page.as_os_str().as_bytes();
        let (Some(symbols), Some(syscall)) = (symbols(&vdso), vdso.windows(2).position(|two| two == SYSCALL)) else {
            return Ok(());
        };
        // All three lead to each other's originals.
        let originals = [Function::ClockGettime, Function::Gettimeofday, Function::Time]
            .map(|function| Some((function, symbols.iter().find(|symbol| symbol.function == function)?.value)));
        if originals.contains(&None) || path.len() >= LONGEST_PATH || self.follows_libfaketime() {
            return Ok(());
        }
        let syscall = vdso_at + syscall as u64;
        let access = (libc::PROT_READ | libc::PROT_EXEC) as u64;
        let anonymous = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS) as u64;
        let arguments = [0, 2 * PAGE as u64, access, anonymous, u64::MAX, 0];
        let Some(base) = self.call(syscall, libc::SYS_mmap, arguments)? else { return Ok(()) };
        self.write(base + PATH_AT, &[path, &[0]].concat())?;
        let flags = (libc::O_RDONLY | libc::O_CLOEXEC) as u64;
        let arguments = [libc::AT_FDCWD as u64, base + PATH_AT, flags, 0, 0, 0];
        let Some(file) = self.call(syscall, libc::SYS_openat, arguments)? else {
            self.call(syscall, libc::SYS_munmap, [base, 2 * PAGE as u64, 0, 0, 0, 0])?;
            return Ok(());
        };
        let shared = (libc::MAP_SHARED | libc::MAP_FIXED) as u64;
        let arguments = [base + SHIFT_AT, PAGE as u64, libc::PROT_READ as u64, shared, file, 0];
        let mapped = self.call(syscall, libc::SYS_mmap, arguments)?;
        self.call(syscall, libc::SYS_close, [file, 0, 0, 0, 0, 0])?;
        if mapped.is_none() {
            return Ok(());
        }
        self.write(base, code::bytes())?;
        for (function, value) in originals.into_iter().flatten() {
            self.write(base + function.original_at(), &(vdso_at + value).to_le_bytes())?;
        }
        for symbol in symbols {
            let value = (base + symbol.function.entry()).wrapping_sub(vdso_at);
            self.write(vdso_at + symbol.value_at, &value.to_le_bytes())?;
        }
        Ok(())
    }

    /// Where its vDSO begins, and what is in it.
    fn vdso(&self) -> Option<(u64, Vec<u8>)> {
        let maps = std::fs::read_to_string(format!("/proc/{}/maps", self.pid)).ok()?;
        let range = maps.lines().find(|line| line.ends_with("[vdso]"))?.split(' ').next()?;
        let (begin, end) = range.split_once('-')?;
        let (begin, end) = (u64::from_str_radix(begin, 16).ok()?, u64::from_str_radix(end, 16).ok()?);
        let length = end.checked_sub(begin).filter(|length| *length <= LARGEST_VDSO)? as usize;
        let mut bytes = vec![0; length];
        let from = RemoteIoVec { base: begin as usize, len: length };
        let read = process_vm_readv(self.pid, &mut [IoSliceMut::new(&mut bytes)], &[from]).ok()?;
        (read == length).then_some((begin, bytes))
    }

    /// Whether libfaketime will be loaded into it: two shifts would add up.
    fn follows_libfaketime(&self) -> bool {
        let environment = std::fs::read(format!("/proc/{}/environ", self.pid)).unwrap_or_default();
        environment.split(|&byte| byte == 0).any(|variable| variable.starts_with(b"FAKETIME_TIMESTAMP_FILE="))
    }

    /// Makes a system call in the process; what it returned, if it succeeded.
    fn call(&mut self, instruction: u64, number: c_long, arguments: [u64; 6]) -> Result<Option<u64>, Gone> {
        let [rdi, rsi, rdx, r10, r8, r9] = arguments;
        // No system call that was interrupted is to be restarted: the original one has returned.
        let registers = libc::user_regs_struct {
            rip: instruction,
            rax: number as u64,
            orig_rax: u64::MAX,
            rdi,
            rsi,
            rdx,
            r10,
            r8,
            r9,
            ..self.registers
        };
        ptrace::setregs(self.pid, registers).map_err(|_| None)?;
        loop {
            ptrace::step(self.pid, None).map_err(|_| None)?;
            match waitpid(self.pid, None) {
                Ok(WaitStatus::Stopped(_, Signal::SIGTRAP)) => break,
                // It comes before the instruction, which is executed at the next step.
                Ok(WaitStatus::Stopped(_, signal)) => self.signal = Some(signal),
                Ok(ended @ (WaitStatus::Exited(..) | WaitStatus::Signaled(..))) => return Err(Some(ended)),
                Ok(_) => {}
                Err(_) => return Err(None),
            }
        }
        let result = ptrace::getregs(self.pid).map_err(|_| None)?.rax as i64;
        Ok((!(-4095..0).contains(&result)).then_some(result as u64))
    }

    /// Writes to its memory, also where it may not write itself; in whole words, the last one filled up with zeros.
    fn write(&self, at: u64, bytes: &[u8]) -> Result<(), Gone> {
        for (place, chunk) in bytes.chunks(8).enumerate() {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            let address = (at + 8 * place as u64) as *mut std::ffi::c_void;
            ptrace::write(self.pid, address, c_long::from_le_bytes(word)).map_err(|_| None)?;
        }
        Ok(())
    }
}

/// The symbols of a vDSO that are to be led elsewhere; none for what is no vDSO of `x86_64`.
fn symbols(vdso: &[u8]) -> Option<Vec<Symbol>> {
    let little = LittleEndian;
    let header = FileHeader64::<LittleEndian>::parse(vdso).ok()?;
    let segments = header.program_headers(little, vdso).ok()?;
    let dynamic = segments.iter().find(|segment| segment.p_type(little) == PT_DYNAMIC)?.data(little, vdso).ok()?;
    let entries = slice_from_bytes::<Dyn64<LittleEndian>>(dynamic, dynamic.len() / size_of::<Dyn64<LittleEndian>>());
    let entries = entries.ok()?.0;
    // Addresses in a vDSO are offsets in its file.
    let table = |tag| entries.iter().find(|entry| entry.d_tag.get(little) == tag).map(|entry| entry.d_val.get(little));
    let (table_at, names_at) = (table(DT_SYMTAB)?, table(DT_STRTAB)? as usize);
    let mut found = Vec::new();
    // The names follow the table.
    for at in (table_at as usize..names_at).step_by(size_of::<Sym64<LittleEndian>>()) {
        let Some((symbol, _)) = vdso.get(at..).and_then(|rest| from_bytes::<Sym64<LittleEndian>>(rest).ok()) else {
            break;
        };
        let name = vdso.get(names_at + symbol.st_name.get(little) as usize..)?.split(|&byte| byte == 0).next()?;
        if let Some(function) = Function::named(name) {
            let value_at = at as u64 + offset_of!(Sym64<LittleEndian>, st_value) as u64;
            found.push(Symbol { function, value_at, value: symbol.st_value.get(little) });
        }
    }
    Some(found)
}
