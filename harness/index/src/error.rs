//! Why an index does not answer.

use thiserror::Error;

/// Why an index does not answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum IndexError {
    /// SQLite says no.
    #[error("the index in SQLite: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL says no, or is not there.
    #[error("the index in PostgreSQL: {}", in_full(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// There is no runtime for the connection.
    #[error("the index in PostgreSQL: {0}")]
    Runtime(std::io::Error),
    /// It holds what this version does not understand.
    #[error("the index holds what cannot be read: {0}")]
    Content(String),
}

impl IndexError {
    /// What to do about it.
    pub fn remedy(&self) -> String {
        match self {
            IndexError::Sqlite(_) => {
                "remove the file, and rebuild it with `campaign index`: it holds nothing that the campaigns do not have"
            }
            IndexError::Postgres(_) | IndexError::Runtime(_) => {
                "check the address, as --store postgres://USER@HOST:PORT/DATABASE; runs are kept in files meanwhile, \
                 and `campaign index` adds them"
            }
            IndexError::Content(_) => "rebuild it with `campaign index`",
        }
        .to_owned()
    }
}

/// The error with its cause, which has the reason.
fn in_full(error: &tokio_postgres::Error) -> String {
    let cause = std::error::Error::source(error).map_or_else(String::new, |cause| format!(": {cause}"));
    format!("{error}{cause}")
}
