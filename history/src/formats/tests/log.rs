//! Log lines in the forms that Jepsen has had over the years.

use super::*;

/// Process, kind, function, value, error and time of each event.
fn events(text: &str) -> Vec<(u32, EventKind, String, Value, Option<String>)> {
    let (events, _) = read(text.as_bytes()).expect("it is a log");
    let parts = |event: Event| {
        let error = event.error.map(|error| error.to_string());
        (event.process, event.kind, event.f.to_string(), event.value, error)
    };
    events.into_iter().map(parts).collect()
}

#[test]
fn lines_with_a_time_in_brackets_are_read() {
    let text = "2022-07-28 07:53:02,800{GMT}\tINFO\t[jepsen worker 2] jepsen.util: [ 1340999542 ] 2\t:invoke\t:write\t4\n\
        2022-07-28 07:53:02,859{GMT}\tINFO\t[jepsen worker 2] jepsen.util: [ 1350999542 ] 2\t:ok\t:write\t4\n";
    let write = |kind| (2, kind, "write".to_owned(), Value::Int(4), None);
    assert_eq!(events(text), [write(EventKind::Invoke), write(EventKind::Ok)]);
    let (read, _) = read(text.as_bytes()).expect("it is a log");
    assert_eq!(read.iter().map(|event| event.time).collect::<Vec<_>>(), [1_340_999_542, 1_350_999_542]);
}

#[test]
fn lines_of_the_console_are_read() {
    let text = "INFO [2023-10-08 18:08:39,970] jepsen worker nemesis - jepsen.util :nemesis\t:info\t:pause\t:majority\n\
        INFO [2023-10-08 18:08:40,001] jepsen worker 0 - jepsen.util 0\t:invoke\t:write\t3\n\
        INFO [2023-10-08 18:08:40,011] jepsen worker 0 - jepsen.util 0\t:ok\t:write\t3\n";
    let write = |kind| (0, kind, "write".to_owned(), Value::Int(3), None);
    assert_eq!(events(text), [write(EventKind::Invoke), write(EventKind::Ok)]);
}

#[test]
fn errors_that_are_plain_text_are_read() {
    let text = "0\t:invoke\t:write\t3\n0\t:info\t:write\t3\tindeterminate: Read timed out (5 s)\n\
        1\t:invoke\t:cas\t[1 2]\n1\t:fail\t:cas\t[1 2]\t[:not-found {:status 404}] and more\n\
        2\t:invoke\t:write\t4\n2\t:fail\t:write\t4\t\"an unclosed quote\n";
    let errors: Vec<Option<String>> = events(text).into_iter().map(|(.., error)| error).collect();
    assert_eq!(errors[1].as_deref(), Some("indeterminate: Read timed out (5 s)"));
    assert_eq!(errors[3].as_deref(), Some("[:not-found {:status 404}] and more"));
    assert_eq!(errors[5].as_deref(), Some("\"an unclosed quote"));
    let ok = "0\t:invoke\t:read\tnil\n0\t:ok\t:read\t3 and more\n";
    assert!(message(ok).contains("the end of the line"), "what was read must be certain");
}

#[test]
fn other_lines_are_counted_and_a_log_without_operations_is_refused() {
    let other = "INFO  jepsen.core - Running test\nINFO  jepsen.utility - 0 :invoke :read nil\n";
    let operations = "INFO  jepsen.util - 0 :invoke :read nil\nINFO  jepsen.util - 0 :ok :read 1\n";
    let (events, summary) = read(format!("{other}{operations}").as_bytes()).expect("it is a log");
    assert_eq!((events.len(), summary.skipped), (2, 2));
    let options = ReadOptions { format: Some(Format::Log), ..ReadOptions::default() };
    let refused = read_events(other.as_bytes(), options, &mut |_| Ok(())).expect_err("nothing in it is an operation");
    assert!(refused.to_string().starts_with("none of the 2 lines of this log is an operation"), "{refused}");
}
