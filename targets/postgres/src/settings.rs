//! The settings of the target, and what PostgreSQL promises under them.
//!
//! PostgreSQL's documentation ("Transaction Isolation") promises:
//!
//! | setting | promise |
//! |---|---|
//! | `isolation=serializable` | serializable (serializable snapshot isolation; Ports and Grittner, VLDB 2012) |
//! | `isolation=repeatable-read` | snapshot isolation: it is weaker than the repeatable read of Adya, write skew happens |
//! | `isolation=read-committed` | read committed |
//! | `reads=standby` | transactions that only read run on a standby: parallel snapshot isolation at the most, since commits become visible on the primary in another order than on the standby |

use std::time::Duration;

use rashomon_harness::consistency::Level;
use rashomon_harness::target::{Setting, TargetConfig, TargetError};

/// A setting: name, default, meaning.
const SETTINGS: &[(&str, &str, &str)] = &[
    (ISOLATION, "serializable", "of transactions: `serializable`, `repeatable-read` or `read-committed`"),
    (
        SYNCHRONOUS_COMMIT,
        "local",
        "when a commit is acknowledged: `off` (before it is on disk), `local`; or when a standby has it: `remote_write`, \
         `on`, `remote_apply`",
    ),
    (READS, "primary", "where transactions run that only read: `primary`, or `standby`: at the client's own node"),
    (FAILOVER, "none", "`promote`: of two nodes the standby takes over when the primary is gone"),
    (FAILOVER_AFTER, "1000", "how long the primary must be gone, ms"),
    (STATEMENT_TIMEOUT, "400", "how long a statement may take, ms"),
    (LOCK_TIMEOUT, "200", "how long a statement may wait for a lock, ms"),
    (BIN, "", "the folder with the programs `postgres`, `initdb`, …; the newest version that is installed if empty"),
];

const ISOLATION: &str = "isolation";
const SYNCHRONOUS_COMMIT: &str = "synchronous-commit";
const READS: &str = "reads";
const FAILOVER: &str = "failover";
const FAILOVER_AFTER: &str = "failover-after-ms";
const STATEMENT_TIMEOUT: &str = "statement-timeout-ms";
const LOCK_TIMEOUT: &str = "lock-timeout-ms";
const BIN: &str = "bin";

/// How transactions are isolated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Isolation {
    Serializable,
    RepeatableRead,
    ReadCommitted,
}

impl Isolation {
    /// As SQL says it.
    pub(crate) fn sql(self) -> &'static str {
        match self {
            Isolation::Serializable => "SERIALIZABLE",
            Isolation::RepeatableRead => "REPEATABLE READ",
            Isolation::ReadCommitted => "READ COMMITTED",
        }
    }

    /// The strongest that a standby offers in its place: there is no serializable there.
    pub(crate) fn on_standby(self) -> Isolation {
        match self {
            Isolation::Serializable => Isolation::RepeatableRead,
            other => other,
        }
    }
}

/// What a user chose, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) isolation: Isolation,
    /// As PostgreSQL writes it.
    pub(crate) synchronous_commit: String,
    pub(crate) reads_on_standby: bool,
    pub(crate) failover: bool,
    pub(crate) failover_after: Duration,
    pub(crate) statement_timeout: Duration,
    pub(crate) lock_timeout: Duration,
    /// The folder of programs; empty for any.
    pub(crate) bin: String,
}

/// The settings as the harness lists them.
pub(crate) fn listed() -> Vec<Setting> {
    SETTINGS.iter().map(|&(name, default, meaning)| Setting::new(name, default, meaning)).collect()
}

