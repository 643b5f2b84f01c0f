//! The workload `bank` against banks in memory.

use rashomon_checkers::Finding;

use super::*;
use crate::options;
use crate::played::{Object, assert_found, play};

/// A bank that may do something wrong with a transfer.
struct Balances {
    balances: Vec<i64>,
    transfer: fn(&mut [i64], usize, usize, i64),
}

impl Balances {
    fn new(transfer: fn(&mut [i64], usize, usize, i64)) -> Balances {
        Balances { balances: vec![interface::BANK_BALANCE; BANK_ACCOUNTS as usize], transfer }
    }
}

impl Object for Balances {
    fn answer(&mut self, _: u16, operation: &Operation) -> Completion {
        let Some([from, to, amount]) = operation.value.as_list() else {
            let entries = self.balances.iter().zip(0..);
            let entries = entries.map(|(&balance, account)| (Value::Int(account), Value::Int(balance)));
            return Completion::ok(Value::Map(entries.collect()));
        };
        let [from, to, amount] = [from, to, amount].map(|number| number.as_int().unwrap());
        if self.balances[from as usize] < amount {
            return Completion::fail(operation, "balance: too little");
        }
        (self.transfer)(&mut self.balances, from as usize, to as usize, amount);
        Completion::ok(operation.value.clone())
    }
}

fn move_money(balances: &mut [i64], from: usize, to: usize, amount: i64) {
    balances[from] -= amount;
    balances[to] += amount;
}

#[test]
fn a_right_bank_passes_and_one_that_loses_money_does_not() {
    let played = play(&Bank, &[], 3000, &mut Balances::new(move_money));
    for level in [Level::STRICT_SERIALIZABLE, Level::SNAPSHOT_ISOLATION, Level::PARALLEL_SNAPSHOT_ISOLATION] {
        assert_eq!(played.judged(&Bank, level)[0].finding, Finding::Valid);
    }
    assert!(played.ok("transfer").len() > 300);
    let loses = |balances: &mut [i64], from: usize, to: usize, amount: i64| {
        move_money(balances, from, to, amount);
        if amount == 5 && from == 3 {
            balances[to] -= 5;
        }
    };
    assert_found(&Bank, &[], &mut Balances::new(loses), &[Level::SERIALIZABLE], "wrong total");
}

#[test]
fn levels_that_allow_read_skew_are_refused() {
    let model = |level| Bank.model(&Requirements::new(level, BTreeMap::new()));
    assert_eq!(model(Level::SERIALIZABLE).as_deref(), Some("serializable bank"));
    assert!(model(Level::LINEARIZABLE).is_some(), "it is strict serializability of the whole bank");
    assert!(model(Level::READ_COMMITTED).is_none() && model(Level::EVENTUAL).is_none());
}

#[test]
fn transfers_go_from_one_account_to_another() {
    let mut generator = Bank.generator(&options::changed(&OPTIONS, &[("max-transfer", "3")])).unwrap();
    let transfers =
        (0..500).filter_map(|client| generator.next(client % 6)).filter(|operation| &*operation.f == "transfer");
    for operation in transfers {
        let [from, to, amount] = operation.value.as_list().unwrap() else { panic!("{operation:?}") };
        let [from, to, amount] = [from, to, amount].map(|number| number.as_int().unwrap());
        assert!(from != to && (0..BANK_ACCOUNTS).contains(&from) && (0..BANK_ACCOUNTS).contains(&to));
        assert!((1..=3).contains(&amount));
    }
}
