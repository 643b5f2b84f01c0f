//! The policy for formats: what is written is read again, older folders are read, newer ones are refused by name.

use std::fs;

use rashomon_runs::{Evidence, FaultRecord, Manifest, ReadError, RunFolder, VerdictRecord, files};
use rashomon_spec::consistency::Level;
use serde_json::{Value, json};

mod fixtures;

/// A copy of a fixture whose manifest was changed.
fn changed(change: impl FnOnce(&mut Value)) -> (tempfile::TempDir, Result<Manifest, ReadError>) {
    let folder = tempfile::tempdir().unwrap();
    fixtures::copy("pass", folder.path());
    let run = RunFolder::at(folder.path());
    let mut manifest: Value = serde_json::from_slice(&fs::read(run.file(files::MANIFEST)).unwrap()).unwrap();
    change(&mut manifest);
    fs::write(run.file(files::MANIFEST), manifest.to_string()).unwrap();
    let read = run.manifest();
    (folder, read)
}

fn without(value: &mut Value, name: &str) {
    value.as_object_mut().unwrap().remove(name).unwrap_or_else(|| panic!("there is no {name}"));
}

#[test]
fn what_an_earlier_version_wrote_says_the_same_when_it_is_written_again() {
    for name in ["pass", "violation", "format-2"] {
        let folder = tempfile::tempdir().unwrap();
        let (old, new) = (RunFolder::at(fixtures::path(name)), RunFolder::at(folder.path()));
        let manifest = old.manifest().unwrap();
        new.write_manifest(&manifest).unwrap();
        new.write_verdict(&old.verdict().unwrap().unwrap()).unwrap();
        let mut log = new.create_fault_log().unwrap();
        for fault in old.faults().unwrap().records {
            log.write(fault).unwrap();
        }
        assert_eq!(new.manifest().unwrap().plan(), manifest.plan());
        for file in [files::MANIFEST, files::VERDICT] {
            let json =
                |run: &RunFolder| -> Value { serde_json::from_slice(&fs::read(run.file(file)).unwrap()).unwrap() };
            let (mut then, now) = (json(&old), json(&new));
            if file == files::MANIFEST && then["format"] == 1 {
                upgrade(&mut then, &now);
            }
            lost(&then, &now, file, &mut |what| panic!("{name}: {what}"));
        }
        assert_eq!(old.digest().unwrap(), new.digest().unwrap());
        let lines = |run: &RunFolder| run.faults().unwrap().records.len();
        assert_eq!(lines(&old), lines(&new));
        assert!(lines(&new) > 0);
    }
}

/// Does to a manifest of format 1 what later formats changed. That the plan is the same was compared above.
fn upgrade(then: &mut Value, now: &Value) {
    assert_eq!((&then["format"], &now["format"]), (&json!(1), &json!(Manifest::FORMAT)));
    then["format"] = now["format"].clone();
    then["schedule"] = now["schedule"].clone();
    for kind in then["spec"]["faults"].as_array_mut().unwrap() {
        if *kind == "kill" || *kind == "pause" {
            *kind = json!(format!("{}-some", kind.as_str().unwrap()));
        }
    }
    let evidence = then["evidence"].as_object_mut().unwrap();
    let unconfirmed = evidence.remove("faults_indeterminate").unwrap();
    evidence.insert("faults_unconfirmed".to_owned(), unconfirmed);
}

/// Reports what of `then` is not in `now`. Members that came later may be there besides.
fn lost(then: &Value, now: &Value, place: &str, report: &mut dyn FnMut(String)) {
    match (then, now) {
        (Value::Object(then), Value::Object(now)) => {
            for (name, member) in then {
                lost(member, now.get(name).unwrap_or(&Value::Null), &format!("{place}.{name}"), report);
            }
        }
        (Value::Array(then), Value::Array(now)) if then.len() == now.len() => {
            then.iter().zip(now).for_each(|(then, now)| lost(then, now, place, report));
        }
        // An optional list that is empty may be left out.
        (Value::Array(then), Value::Null) if then.is_empty() => {}
        (then, now) if then == now => {}
        (then, now) => report(format!("{place} was {then} and is {now}")),
    }
}

