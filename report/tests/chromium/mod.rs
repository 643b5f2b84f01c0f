//! A page in a real browser, and what it measures of it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Collects errors from the very beginning.
const WATCH: &str = "<script>window.wrong = []; addEventListener('error', (event) => wrong.push(event.message)); \
    addEventListener('securitypolicyviolation', (event) => wrong.push(event.violatedDirective));</script>";

/// Writes what was measured into the page, where `--dump-dom` shows it.
const MEASURE: &str = "<script>addEventListener('load', () => {
  const box = (selector) => {
    const found = document.querySelector(selector);
    if (!found) return null;
    const { left, right, top, bottom } = found.getBoundingClientRect();
    return { left, right, top, bottom };
  };
  const texts = Array.from(document.querySelectorAll('.scene .what')).map((text) => text.getBoundingClientRect());
  const apart = (a, b) => a.right <= b.left || b.right <= a.left || a.bottom <= b.top + 2 || b.bottom <= a.top + 2;
  const result = {
    wrong,
    requests: performance.getEntriesByType('resource').length,
    window: { width: innerWidth, height: innerHeight },
    page: document.documentElement.scrollWidth,
    drawing: box('.scene svg'),
    focus: box('.scene .op.focus'),
    labels: texts.map(({ left, right }) => ({ left, right })),
    overlaps: texts.filter((a, i) => texts.some((b, j) => j < i && !apart(a, b))).length,
  };
  const out = document.createElement('pre');
  out.id = 'measured';
  out.textContent = JSON.stringify(result);
  document.body.append(out);
});</script>";

/// The browser; `None`, with a message, where there is none.
pub(crate) fn chromium() -> Option<String> {
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = names.into_iter().find(|name| Command::new(name).arg("--version").output().is_ok());
    assert!(found.is_some() || std::env::var_os("CI").is_none(), "CI needs a Chromium: .ci/run installs it");
    if found.is_none() {
        eprintln!("skipped: there is no Chromium (Debian and Ubuntu: apt-get install chromium)");
    }
    found.map(str::to_owned)
}

/// What the browser measured of a page in a window of this width.
pub(crate) fn measured(browser: &str, folder: &Path, page: &str, width: u32) -> Value {
    // The page allows no script but its own: the copy that is measured has no such rule.
    let (before, rest) = page.split_once("<meta http-equiv=\"Content-Security-Policy\"").expect("the page's rule");
    let (_, after) = rest.split_once('>').expect("its end");
    let page = format!("{before}{WATCH}{after}").replace("</body>", &format!("{MEASURE}</body>"));
    let path = folder.join("page.html");
    fs::write(&path, page).expect("it can be written");
    let mut command = Command::new(browser);
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=4000"]);
    command.arg(format!("--user-data-dir={}", folder.join("profile").display()));
    command.arg(format!("--window-size={width},950")).arg("--dump-dom").arg(format!("file://{}", path.display()));
    let output = command.output().expect("the browser starts");
    let dom = String::from_utf8_lossy(&output.stdout).into_owned();
    let (_, rest) = dom.split_once("<pre id=\"measured\">").unwrap_or_else(|| {
        panic!("nothing was measured: {}\n{}", String::from_utf8_lossy(&output.stderr), &dom[..dom.len().min(500)])
    });
    let text = rest.split_once("</pre>").expect("its end").0;
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    serde_json::from_str(&text).expect("it is JSON")
}
