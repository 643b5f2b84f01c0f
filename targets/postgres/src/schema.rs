//! The tables that clients work on.

use rashomon_harness::interface::{BANK_ACCOUNTS, BANK_BALANCE};

/// Makes all tables, with the accounts of the bank.
pub(crate) fn create() -> String {
    format!(
        "CREATE TABLE lists (k bigint PRIMARY KEY, v bigint[] NOT NULL); \
         CREATE TABLE registers (k bigint PRIMARY KEY, v bigint NOT NULL); \
         CREATE TABLE accounts (k bigint PRIMARY KEY, v bigint NOT NULL); \
         INSERT INTO accounts SELECT k, {BANK_BALANCE} FROM generate_series(0, {}) AS k;",
        BANK_ACCOUNTS - 1
    )
}

pub(crate) const READ_LIST: &str = "SELECT v FROM lists WHERE k = $1";
pub(crate) const APPEND: &str =
    "INSERT INTO lists AS l (k, v) VALUES ($1, ARRAY[$2::bigint]) ON CONFLICT (k) DO UPDATE SET v = l.v || $2::bigint";
pub(crate) const READ_REGISTER: &str = "SELECT v FROM registers WHERE k = $1";
pub(crate) const WRITE_REGISTER: &str =
    "INSERT INTO registers (k, v) VALUES ($1, $2) ON CONFLICT (k) DO UPDATE SET v = EXCLUDED.v";
pub(crate) const READ_ACCOUNT: &str = "SELECT v FROM accounts WHERE k = $1";
pub(crate) const READ_ACCOUNTS: &str = "SELECT k, v FROM accounts ORDER BY k";
pub(crate) const WRITE_ACCOUNT: &str = "UPDATE accounts SET v = $2 WHERE k = $1";
