//! Transactions as statements: what an operation of a history asks, read into steps that a server carries out.

use rashomon_harness::client::Operation;
use rashomon_harness::interface::{self, Interface};
use rashomon_history::Value;

use crate::schema;
use crate::session::{Error, Session};

/// What a client asks.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Transaction {
    /// Micro-operations, one after the other.
    Steps(Vec<Step>),
    /// Moves money.
    Transfer { from: i64, to: i64, amount: i64 },
    /// All balances.
    Balances,
}

/// A micro-operation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    ReadList(i64),
    Append(i64, i64),
    ReadRegister(i64),
    Write(i64, i64),
}

/// What came of a transaction that was not committed yet.
pub(crate) enum Done {
    /// To be committed; what it returns.
    Commit(Value),
    /// Not to be committed, and why.
    Refuse(&'static str),
}

impl Transaction {
    /// What an operation asks, or why no server can be asked that.
    pub(crate) fn of(interface: &Interface, operation: &Operation) -> Result<Transaction, String> {
        let unsupported = || format!("unsupported: {} cannot `{}` {}", interface.name, operation.f, operation.value);
        let numbers = |value: &Value| value.as_list()?.iter().map(Value::as_int).collect::<Option<Vec<i64>>>();
        match (interface.name, &*operation.f) {
            (name, "txn") if name == interface::LIST_APPEND.name || name == interface::RW_REGISTER.name => {
                let lists = name == interface::LIST_APPEND.name;
                let steps = operation.value.as_list().and_then(|all| all.iter().map(|one| step(one, lists)).collect());
                steps.map(Transaction::Steps).ok_or_else(unsupported)
            }
            (name, "read") if name == interface::BANK.name => Ok(Transaction::Balances),
            (name, "transfer") if name == interface::BANK.name => match numbers(&operation.value).as_deref() {
                Some(&[from, to, amount]) => Ok(Transaction::Transfer { from, to, amount }),
                _ => Err(unsupported()),
            },
            _ => Err(unsupported()),
        }
    }

    /// Whether it changes nothing.
    pub(crate) fn only_reads(&self) -> bool {
        match self {
            Transaction::Steps(steps) => {
                steps.iter().all(|step| matches!(step, Step::ReadList(_) | Step::ReadRegister(_)))
            }
            Transaction::Transfer { .. } => false,
            Transaction::Balances => true,
        }
    }

