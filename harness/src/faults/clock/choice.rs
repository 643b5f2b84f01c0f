//! Which way suits a program, by what it links to.
//!
//! The vDSO suits every program, but one: a program that waits until a time of the wall clock hands that time to the
//! kernel, which has the machine's clock. libfaketime wraps those waits, where it can be preloaded.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use object::elf::{FileHeader64, PT_INTERP};
use object::endian::Endianness;
use object::read::elf::{ElfFile, FileHeader, ProgramHeader};
use object::{Object, ObjectSymbol};

use crate::lab::NODE_PATH;
use crate::target::NodeCommand;

/// Functions of the C library that wait until a time of the wall clock, unless they are told otherwise.
const WAITS: [&str; 6] = [
    "cnd_timedwait",
    "mq_timedreceive",
    "mtx_timedlock",
    "pthread_cond_timedwait",
    "pthread_mutex_timedlock",
    "sem_timedwait",
];
/// Functions that tell them otherwise, or are used in their place by programs that wait by a steady clock.
const STEADY: [&str; 3] = ["pthread_cond_clockwait", "pthread_condattr_setclock", "sem_clockwait"];
/// Larger files are no programs that anybody waits for.
const LARGEST: u64 = 2 << 30;

/// A way to set the clock of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Its vDSO is led to code that adds the node's shift.
    Vdso,
    /// libfaketime is preloaded.
    Libfaketime,
}

impl fmt::Display for Way {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Way::Vdso => "vdso",
            Way::Libfaketime => "libfaketime",
        })
    }
}

/// A way, and why it was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// The way.
    pub way: Way,
    /// Why, in words.
    pub why: String,
}

impl Chosen {
    pub(super) fn new(way: Way, why: impl Into<String>) -> Chosen {
        Chosen { way, why: why.into() }
    }
}

/// The way that suits a program where both are possible.
pub(super) fn fitting(command: &NodeCommand) -> Chosen {
    let Some(program) = found(&command.program) else {
        return Chosen::new(Way::Vdso, "it reaches every program");
    };
    let readable = fs::metadata(&program).is_ok_and(|about| about.len() <= LARGEST);
    match readable.then(|| fs::read(&program)) {
        Some(Ok(bytes)) => fitting_bytes(&bytes),
        _ => Chosen::new(Way::Vdso, "it reaches every program"),
    }
}

fn fitting_bytes(bytes: &[u8]) -> Chosen {
    let Ok(file) = ElfFile::<FileHeader64<Endianness>>::parse(bytes) else {
        return Chosen::new(Way::Vdso, "a script: it reaches every program");
    };
    if !is_dynamic(bytes) {
        return Chosen::new(Way::Vdso, "statically linked: nothing can be preloaded");
    }
    let imports = |names: &[&'static str]| {
        let mut symbols = file.dynamic_symbols().filter(|symbol| symbol.is_undefined());
        symbols.find_map(|symbol| names.iter().copied().find(|name| symbol.name() == Ok(*name)))
    };
    if has_jemalloc(bytes) {
        return Chosen::new(Way::Vdso, "jemalloc: libfaketime would kill it");
    }
    match (imports(&WAITS), imports(&STEADY)) {
        (Some(waits), None) => Chosen::new(Way::Libfaketime, format!("{waits}: it waits by the wall clock")),
        _ => Chosen::new(Way::Vdso, "it does not wait by the wall clock"),
    }
}

fn is_dynamic(bytes: &[u8]) -> bool {
    let dynamic = || -> object::Result<bool> {
        let header = FileHeader64::<Endianness>::parse(bytes)?;
        let endian = header.endian()?;
        Ok(header.program_headers(endian, bytes)?.iter().any(|segment| segment.p_type(endian) == PT_INTERP))
    };
    dynamic().unwrap_or(false)
}

/// jemalloc asks for the time before libfaketime has set itself up, and libfaketime allocates while it does.
fn has_jemalloc(bytes: &[u8]) -> bool {
    // What begins its messages, or the name of its library. Not in one piece, for a harness may be a node, too.
    let marks = [["<jemall", "oc>: "].concat(), ["libjemall", "oc.so"].concat()];
    marks.iter().any(|mark| memchr::memmem::find(bytes, mark.as_bytes()).is_some())
}

/// The program's file, as a node finds it.
fn found(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return program.is_file().then(|| program.to_owned());
    }
    NODE_PATH.split(':').map(|folder| Path::new(folder).join(program)).find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(program: &str) -> Option<Chosen> {
        if !Path::new(program).is_file() {
            println!("skipped: {program} is not installed");
            return None;
        }
        Some(fitting(&NodeCommand::new(program)))
    }

    #[test]
    fn programs_that_libfaketime_does_not_suit_have_their_clock_through_the_vdso() {
        for program in ["/usr/bin/redis-server", "/usr/bin/etcd", "/bin/sh", "/no/such/program"] {
            assert!(chosen(program).is_none_or(|chosen| chosen.way == Way::Vdso), "{program}");
        }
        let script = tempfile::NamedTempFile::new().unwrap();
        fs::write(script.path(), "#!/bin/sh\n").unwrap();
        assert_eq!(fitting(&NodeCommand::new(script.path())).why, "a script: it reaches every program");
        assert_eq!(fitting(&NodeCommand::new("no-such-program")).way, Way::Vdso);
    }

    #[test]
    fn a_program_that_waits_by_the_wall_clock_gets_libfaketime() {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("waits.c");
        let waits = "#include <semaphore.h>\n#include <time.h>\n\
                     int main(void) { sem_t s; struct timespec t = {0}; sem_init(&s, 0, 0); return sem_timedwait(&s, &t); }\n";
        fs::write(&source, waits).unwrap();
        let compiled = |flags: &[&str]| {
            let program = folder.path().join("waits");
            let compiler = std::process::Command::new("cc").args(flags).arg("-o").arg(&program).arg(&source).status();
            compiler.is_ok_and(|status| status.success()).then(|| fitting(&NodeCommand::new(program)))
        };
        match compiled(&[]) {
            Some(chosen) => {
                assert_eq!(chosen, Chosen::new(Way::Libfaketime, "sem_timedwait: it waits by the wall clock"))
            }
            None => println!("skipped: no C compiler"),
        }
        if let Some(chosen) = compiled(&["-static"]) {
            assert_eq!(chosen.why, "statically linked: nothing can be preloaded");
        }
    }
}
