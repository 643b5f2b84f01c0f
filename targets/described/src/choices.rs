//! What the user chose, and what every name in a template stands for.

use std::collections::BTreeMap;

use rashomon_harness::target::{ClusterContext, Node, TargetConfig};

use crate::file::{Description, ListEntry, Members, SettingEntry, Where};
use crate::template::{Text, Values};
use crate::wrong::Wrong;

/// The names that every template may use: name and meaning.
pub(crate) const NAMES: [(&str, &str); 12] = [
    ("node", "the node's name: n1"),
    ("id", "its number, from 1"),
    ("ip", "its address"),
    ("data", "its data directory"),
    ("peers", "the other nodes' addresses, with commas between"),
    ("cluster", "all nodes' addresses, with commas between"),
    ("first", "the address of n1"),
    ("count", "how many nodes there are"),
    ("majority", "how many nodes are more than half of them"),
    ("dir", "the folder of the file"),
    ("mutant", "the known bug that is switched on, or nothing"),
    ("seed", "the run's seed"),
];

/// The settings in force: what the user chose, else what the known bug sets, else the default.
pub(crate) fn settings(description: &Description, config: &TargetConfig) -> BTreeMap<String, String> {
    let mutant = config.mutant.as_ref().and_then(|name| description.mutants.get(name));
    let of_mutant = mutant.iter().flat_map(|mutant| &mutant.settings);
    let defaults = description.settings.iter().map(|(name, setting)| (name.as_str(), setting.default.clone()));
    let changed = of_mutant.map(|(name, value)| (name.as_str(), value.clone()));
    let chosen = config.settings.iter().map(|(name, value)| (name.as_str(), value.clone()));
    defaults.chain(changed).chain(chosen).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// That every setting has a value that it may have.
pub(crate) fn check_settings(description: &Description, config: &TargetConfig) -> Result<(), Wrong> {
    let in_force = settings(description, config);
    for (name, SettingEntry { values, .. }) in &description.settings {
        let value = &in_force[name.as_str()];
        if !values.is_empty() && !values.contains(value) {
            let what = format!("the setting {}={value} is none of its values", name.as_str());
            let remedy = format!("--set {}= one of: {}", name.as_str(), values.join(", "));
            return Err(Wrong::new(name.at(), what, remedy));
        }
    }
    Ok(())
}

/// What every name stands for in the templates of a node.
pub(crate) fn values(
    description: &Description,
    folder: &str,
    cluster: &ClusterContext,
    node: &Node,
) -> Result<Values, Wrong> {
    let mut values = without_lists(description, folder, cluster, node);
    for (name, ListEntry { each, separator, of }) in &description.lists {
        let members = cluster.nodes.iter().filter(|member| *of == Members::All || member.id != node.id);
        let entries = members.map(|member| each.expand(&without_lists(description, folder, cluster, member)));
        let entries: Vec<String> = entries.collect::<Result<_, _>>()?;
        values.insert(name.as_str().to_owned(), entries.join(separator));
    }
    Ok(values)
}

fn without_lists(description: &Description, folder: &str, cluster: &ClusterContext, node: &Node) -> Values {
    let addresses = |skip: Option<u16>| {
        let others = cluster.nodes.iter().filter(|other| Some(other.id) != skip);
        others.map(|other| other.ip.to_string()).collect::<Vec<_>>().join(",")
    };
    let count = cluster.nodes.len();
    let known = [
        node.name.clone(),
        node.id.to_string(),
        node.ip.to_string(),
        node.data_dir.display().to_string(),
        addresses(Some(node.id)),
        addresses(None),
        cluster.nodes.first().map_or_else(String::new, |first| first.ip.to_string()),
        count.to_string(),
        (count / 2 + 1).to_string(),
        folder.to_owned(),
        cluster.config.mutant.clone().unwrap_or_default(),
        cluster.config.seed.to_string(),
    ];
    let known = NAMES.iter().zip(known).map(|((name, _), value)| ((*name).to_owned(), value));
    settings(description, &cluster.config).into_iter().chain(known).collect()
}

/// That settings and lists have names of their own, and that conditions and bugs name settings that exist.
pub(crate) fn check_names(description: &Description) -> Result<(), Wrong> {
    for name in description.settings.keys().chain(description.lists.keys()) {
        let taken = NAMES.iter().any(|(known, _)| *known == name.as_str());
        if taken || (description.settings.contains_key(name) && description.lists.contains_key(name)) {
            let what = format!("`{{{}}}` stands for something else already", name.as_str());
            return Err(Wrong::new(name.at(), what, "choose another name"));
        }
    }
    let of_mutants = description.mutants.values().map(|mutant| &mutant.settings);
    let of_promises = description.weaker.iter().map(|weaker| &weaker.when);
    for named in of_mutants.chain(of_promises) {
        settings_exist(description, named)?;
    }
    Ok(())
}

fn settings_exist(description: &Description, named: &BTreeMap<Text, String>) -> Result<(), Wrong> {
    let known = || description.settings.keys().map(Text::as_str);
    match named.keys().find(|name| !known().any(|known| known == name.as_str())) {
        None => Ok(()),
        Some(name) => Err(Wrong::unknown(name.at(), "setting", name.as_str(), known())),
    }
}

/// Whether settings have these values.
pub(crate) fn hold(in_force: &BTreeMap<String, String>, when: &BTreeMap<Text, String>) -> bool {
    when.iter().all(|(name, value)| in_force.get(name.as_str()) == Some(value))
}

/// Whether a part of the file applies to a node.
pub(crate) fn applies(
    description: &Description,
    cluster: &ClusterContext,
    node: &Node,
    place: &Where<'_>,
) -> Result<bool, Wrong> {
    let mut holds = true;
    if let Some(when) = place.when {
        settings_exist(description, when)?;
        holds = hold(&settings(description, &cluster.config), when);
    }
    let here = (place.only.is_empty() || place.only.contains(&node.id)) && !place.not.contains(&node.id);
    Ok(here && holds)
}