impl Settings {
    /// What a user chose, or which setting is wrong.
    pub(crate) fn of(config: &TargetConfig) -> Result<Settings, TargetError> {
        let isolation = match one_of(config, ISOLATION, &["serializable", "repeatable-read", "read-committed"])? {
            "serializable" => Isolation::Serializable,
            "repeatable-read" => Isolation::RepeatableRead,
            _ => Isolation::ReadCommitted,
        };
        let commits = ["off", "local", "remote_write", "on", "remote_apply"];
        Ok(Settings {
            isolation,
            synchronous_commit: one_of(config, SYNCHRONOUS_COMMIT, &commits)?.to_owned(),
            reads_on_standby: one_of(config, READS, &["primary", "standby"])? == "standby",
            failover: one_of(config, FAILOVER, &["none", "promote"])? == "promote",
            failover_after: milliseconds(config, FAILOVER_AFTER)?,
            statement_timeout: milliseconds(config, STATEMENT_TIMEOUT)?,
            lock_timeout: milliseconds(config, LOCK_TIMEOUT)?,
            bin: chosen(config, BIN).to_owned(),
        })
    }

    /// Whether commits wait for a standby.
    pub(crate) fn is_synchronous(&self) -> bool {
        !matches!(&*self.synchronous_commit, "off" | "local")
    }

    /// What PostgreSQL promises of transactions.
    pub(crate) fn promise(&self) -> Level {
        match self.isolation {
            Isolation::ReadCommitted => Level::READ_COMMITTED,
            _ if self.reads_on_standby => Level::PARALLEL_SNAPSHOT_ISOLATION,
            Isolation::RepeatableRead => Level::SNAPSHOT_ISOLATION,
            Isolation::Serializable => Level::SERIALIZABLE,
        }
    }
}

fn chosen<'a>(config: &'a TargetConfig, name: &str) -> &'a str {
    let default = SETTINGS.iter().find(|(known, ..)| *known == name).map_or("", |&(_, default, _)| default);
    config.settings.get(name).map_or(default, String::as_str)
}

fn one_of<'a>(config: &'a TargetConfig, name: &str, words: &[&str]) -> Result<&'a str, TargetError> {
    let text = chosen(config, name);
    if words.contains(&text) {
        return Ok(text);
    }
    Err(TargetError {
        what: format!("the setting {name}={text} is none of {}", words.join(", ")),
        remedy: format!("give for example --set {name}={}", words[0]),
    })
}

fn milliseconds(config: &TargetConfig, name: &str) -> Result<Duration, TargetError> {
    let text = chosen(config, name);
    let number = text.parse().ok().filter(|number| (1..=3_600_000).contains(number));
    number.map(Duration::from_millis).ok_or_else(|| TargetError {
        what: format!("the setting {name}={text} is not a whole number of milliseconds from 1 to 3600000"),
        remedy: format!("give for example --set {name}=500"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(crate) fn config(settings: &[(&str, &str)]) -> TargetConfig {
        let settings = settings.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        TargetConfig { settings, ..TargetConfig::default() }
    }

    #[test]
    fn each_setting_has_a_default_that_it_accepts() {
        let settings = Settings::of(&TargetConfig::default()).unwrap();
        assert_eq!((settings.isolation, settings.is_synchronous()), (Isolation::Serializable, false));
    }

    #[test]
    fn promises_are_those_of_the_documentation() {
        let promise = |settings: &[(&str, &str)]| Settings::of(&config(settings)).unwrap().promise();
        assert_eq!(promise(&[]), Level::SERIALIZABLE);
        assert_eq!(promise(&[("isolation", "repeatable-read")]), Level::SNAPSHOT_ISOLATION);
        assert_eq!(promise(&[("isolation", "read-committed"), ("reads", "standby")]), Level::READ_COMMITTED);
        assert_eq!(promise(&[("reads", "standby")]), Level::PARALLEL_SNAPSHOT_ISOLATION);
    }

    #[test]
    fn a_wrong_value_is_named_with_the_right_ones() {
        let wrong = |name, value| Settings::of(&config(&[(name, value)])).unwrap_err().what;
        assert!(wrong("isolation", "snapshot").contains("repeatable-read"));
        assert!(wrong("lock-timeout-ms", "0").contains("milliseconds"));
        assert!(wrong("synchronous-commit", "yes").contains("remote_apply"));
    }
}
