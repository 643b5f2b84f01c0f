//! The page in a real browser: the drawing of the first finding fits the window and is on the first screen, nothing
//! fails and nothing is loaded. Skipped, with a message, where there is no Chromium; `.ci/run` installs one.

mod chromium;
mod synthetic;

use chromium::{chromium, measured};
use serde_json::Value;

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("not a number: {value}"))
}

#[test]
fn the_drawing_fits_the_first_screen_and_nothing_fails() {
    let Some(browser) = chromium() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let page = rashomon_report::render(&synthetic::violation().files());
    for width in [1400, 1000] {
        let seen = measured(&browser, folder.path(), &page, width);
        assert_eq!(seen["wrong"], serde_json::json!([]), "{seen}");
        assert_eq!(seen["requests"], 0, "{seen}");
        assert!(number(&seen["page"]) <= f64::from(width), "the page is wider than its window: {seen}");
        let (drawing, focus) = (&seen["drawing"], &seen["focus"]);
        assert!(number(&drawing["left"]) >= 0.0 && number(&drawing["right"]) <= f64::from(width), "{seen}");
        assert!(number(&focus["left"]) >= number(&drawing["left"]) && number(&focus["top"]) >= 0.0, "{seen}");
        assert!(number(&focus["right"]) <= number(&drawing["right"]) + 1.0, "{seen}");
        assert!(number(&focus["bottom"]) <= 950.0, "the contradiction is below the first screen: {seen}");
        assert_eq!(seen["overlaps"], 0, "labels overlap: {seen}");
        for label in seen["labels"].as_array().expect("labels") {
            assert!(number(&label["right"]) <= number(&drawing["right"]) + 2.0, "a label is cut off: {label} {seen}");
        }
    }
}

#[test]
fn pages_of_other_verdicts_fail_nothing_and_load_nothing() {
    let Some(browser) = chromium() else { return };
    let folder = tempfile::tempdir().expect("a temporary folder");
    for run in [synthetic::pass(), synthetic::inconclusive(), synthetic::broken()] {
        let seen = measured(&browser, folder.path(), &rashomon_report::render(&run.files()), 1400);
        assert_eq!(seen["wrong"], serde_json::json!([]), "{seen}");
        assert_eq!(seen["requests"], 0, "{seen}");
        assert!(number(&seen["page"]) <= 1400.0, "{seen}");
    }
}
