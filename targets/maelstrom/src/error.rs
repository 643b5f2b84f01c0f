//! The codes of error replies: `{"type": "error", "code": 22, "text": "…"}`.

/// A code with a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(pub u64);

impl Code {
    /// No answer in time; it may have happened.
    pub const TIMEOUT: Code = Code(0);
    /// There is no such node.
    pub const NODE_NOT_FOUND: Code = Code(1);
    /// The node does not do that.
    pub const NOT_SUPPORTED: Code = Code(10);
    /// Not now.
    pub const TEMPORARILY_UNAVAILABLE: Code = Code(11);
    /// The request makes no sense.
    pub const MALFORMED_REQUEST: Code = Code(12);
    /// Something went wrong; it may have happened.
    pub const CRASH: Code = Code(13);
    /// It did not happen, and never will.
    pub const ABORT: Code = Code(14);
    /// There is no such key.
    pub const KEY_DOES_NOT_EXIST: Code = Code(20);
    /// There is such a key already.
    pub const KEY_ALREADY_EXISTS: Code = Code(21);
    /// The condition does not hold: another value than the one to be replaced.
    pub const PRECONDITION_FAILED: Code = Code(22);
    /// The transaction conflicts with another.
    pub const TXN_CONFLICT: Code = Code(30);

    /// The word for it; empty for codes of a program's own.
    pub fn name(self) -> &'static str {
        match self.0 {
            0 => "timeout",
            1 => "node-not-found",
            10 => "not-supported",
            11 => "temporarily-unavailable",
            12 => "malformed-request",
            13 => "crash",
            14 => "abort",
            20 => "key-does-not-exist",
            21 => "key-already-exists",
            22 => "precondition-failed",
            30 => "txn-conflict",
            _ => "",
        }
    }
}

/// Whether an error with this code says that the request certainly did not happen. Codes that are not defined say
/// nothing.
pub fn is_definite(code: Code) -> bool {
    !code.name().is_empty() && code != Code::TIMEOUT && code != Code::CRASH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_defined_codes_other_than_timeout_and_crash_are_definite() {
        let definite: Vec<u64> = (0..2000).filter(|&code| is_definite(Code(code))).collect();
        assert_eq!(definite, [1, 10, 11, 12, 14, 20, 21, 22, 30]);
    }
}
