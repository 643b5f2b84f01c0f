//! Command templates: `{node}` and the like in the words of a command line.

use std::collections::BTreeMap;

use super::error::{LabError, LabErrorKind, Result};
use crate::target::Node;

/// Replaces each `{name}` in `template` by its value. `{{` and `}}` stand for the braces themselves.
///
/// # Errors
///
/// For a name that is not in `values` and for a brace without its partner; the error lists the known names.
///
/// ```
/// # use std::collections::BTreeMap;
/// let values = BTreeMap::from([("id", "2".to_owned()), ("data", "/data/n2".to_owned())]);
/// let expanded = rashomon_harness::lab::expand_template("--id={id} --dir={data} {{}}", &values);
/// assert_eq!(expanded.unwrap(), "--id=2 --dir=/data/n2 {}");
/// ```
pub fn expand_template(template: &str, values: &BTreeMap<&str, String>) -> Result<String> {
    let mut expanded = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        expanded.push_str(&rest[..at]);
        let brace = &rest[at..];
        if brace.starts_with("{{") || brace.starts_with("}}") {
            expanded.push_str(&brace[..1]);
            rest = &brace[2..];
            continue;
        }
        let name = brace.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let Some((name, after)) = name else {
            return Err(wrong(
                template,
                "has a brace without its partner (write {{ or }} for the brace itself)",
                values,
            ));
        };
        match values.get(name) {
            Some(value) => expanded.push_str(value),
            None => return Err(wrong(template, &format!("has the unknown name {{{name}}}"), values)),
        }
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// The names that every command template may use: `{node}` (`n1`), `{id}` (`1`), `{ip}`, `{data}` (its data directory),
/// `{peers}` (the other nodes' addresses) and `{cluster}` (all addresses), both separated by commas.
pub fn template_values(node: &Node, cluster: &[Node]) -> BTreeMap<&'static str, String> {
    let addresses = |skip: Option<u16>| {
        let nodes = cluster.iter().filter(|other| Some(other.id) != skip);
        nodes.map(|other| other.ip.to_string()).collect::<Vec<_>>().join(",")
    };
    BTreeMap::from([
        ("node", node.name.clone()),
        ("id", node.id.to_string()),
        ("ip", node.ip.to_string()),
        ("data", node.data_dir.display().to_string()),
        ("peers", addresses(Some(node.id))),
        ("cluster", addresses(None)),
    ])
}

fn wrong(template: &str, problem: &str, values: &BTreeMap<&str, String>) -> LabError {
    let known: Vec<String> = values.keys().map(|name| format!("{{{name}}}")).collect();
    LabError::new(
        LabErrorKind::Usage,
        format!("the command template `{template}` {problem}"),
        format!("use one of {}", known.join(", ")),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expand(template: &str) -> std::result::Result<String, String> {
        let values = BTreeMap::from([("ip", "10.77.0.1".to_owned()), ("node", "n1".to_owned())]);
        expand_template(template, &values).map_err(|error| error.to_string())
    }

    #[test]
    fn names_are_replaced_and_doubled_braces_stay() {
        assert_eq!(expand("--listen={ip}:80"), Ok("--listen=10.77.0.1:80".into()));
        assert_eq!(expand("{node}{ip}"), Ok("n110.77.0.1".into()));
        assert_eq!(expand("{{node}}"), Ok("{node}".into()));
        assert_eq!(expand("plain"), Ok("plain".into()));
        assert_eq!(expand(""), Ok(String::new()));
    }

    #[test]
    fn a_node_is_described() {
        let node = |id: u16| Node {
            id,
            name: format!("n{id}"),
            ip: [10, 77, 0, id as u8].into(),
            data_dir: format!("/data/n{id}").into(),
        };
        let values = template_values(&node(2), &[node(1), node(2), node(3)]);
        let expanded = expand_template("{node} {id} {ip} {data} {peers} {cluster}", &values);
        let wanted = "n2 2 10.77.0.2 /data/n2 10.77.0.1,10.77.0.3 10.77.0.1,10.77.0.2,10.77.0.3";
        assert_eq!(expanded.as_deref(), Ok(wanted));
    }

    #[test]
    fn mistakes_are_named() {
        assert!(expand("{port}").expect_err("unknown").contains("{port}"));
        assert!(expand("{port}").expect_err("unknown").contains("{ip}, {node}"));
        for template in ["{", "}", "{ip", "ip}", "a{"] {
            assert!(expand(template).expect_err("malformed").contains("brace"), "{template}");
        }
    }
}
