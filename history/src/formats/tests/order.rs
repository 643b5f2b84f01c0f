//! What readers say of order, of processes and of pairs: what is refused, and what is a warning.

use super::*;

fn refused(text: &str) -> String {
    read(text.as_bytes()).expect_err("it is out of order")
}

fn warnings(text: &str) -> Vec<String> {
    read(text.as_bytes()).expect("it is right").1.warnings
}

#[test]
fn events_out_of_the_order_of_index_and_time_are_refused() {
    let edn = "{:type :invoke, :f :write, :value 1, :process 0, :time 10, :index 2}\n\
        {:type :ok, :f :write, :value 1, :process 0, :time 20, :index 3}\n\
        {:type :invoke, :f :read, :value nil, :process 1, :time 1, :index 0}\n";
    let message = refused(edn);
    assert!(message.starts_with("line 3: ") || message.starts_with("line 3, "), "{message}");
    assert!(message.contains("index 0 follows index 3") && message.ends_with("sort them by their index"), "{message}");
    let json = r#"{"process":0,"type":"invoke","f":"read","value":null,"time":10,"index":2}
{"process":1,"type":"invoke","f":"read","value":null,"time":1,"index":0}"#;
    assert!(refused(json).ends_with("sort them by their index"));
}

#[test]
fn an_index_alone_decides_where_there_are_no_times() {
    let event = |process, index| format!("{{:type :invoke, :f :read, :process {process}, :index {index}}}\n");
    assert!(refused(&[event(0, 7), event(1, 6)].concat()).contains("index 6 follows index 7"));
    let timed = |process, index| event(process, index).replace("}", &format!(", :time {}}}", 10 * process));
    assert!(warnings(&[timed(0, 7), timed(1, 6)].concat())[0].contains("but a later time"));
}

#[test]
fn times_that_jitter_in_the_order_of_the_index_are_a_warning() {
    let edn = "{:type :invoke, :f :read, :value nil, :process 0, :time 10, :index 0}\n\
        {:type :invoke, :f :read, :value nil, :process 1, :time 9, :index 1}\n";
    assert!(warnings(edn)[0].contains("before an earlier event's (by up to 1 ns)"));
}

#[test]
fn equal_times_of_an_end_and_a_beginning_are_a_warning() {
    let event = |process: u32, kind: &str, time: u64| {
        format!(r#"{{"process":{process},"type":"{kind}","f":"read","value":null,"time":{time}}}"#) + "\n"
    };
    let tie = [event(0, "invoke", 1), event(0, "ok", 5), event(1, "invoke", 5), event(1, "ok", 6)].concat();
    assert_eq!(warnings(&tie).len(), 1);
    assert!(warnings(&tie)[0].starts_with("1 time(s) an invocation and a completion have the same time"));
    let concurrent = [event(0, "invoke", 5), event(1, "invoke", 5), event(0, "ok", 6), event(1, "ok", 6)].concat();
    assert_eq!(warnings(&concurrent), [""; 0]);
}

#[test]
fn a_process_that_continues_after_info_is_a_warning() {
    let edn = "[{:process 1, :type :invoke, :f :cas, :value [2 0]}
        {:process 1, :type :info, :f :cas, :value [2 0]}
        {:process 1, :type :invoke, :f :read, :value nil}]";
    let found = warnings(edn);
    assert!(found.len() == 1 && found[0].starts_with("1 time(s) a process continued after"), "{found:?}");
    let replaced = edn.replace("{:process 1, :type :invoke, :f :read", "{:process 2, :type :invoke, :f :read");
    assert_eq!(warnings(&replaced), [""; 0]);
}

#[test]
fn pairs_that_were_not_taken_apart_are_noticed() {
    let looks = |text: &str, independent| {
        let options = ReadOptions { independent, ..ReadOptions::default() };
        read_events(text.as_bytes(), options, &mut |_| Ok(())).expect("it is right").looks_independent
    };
    let write =
        "{:type :invoke, :f :write, :value [5 1], :process 0}\n{:type :ok, :f :write, :value [5 1], :process 0}\n";
    let read = "{:type :invoke, :f :read, :value [6 nil], :process 1}\n";
    assert!(looks(&format!("{write}{read}"), false));
    assert!(!looks(&format!("{write}{read}"), true));
    let plain = "{:type :invoke, :f :read, :value nil, :process 1}\n";
    assert!(!looks(&format!("{write}{plain}"), false), "a register of pairs");
    assert!(!looks(write, false), "nothing was read");
}
