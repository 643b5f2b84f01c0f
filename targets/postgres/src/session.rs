//! One connection to one server, without any hidden retry.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, NoTls, Row, Statement};

use crate::settings::Isolation;
use crate::sqlstate;

/// What went wrong with a statement or a connection.
#[derive(Debug)]
pub(crate) struct Error {
    /// The SQLSTATE, where a server answered.
    pub(crate) state: Option<String>,
    /// A short class, a colon and the detail.
    pub(crate) text: String,
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Error {
        match error.as_db_error() {
            Some(answer) => {
                let state = answer.code().code().to_owned();
                Error { text: sqlstate::in_words(&state, answer.message()), state: Some(state) }
            }
            None => {
                let cause = std::error::Error::source(&error).map_or(String::new(), |cause| format!(": {cause}"));
                Error { state: None, text: format!("connection: {error}{cause}") }
            }
        }
    }
}

/// A connection. It is closed when this is dropped; the server then rolls back what was not committed.
pub(crate) struct Session {
    client: Client,
    driver: JoinHandle<()>,
    /// The number of the node it is connected to; 0 where there are no nodes.
    pub(crate) node: u16,
    /// The server only follows.
    pub(crate) on_standby: bool,
    prepared: BTreeMap<&'static str, Statement>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Session {
    /// Connects within `within`, and asks the server whether it is a standby.
    pub(crate) async fn open(config: &Config, node: u16, within: Duration) -> Result<Session, Error> {
        let connect = async {
            let (client, connection) = config.connect(NoTls).await?;
            let driver = tokio::spawn(async move {
                // Its error reaches the statement that it belongs to.
                let _ = connection.await;
            });
            let mut session = Session { client, driver, node, on_standby: false, prepared: BTreeMap::new() };
            let rows = session.query("SELECT pg_is_in_recovery()", &[]).await?;
            session.on_standby = rows.first().map_or(Ok(false), |row| row.try_get(0))?;
            Ok(session)
        };
        let late = || Error { state: None, text: "connect: no answer in time".to_owned() };
        tokio::time::timeout(within, connect).await.unwrap_or_else(|_| Err(late()))
    }

    /// Begins a transaction.
    pub(crate) async fn begin(&self, isolation: Isolation) -> Result<(), Error> {
        let isolation = if self.on_standby { isolation.on_standby() } else { isolation };
        Ok(self.client.batch_execute(&format!("BEGIN ISOLATION LEVEL {}", isolation.sql())).await?)
    }

    /// Commits it.
    pub(crate) async fn commit(&self) -> Result<(), Error> {
        Ok(self.client.batch_execute("COMMIT").await?)
    }

    /// Rolls it back. False when the session is of no more use.
    pub(crate) async fn roll_back(&self, within: Duration) -> bool {
        let rolled_back = tokio::time::timeout(within, self.client.batch_execute("ROLLBACK")).await;
        matches!(rolled_back, Ok(Ok(())))
    }

    /// Whether the connection is closed.
    pub(crate) fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// The rows that a statement returns.
    pub(crate) async fn query(
        &mut self,
        sql: &'static str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        let statement = self.statement(sql).await?;
        Ok(self.client.query(&statement, parameters).await?)
    }

    /// Carries out a statement that returns no rows.
    pub(crate) async fn execute(&mut self, sql: &'static str, parameters: &[&(dyn ToSql + Sync)]) -> Result<(), Error> {
        let statement = self.statement(sql).await?;
        self.client.execute(&statement, parameters).await?;
        Ok(())
    }

    /// A statement, which the server reads once in a session.
    async fn statement(&mut self, sql: &'static str) -> Result<Statement, Error> {
        if let Some(known) = self.prepared.get(sql) {
            return Ok(known.clone());
        }
        let statement = self.client.prepare(sql).await?;
        self.prepared.insert(sql, statement.clone());
        Ok(statement)
    }
}
