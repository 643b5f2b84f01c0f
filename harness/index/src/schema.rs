//! The schema and the queries, in words that SQLite and PostgreSQL both understand: types, upserts and numbered
//! parameters (in order of their first occurrence) are common to both.

/// Made when it is not there.
pub(crate) const SCHEMA: [&str; 6] = [
    "CREATE TABLE IF NOT EXISTS campaign (
       campaign TEXT PRIMARY KEY, name TEXT NOT NULL, started TEXT NOT NULL, day TEXT NOT NULL, part TEXT NOT NULL,
       verdict TEXT NOT NULL, finished BIGINT NOT NULL, summary TEXT NOT NULL)",
    "CREATE TABLE IF NOT EXISTS run (
       campaign TEXT NOT NULL, id TEXT NOT NULL, name TEXT NOT NULL, campaign_started TEXT NOT NULL,
       role TEXT NOT NULL, cell TEXT NOT NULL, target TEXT NOT NULL, seed BIGINT NOT NULL, verdict TEXT NOT NULL,
       anomaly TEXT NOT NULL, signature TEXT NOT NULL, started TEXT NOT NULL, folder TEXT NOT NULL,
       PRIMARY KEY (campaign, id))",
    "CREATE INDEX IF NOT EXISTS campaign_by_name ON campaign (name, started)",
    "CREATE INDEX IF NOT EXISTS run_by_name ON run (name, campaign_started, role, verdict)",
    "CREATE INDEX IF NOT EXISTS run_by_signature ON run (signature, started)",
    "CREATE INDEX IF NOT EXISTS run_by_start ON run (started)",
];

pub(crate) const PUT_RUN: &str = "INSERT INTO run (campaign, id, name, campaign_started, role, cell, target, seed, verdict, anomaly, signature, started, folder)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
  ON CONFLICT (campaign, id) DO UPDATE SET role = excluded.role, cell = excluded.cell, target = excluded.target,
    seed = excluded.seed, verdict = excluded.verdict, anomaly = excluded.anomaly, signature = excluded.signature,
    started = excluded.started, folder = excluded.folder";

pub(crate) const PUT_SUMMARY: &str =
    "INSERT INTO campaign (campaign, name, started, day, part, verdict, finished, summary)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
  ON CONFLICT (campaign) DO UPDATE SET verdict = excluded.verdict, finished = excluded.finished,
    summary = excluded.summary";

pub(crate) const EARLIER: &str =
    "SELECT summary FROM campaign WHERE name = $1 AND started < $2 AND part = '1/1' AND finished = 1
  ORDER BY started DESC LIMIT $3";

pub(crate) const NIGHTS: &str = "SELECT campaign_started, verdict, COUNT(*) FROM run
  WHERE name = $1 AND role IN ('main', 'corpus')
    AND campaign_started IN (SELECT DISTINCT campaign_started FROM run WHERE name = $1 ORDER BY campaign_started DESC LIMIT $2)
  GROUP BY campaign_started, verdict ORDER BY campaign_started DESC";

pub(crate) const SIGNATURES: &str = "SELECT signature, MIN(target), MIN(anomaly), MIN(started), MAX(started), COUNT(*), COUNT(DISTINCT campaign_started)
  FROM run WHERE name = $1 AND signature <> '' AND role IN ('main', 'corpus')
  GROUP BY signature ORDER BY MAX(started) DESC LIMIT $2";

pub(crate) const RUNS: &str = "SELECT campaign, id, role, cell, seed, verdict, signature, started, folder FROM run
  WHERE ($1 = '' OR name = $1) AND ($2 = '' OR cell = $2) AND ($3 = '' OR verdict = $3) AND ($4 = '' OR signature = $4)
  ORDER BY started DESC, campaign, id LIMIT $5";

pub(crate) const COUNT: &str = "SELECT COUNT(*) FROM run";

pub(crate) const CLEAR: [&str; 2] = ["DELETE FROM run", "DELETE FROM campaign"];