    /// Carries it out up to, and without, its commit.
    pub(crate) async fn run(&self, session: &mut Session) -> Result<Done, Error> {
        match self {
            Transaction::Steps(steps) => {
                let mut answers = Vec::with_capacity(steps.len());
                for step in steps {
                    answers.push(step.run(session).await?);
                }
                Ok(Done::Commit(Value::list(answers)))
            }
            Transaction::Balances => {
                let rows = session.query(schema::READ_ACCOUNTS, &[]).await?;
                let number = |row: &tokio_postgres::Row, column: usize| row.try_get(column).map(Value::Int);
                let mut balances = Vec::with_capacity(rows.len());
                for row in &rows {
                    balances.push((number(row, 0)?, number(row, 1)?));
                }
                Ok(Done::Commit(Value::Map(balances.into())))
            }
            &Transaction::Transfer { from, to, amount } => transfer(session, from, to, amount).await,
        }
    }
}

/// The client reads both balances and writes what they are to be, as an application does.
async fn transfer(session: &mut Session, from: i64, to: i64, amount: i64) -> Result<Done, Error> {
    let mut balances = [0; 2];
    for (account, balance) in [from, to].into_iter().zip(&mut balances) {
        let rows = session.query(schema::READ_ACCOUNT, &[&account]).await?;
        let Some(row) = rows.first() else { return Ok(Done::Refuse("account: there is none of this number")) };
        *balance = row.try_get(0)?;
    }
    if balances[0] < amount {
        return Ok(Done::Refuse("balance: the account holds less"));
    }
    session.execute(schema::WRITE_ACCOUNT, &[&from, &(balances[0] - amount)]).await?;
    session.execute(schema::WRITE_ACCOUNT, &[&to, &(balances[1] + amount)]).await?;
    Ok(Done::Commit(Value::list([from, to, amount].map(Value::Int))))
}

fn step(micro_operation: &Value, lists: bool) -> Option<Step> {
    let [Value::Text(f), key, value] = micro_operation.as_list()? else { return None };
    let key = key.as_int()?;
    match (&**f, lists) {
        ("r", true) => Some(Step::ReadList(key)),
        ("r", false) => Some(Step::ReadRegister(key)),
        ("append", true) => Some(Step::Append(key, value.as_int()?)),
        ("w", false) => Some(Step::Write(key, value.as_int()?)),
        _ => None,
    }
}

impl Step {
    /// Carries it out and returns it as a history has it.
    async fn run(&self, session: &mut Session) -> Result<Value, Error> {
        let answer = |f: &str, key, value| Value::list([Value::text(f), Value::Int(key), value]);
        Ok(match *self {
            Step::ReadList(key) => {
                let rows = session.query(schema::READ_LIST, &[&key]).await?;
                let elements: Vec<i64> = rows.first().map_or(Ok(Vec::new()), |row| row.try_get(0))?;
                answer("r", key, Value::list(elements.into_iter().map(Value::Int)))
            }
            Step::ReadRegister(key) => {
                let rows = session.query(schema::READ_REGISTER, &[&key]).await?;
                let value: Option<i64> = rows.first().map(|row| row.try_get(0)).transpose()?;
                answer("r", key, value.map_or(Value::Nil, Value::Int))
            }
            Step::Append(key, element) => {
                session.execute(schema::APPEND, &[&key, &element]).await?;
                answer("append", key, Value::Int(element))
            }
            Step::Write(key, value) => {
                session.execute(schema::WRITE_REGISTER, &[&key, &value]).await?;
                answer("w", key, Value::Int(value))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operation(f: &str, value: Value) -> Operation {
        Operation { f: f.into(), key: Value::Nil, value }
    }

    fn micro(f: &str, key: i64, value: Value) -> Value {
        Value::list([Value::text(f), Value::Int(key), value])
    }

    #[test]
    fn operations_are_read_by_their_interface() {
        let steps = Value::list([micro("r", 1, Value::Nil), micro("append", 2, Value::Int(7))]);
        let read = Transaction::of(&interface::LIST_APPEND, &operation("txn", steps.clone())).unwrap();
        assert_eq!(read, Transaction::Steps(vec![Step::ReadList(1), Step::Append(2, 7)]));
        assert!(!read.only_reads());
        assert!(Transaction::of(&interface::RW_REGISTER, &operation("txn", steps)).is_err(), "registers do not append");
        let reads = Value::list([micro("r", 1, Value::Nil)]);
        assert!(Transaction::of(&interface::RW_REGISTER, &operation("txn", reads)).unwrap().only_reads());
        let transfer = operation("transfer", Value::list([1, 2, 3].map(Value::Int)));
        assert_eq!(
            Transaction::of(&interface::BANK, &transfer),
            Ok(Transaction::Transfer { from: 1, to: 2, amount: 3 })
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let wrong = [
            operation("txn", Value::Nil),
            operation("txn", Value::list([Value::Int(1)])),
            operation("txn", Value::list([micro("append", 1, Value::Nil)])),
            operation("txn", Value::list([micro("incr", 1, Value::Int(1))])),
            operation("read", Value::Nil),
        ];
        for operation in wrong {
            let why = Transaction::of(&interface::LIST_APPEND, &operation).unwrap_err();
            assert!(why.starts_with("unsupported: "), "{why}");
        }
        assert!(Transaction::of(&interface::BANK, &operation("transfer", Value::list([Value::Int(1)]))).is_err());
    }
}
