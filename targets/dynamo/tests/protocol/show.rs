//! How scripts show messages, answers and states.

use rashomon_dynamo::{Ask, Cause, Cell, Context, Dot, Envelope, Key, Message, Object, Response, Value};

/// A value as scripts write it.
pub(crate) fn value(word: &str) -> Value {
    match word.parse() {
        Ok(number) => Value::Int(number),
        Err(_) if word == "nil" => Value::Null,
        Err(_) => Value::Text(word.into()),
    }
}

fn show_value(value: &Value) -> String {
    match value {
        Value::Null => "nil".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => text.to_string(),
    }
}

fn list(values: &[Value]) -> String {
    format!("[{}]", values.iter().map(show_value).collect::<Vec<_>>().join(" "))
}

fn show_key(key: &Key) -> String {
    format!("{:?}/{}", key.space, key.name).to_lowercase()
}

fn show_dot(dot: &Dot) -> String {
    format!("{}.{}:{}", dot.actor.node, dot.actor.birth, dot.number)
}

fn show_context(context: &Context) -> String {
    let entries = context.0.iter().map(|(actor, number)| format!("{}.{}:{number}", actor.node, actor.birth));
    format!("{{{}}}", entries.collect::<Vec<_>>().join(" "))
}

/// A state.
pub(crate) fn show_object(object: &Object) -> String {
    match object {
        Object::Register(register) => {
            let (version, value) = (register.version, register.value.as_ref().map_or("gone".to_owned(), show_value));
            format!("{value}@{}.{}", version.stamp, version.node)
        }
        Object::Dotted(dotted) => {
            let values = dotted.values.iter().map(|(dot, value)| format!("{}={}", show_dot(dot), show_value(value)));
            format!("[{}] seen {}", values.collect::<Vec<_>>().join(" "), show_context(&dotted.context))
        }
        Object::Counter(counter) => format!("{}", counter.total()),
        Object::Cells(cells) => {
            let show_cell = |(element, cell): (&Value, &Cell)| {
                format!("{}{}@{}", if cell.is_live { "+" } else { "-" }, show_value(element), cell.stamp)
            };
            format!("[{}]", cells.0.iter().map(show_cell).collect::<Vec<_>>().join(" "))
        }
    }
}

/// An answer.
pub(crate) fn show_response(response: &Response) -> String {
    match response {
        Response::Done => "done".to_owned(),
        Response::Value(value) => show_value(value),
        Response::Siblings(values, context) => format!("{} {}", list(values), show_context(context)),
        Response::Elements(elements) => list(elements),
        Response::Total(total) => total.to_string(),
    }
}

/// A message; `None` for talk about the ring, which never ends.
pub(crate) fn show(envelope: &Envelope) -> Option<String> {
    let what = match &envelope.message {
        Message::Forward { key, ask, .. } => {
            let asked = if *ask == Ask::Read { "read" } else { "update" };
            format!("Forward {asked} {}", show_key(key))
        }
        Message::Forwarded { result, .. } => match result {
            Ok(response) => format!("Forwarded {}", show_response(response)),
            Err(failure) => format!("Forwarded {failure:?}"),
        },
        Message::Read { key, .. } => format!("Read {}", show_key(key)),
        Message::Found { object, .. } => {
            format!("Found {}", object.as_ref().map_or("nothing".to_owned(), show_object))
        }
        Message::Write { key, object, cause, hint_for, .. } => {
            let hint = hint_for.map_or(String::new(), |replica| format!(" hint_for={replica}"));
            let verb = if *cause == Cause::Repair { "Repair" } else { "Write" };
            format!("{verb} {} {}{hint}", show_key(key), show_object(object))
        }
        Message::Written { .. } => "Written".to_owned(),
        Message::Fenced { .. } => "Fenced".to_owned(),
        Message::Roots { roots } => format!("Roots of {} partitions", roots.len()),
        Message::Inner { partition, hashes } => format!("Inner p{partition} {} hashes", hashes.len()),
        Message::Leaves { partition, leaves } => {
            format!("Leaves p{partition} {}..={}", leaves[0].0, leaves[leaves.len() - 1].0)
        }
        Message::Keys { partition, leaves, keys } => {
            let keys: Vec<String> = keys.iter().map(|(key, _)| show_key(key)).collect();
            format!("Keys p{partition} leaves={leaves:?} {keys:?}")
        }
        Message::Want { keys } => format!("Want {:?}", keys.iter().map(show_key).collect::<Vec<_>>()),
        Message::RingIs { .. } | Message::RingAck { .. } | Message::Change { .. } => return None,
        Message::Fetch { partition, .. } => format!("Fetch p{partition}"),
        Message::Chunk { partition, objects, end, .. } => {
            format!("Chunk p{partition} keys={} end={end}", objects.len())
        }
        Message::CollectAsk { phase, keys, .. } => {
            format!("MayGo? phase={phase} {:?}", keys.iter().map(|(key, _)| show_key(key)).collect::<Vec<_>>())
        }
        Message::CollectAnswer { phase, refused, .. } => {
            format!("MayGo phase={phase} but {:?}", refused.iter().map(show_key).collect::<Vec<_>>())
        }
        Message::Collect { keys, .. } => {
            format!("Forget {:?}", keys.iter().map(|(key, _)| show_key(key)).collect::<Vec<_>>())
        }
    };
    Some(format!("  {}→{} {what}", envelope.from, envelope.to))
}