#[test]
fn what_is_lost_is_noticed() {
    let mut found = Vec::new();
    let then = json!({"a": 1, "b": {"c": [1, 2], "d": []}, "e": null});
    lost(&then, &json!({"a": 1, "b": {"c": [1, 2], "new": 0}}), "x", &mut |what| found.push(what));
    assert!(found.is_empty(), "{found:?}");
    lost(&then, &json!({"a": 2, "b": {"c": [1]}}), "x", &mut |what| found.push(what));
    assert_eq!(found, ["x.a was 1 and is 2", "x.b.c was [1,2] and is [1]"]);
}

#[test]
fn the_first_manifests_lack_what_came_later() {
    let (_folder, read) = changed(|manifest| {
        for name in ["consistency", "convergence_ms"] {
            without(&mut manifest["spec"], name);
        }
        without(&mut manifest["target"], "consistency");
        for name in ["load_ok", "closing_unanswered", "quiet_since_ns", "convergence"] {
            without(&mut manifest["evidence"], name);
        }
    });
    let manifest = read.unwrap();
    assert_eq!((manifest.spec.consistency, manifest.spec.convergence_ms), (Level::LINEARIZABLE, 0));
    let evidence = manifest.evidence.unwrap();
    assert_eq!((evidence.quiet_since_ns, evidence.load_ok.is_none()), (None, true));
    let acknowledged: u64 = evidence.acknowledged_under_load().iter().map(|(_, ok)| ok).sum();
    assert_eq!(acknowledged, evidence.outcomes()[0], "without counts of the load, all operations count");
}

#[test]
fn a_newer_format_is_refused_with_the_version_that_wrote_it() {
    let (_folder, read) = changed(|manifest| {
        *manifest = json!({"format": 99, "version": "3.1.4", "everything": "else differs"});
    });
    let error = read.unwrap_err();
    let told = error.to_string();
    assert!(matches!(error, ReadError::Newer { format: 99, .. }), "{told}");
    assert!(told.contains("manifest.json has format 99, written by rashomon 3.1.4; this is rashomon "), "{told}");
    assert_eq!(error.remedy(), "use rashomon 3.1.4 or a later version");
    let (_folder, read) = changed(|manifest| without(manifest, "format"));
    assert!(matches!(read, Err(ReadError::Damaged { .. })), "every format has its number");
}

#[test]
fn unknown_fields_are_ignored_where_a_record_describes_and_refused_in_the_plan() {
    let (_folder, read) = changed(|manifest| {
        manifest["mood"] = json!("good");
        manifest["evidence"]["mood"] = json!("good");
        manifest["host"]["mood"] = json!("good");
    });
    read.unwrap();
    for part in ["spec", "schedule"] {
        let (folder, read) = changed(|manifest| manifest[part]["mood"] = json!("good"));
        let error = read.unwrap_err();
        assert!(matches!(error, ReadError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains("unknown field `mood`"), "{error}");
        assert!(error.to_string().contains(&folder.path().display().to_string()), "{error}");
    }
    let fault = |extra: &str| {
        let line = fs::read_to_string(fixtures::path("pass").join(files::FAULTS)).unwrap();
        serde_json::from_str::<FaultRecord>(&line.lines().next().unwrap().replacen('{', extra, 1))
    };
    assert!(fault("{\"mood\":\"good\",").is_ok());
    assert!(
        serde_json::from_value::<VerdictRecord>(
            json!({"verdict": "pass", "reasons": [], "judgements": [], "mood": "good"})
        )
        .is_ok()
    );
}

#[test]
fn fault_classes_and_counts_keep_their_words() {
    let evidence: Evidence = RunFolder::at(fixtures::path("pass")).manifest().unwrap().evidence.unwrap();
    let written = serde_json::to_value(&evidence).unwrap();
    assert_eq!(
        written["faults_installed"],
        json!([["clock", 1], ["kill", 1], ["packets", 2], ["partition", 2], ["pause", 1]])
    );
}
