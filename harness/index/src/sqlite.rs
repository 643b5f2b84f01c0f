//! The index in a file, by SQLite.

use std::path::Path;
use std::time::Duration;

use rashomon_campaign::{End, Header, RunRecord, Summary};
use rusqlite::{Connection, Row, Transaction, TransactionBehavior, params};

use crate::rows::{Columns, campaign_key};
use crate::{Filter, Index, IndexError, IndexedRun, NightCounts, SignatureHistory, schema};

/// How long a writer waits for others.
const PATIENCE: Duration = Duration::from_secs(60);

/// The index in a file.
pub struct Sqlite {
    connection: Connection,
}

impl Sqlite {
    /// Opens the file, which is made when it is not there.
    ///
    /// # Errors
    ///
    /// When it cannot be opened, or is no index.
    pub fn open(path: &Path) -> Result<Sqlite, IndexError> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(PATIENCE)?;
        // Readers do not wait for writers. Some file systems cannot; they are slower and as safe.
        let _: Result<String, _> = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0));
        // A power cut may take the last writes with it, never the file: the campaigns have them.
        connection.execute_batch("PRAGMA synchronous = NORMAL")?;
        let mut index = Sqlite { connection };
        index.write(|transaction| schema::SCHEMA.iter().try_for_each(|text| transaction.execute_batch(text)))?;
        Ok(index)
    }

    /// Everything or nothing, and alone: a transaction that begins as a writer waits for other writers, while one that
    /// becomes a writer on the way may fail.
    fn write(&mut self, change: impl Fn(&Transaction<'_>) -> rusqlite::Result<()>) -> Result<(), IndexError> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        change(&transaction)?;
        Ok(transaction.commit()?)
    }

    fn rows<T>(
        &self,
        query: &str,
        values: &[&dyn rusqlite::ToSql],
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, IndexError> {
        let mut statement = self.connection.prepare_cached(query)?;
        let rows = statement.query_map(values, row)?;
        Ok(rows.collect::<rusqlite::Result<Vec<T>>>()?)
    }
}

impl Index for Sqlite {
    fn put_runs(&mut self, campaign: &Header, runs: &[RunRecord]) -> Result<(), IndexError> {
        let key = campaign_key(campaign);
        self.write(|transaction| {
            let mut statement = transaction.prepare_cached(schema::PUT_RUN)?;
            for run in runs {
                let Columns { target, anomaly, signature, folder, role } = Columns::of(run);
                statement.execute(params![
                    key,
                    run.id,
                    campaign.name,
                    campaign.started,
                    role,
                    run.cell,
                    target,
                    run.seed.cast_signed(),
                    run.verdict.as_str(),
                    anomaly,
                    signature,
                    run.started,
                    folder
                ])?;
            }
            Ok(())
        })
    }

    fn put_summary(&mut self, summary: &Summary) -> Result<(), IndexError> {
        let header = &summary.campaign;
        let text = serde_json::to_string(summary).map_err(|error| IndexError::Content(error.to_string()))?;
        self.write(|transaction| {
            let values = params![
                campaign_key(header),
                header.name,
                header.started,
                header.date.as_str(),
                header.shard.to_string(),
                summary.verdict.as_str(),
                i64::from(summary.end != End::Unfinished),
                text
            ];
            transaction.execute(schema::PUT_SUMMARY, values).map(drop)
        })
    }

    fn earlier(&mut self, name: &str, before: &str, limit: u32) -> Result<Vec<Summary>, IndexError> {
        let texts: Vec<String> = self.rows(schema::EARLIER, &[&name, &before, &i64::from(limit)], |row| row.get(0))?;
        crate::rows::summaries(texts)
    }

    fn nights(&mut self, name: &str, limit: u32) -> Result<Vec<NightCounts>, IndexError> {
        let row = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        Ok(crate::rows::nights(self.rows(schema::NIGHTS, &[&name, &i64::from(limit)], row)?))
    }

    fn signatures(&mut self, name: &str, limit: u32) -> Result<Vec<SignatureHistory>, IndexError> {
        self.rows(schema::SIGNATURES, &[&name, &i64::from(limit)], |row| {
            Ok(SignatureHistory {
                signature: row.get(0)?,
                target: row.get(1)?,
                anomaly: row.get(2)?,
                first: row.get(3)?,
                last: row.get(4)?,
                runs: row.get::<_, i64>(5)?.cast_unsigned(),
                campaigns: row.get::<_, i64>(6)?.cast_unsigned(),
            })
        })
    }

    fn runs(&mut self, filter: &Filter, limit: u32) -> Result<Vec<IndexedRun>, IndexError> {
        let or_any = |wanted: &Option<String>| wanted.clone().unwrap_or_default();
        let values = [&filter.name, &filter.cell, &filter.verdict, &filter.signature].map(or_any);
        let [name, cell, verdict, signature] = &values;
        self.rows(schema::RUNS, &[name, cell, verdict, signature, &i64::from(limit)], |row| {
            Ok(IndexedRun {
                campaign: row.get(0)?,
                id: row.get(1)?,
                role: row.get(2)?,
                cell: row.get(3)?,
                seed: row.get::<_, i64>(4)?.cast_unsigned(),
                verdict: row.get(5)?,
                signature: row.get(6)?,
                started: row.get(7)?,
                folder: row.get(8)?,
            })
        })
    }

    fn count(&mut self) -> Result<u64, IndexError> {
        let count: i64 = self.connection.query_row(schema::COUNT, [], |row| row.get(0))?;
        Ok(count.cast_unsigned())
    }

    fn clear(&mut self) -> Result<(), IndexError> {
        self.write(|transaction| schema::CLEAR.iter().try_for_each(|text| transaction.execute_batch(text)))
    }
}
