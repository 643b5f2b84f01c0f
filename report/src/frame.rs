//! The frame of every page: head, style, script, footer. What stands in it is the page's own.
//!
//! A page is one file that opens offline: its rule (Content-Security-Policy) allows the inline style, the one script
//! whose hash it names, and nothing else.

use crate::html::{Html, put};
use crate::svg::fault_class;

const STYLE: &str = include_str!("../web/report.css");
const SCRIPT: &str = include_str!("../web/report.js");
/// SHA-256 of `web/report.js`, base64: a page runs this script and no other. A test compares.
const SCRIPT_SHA256: &str = "xteq3h/7IUAkGmJyGg60xPQNrdLqWmi7hib4870Ylag=";

/// A page without its frame.
pub(crate) struct Framed<'a> {
    /// What the window is called.
    pub(crate) title: &'a str,
    /// The `<header>`.
    pub(crate) header: Html,
    /// The sections.
    pub(crate) main: Html,
    /// The last line.
    pub(crate) footer: &'a str,
}

impl Framed<'_> {
    /// The whole page.
    pub(crate) fn finish(self) -> String {
        let mut html = Html::new();
        html.raw("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
        put!(
            html,
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; \
             script-src 'sha256-{}'; base-uri 'none'; form-action 'none'\">\n",
            SCRIPT_SHA256
        );
        html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n");
        html.raw(
            "<meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"referrer\" content=\"no-referrer\">\n",
        );
        put!(html, "<title>{}</title>\n<style>", self.title);
        html.raw(STYLE);
        html.raw("</style>\n</head>\n<body>\n");
        html.append(fault_class::patterns());
        html.append(self.header);
        html.raw("<main>\n");
        html.append(self.main);
        html.raw("</main>\n<footer>");
        put!(html, "{}", self.footer);
        html.raw("</footer>\n<script>");
        html.raw(SCRIPT);
        html.raw("</script>\n</body>\n</html>\n");
        html.finish()
    }
}
