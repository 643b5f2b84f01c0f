//! The index in PostgreSQL, for several machines. The connection is not encrypted: use it within a private network, or
//! through a tunnel.

use rashomon_campaign::{End, Header, RunRecord, Summary};
use tokio::runtime::Runtime;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Row};

use crate::rows::{Columns, campaign_key};
use crate::{Filter, Index, IndexError, IndexedRun, NightCounts, SignatureHistory, schema};

/// One number for all who make the tables: two that make one table at once would disturb each other. It is given back
/// with the end of the transaction.
const SCHEMA_LOCK: &str = "SELECT pg_advisory_xact_lock(7274516836427)";

/// A value of a statement.
type Value = Box<dyn ToSql + Sync + Send>;
/// A statement with its values.
type Statement = (&'static str, Vec<Value>);

/// The index in a server.
pub struct Postgres {
    runtime: Runtime,
    address: String,
    client: Client,
}

impl Postgres {
    /// Connects to a server: `postgres://USER@HOST:PORT/DATABASE`.
    ///
    /// # Errors
    ///
    /// When there is no connection, or the tables cannot be made.
    pub fn connect(address: &str) -> Result<Postgres, IndexError> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        let runtime = runtime.map_err(IndexError::Runtime)?;
        let client = connected(&runtime, address)?;
        let mut index = Postgres { runtime, address: address.to_owned(), client };
        let tables = schema::SCHEMA.into_iter().map(|text| (text, Vec::new()));
        index.write(std::iter::once((SCHEMA_LOCK, Vec::new())).chain(tables).collect())?;
        Ok(index)
    }

    /// Executes statements, everything or nothing.
    fn write(&mut self, statements: Vec<Statement>) -> Result<(), IndexError> {
        self.connect_again_if_closed()?;
        let client = &mut self.client;
        self.runtime.block_on(async {
            let transaction = client.transaction().await?;
            for (text, values) in &statements {
                let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| &**value as _).collect();
                transaction.execute(*text, &values).await?;
            }
            transaction.commit().await
        })?;
        Ok(())
    }

    fn rows(&mut self, query: &str, values: &[&(dyn ToSql + Sync)]) -> Result<Vec<Row>, IndexError> {
        self.connect_again_if_closed()?;
        Ok(self.runtime.block_on(self.client.query(query, values))?)
    }

    /// A night is long, and servers are restarted.
    fn connect_again_if_closed(&mut self) -> Result<(), IndexError> {
        if self.client.is_closed() {
            self.client = connected(&self.runtime, &self.address)?;
        }
        Ok(())
    }
}

fn connected(runtime: &Runtime, address: &str) -> Result<Client, IndexError> {
    let (client, connection) = runtime.block_on(tokio_postgres::connect(address, NoTls))?;
    // It ends with the client; what goes wrong is what the client's next call returns.
    runtime.spawn(async move {
        let _ = connection.await;
    });
    Ok(client)
}

fn value(value: impl ToSql + Sync + Send + 'static) -> Value {
    Box::new(value)
}

fn count(row: &Row, column: usize) -> u64 {
    row.get::<_, i64>(column).cast_unsigned()
}

impl Index for Postgres {
    fn put_runs(&mut self, campaign: &Header, runs: &[RunRecord]) -> Result<(), IndexError> {
        let key = campaign_key(campaign);
        let statement = |run: &RunRecord| {
            let Columns { target, anomaly, signature, folder, role } = Columns::of(run);
            let values = vec![
                value(key.clone()),
                value(run.id.clone()),
                value(campaign.name.clone()),
                value(campaign.started.clone()),
                value(role),
                value(run.cell.clone()),
                value(target),
                value(run.seed.cast_signed()),
                value(run.verdict.as_str()),
                value(anomaly),
                value(signature),
                value(run.started.clone()),
                value(folder),
            ];
            (schema::PUT_RUN, values)
        };
        self.write(runs.iter().map(statement).collect())
    }

    fn put_summary(&mut self, summary: &Summary) -> Result<(), IndexError> {
        let header = &summary.campaign;
        let text = serde_json::to_string(summary).map_err(|error| IndexError::Content(error.to_string()))?;
        let values = vec![
            value(campaign_key(header)),
            value(header.name.clone()),
            value(header.started.clone()),
            value(header.date.as_str().to_owned()),
            value(header.shard.to_string()),
            value(summary.verdict.as_str()),
            value(i64::from(summary.end != End::Unfinished)),
            value(text),
        ];
        self.write(vec![(schema::PUT_SUMMARY, values)])
    }

    fn earlier(&mut self, name: &str, before: &str, limit: u32) -> Result<Vec<Summary>, IndexError> {
        let rows = self.rows(schema::EARLIER, &[&name, &before, &i64::from(limit)])?;
        crate::rows::summaries(rows.iter().map(|row| row.get(0)).collect())
    }

    fn nights(&mut self, name: &str, limit: u32) -> Result<Vec<NightCounts>, IndexError> {
        let rows = self.rows(schema::NIGHTS, &[&name, &i64::from(limit)])?;
        Ok(crate::rows::nights(rows.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect()))
    }

    fn signatures(&mut self, name: &str, limit: u32) -> Result<Vec<SignatureHistory>, IndexError> {
        let rows = self.rows(schema::SIGNATURES, &[&name, &i64::from(limit)])?;
        let history = |row: &Row| SignatureHistory {
            signature: row.get(0),
            target: row.get(1),
            anomaly: row.get(2),
            first: row.get(3),
            last: row.get(4),
            runs: count(row, 5),
            campaigns: count(row, 6),
        };
        Ok(rows.iter().map(history).collect())
    }

    fn runs(&mut self, filter: &Filter, limit: u32) -> Result<Vec<IndexedRun>, IndexError> {
        let or_any = |wanted: &Option<String>| wanted.clone().unwrap_or_default();
        let [name, cell, verdict, signature] =
            [&filter.name, &filter.cell, &filter.verdict, &filter.signature].map(or_any);
        let rows = self.rows(schema::RUNS, &[&name, &cell, &verdict, &signature, &i64::from(limit)])?;
        let run = |row: &Row| IndexedRun {
            campaign: row.get(0),
            id: row.get(1),
            role: row.get(2),
            cell: row.get(3),
            seed: count(row, 4),
            verdict: row.get(5),
            signature: row.get(6),
            started: row.get(7),
            folder: row.get(8),
        };
        Ok(rows.iter().map(run).collect())
    }

    fn count(&mut self) -> Result<u64, IndexError> {
        Ok(self.rows(schema::COUNT, &[])?.first().map_or(0, |row| count(row, 0)))
    }

    fn clear(&mut self) -> Result<(), IndexError> {
        self.write(schema::CLEAR.into_iter().map(|text| (text, Vec::new())).collect())
    }
}
