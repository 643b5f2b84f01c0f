//! One colour and one pattern per fault class.

use crate::html::{Html, put};

/// Class, the pattern's tile size in px and its strokes.
const SLOTS: [(&str, u32, &str); 8] = [
    ("partition", 8, "M-2 10L10 -2M-2 2L2 -2M6 10L10 6"),
    ("kill", 7, "M0 0L7 7M7 0L0 7"),
    ("pause", 6, "M3 0V6"),
    ("clock", 6, "M3 2.5V3.5"),
    ("packets", 8, "M-2 -2L10 10M-2 6L2 10M6 -2L10 2"),
    ("disk", 6, "M0 3H6"),
    ("membership", 8, "M4 2V6M2 4H6"),
    ("other", 10, "M5 0V10M0 5H10"),
];

/// The name under which the style sheet knows a fault class.
pub(crate) fn slot(class: &str) -> &'static str {
    let class = match class {
        "process" => "kill",
        "wipe" => "disk",
        other => other,
    };
    SLOTS.iter().map(|slot| slot.0).find(|name| *name == class).unwrap_or("other")
}

/// The patterns that drawings refer to, as one invisible drawing. It has to be on the page once.
pub(crate) fn patterns() -> Html {
    let mut html = Html::new();
    html.raw("<svg class=\"defs\" width=\"0\" height=\"0\" aria-hidden=\"true\" focusable=\"false\"><defs>");
    for (name, size, strokes) in SLOTS {
        put!(
            html,
            "<pattern id=\"pattern-{}\" width=\"{}\" height=\"{}\" patternUnits=\"userSpaceOnUse\">\
             <rect class=\"ground {}\" width=\"{}\" height=\"{}\"/><path class=\"strokes {}\" d=\"{}\"/></pattern>",
            name,
            size,
            size,
            name,
            size,
            size,
            name,
            strokes
        );
    }
    html.raw(
        "<pattern id=\"pattern-info\" width=\"7\" height=\"7\" patternUnits=\"userSpaceOnUse\">\
         <rect class=\"info-ground\" width=\"7\" height=\"7\"/>\
         <path class=\"info-strokes\" d=\"M-1 8L8 -1M-1 1L1 -1M6 8L8 6\"/></pattern>\
         <linearGradient id=\"fade\" x1=\"0\" x2=\"1\" y1=\"0\" y2=\"0\">\
         <stop offset=\"0\" stop-color=\"#fff\"/><stop offset=\"1\" stop-color=\"#fff\" stop-opacity=\".25\"/>\
         </linearGradient></defs></svg>\n",
    );
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_class_has_a_slot_too() {
        assert_eq!(slot("partition"), "partition");
        assert_eq!(slot("\"><script>"), "other");
        let patterns = patterns().finish();
        assert!(SLOTS.iter().all(|(name, ..)| patterns.contains(&format!("id=\"pattern-{name}\""))));
    }
}
