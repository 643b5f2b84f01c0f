// Comfort on a page that is complete without it: copying, theme, tooltips, highlighting, filtering, keys.
// Text from the run is only ever read from the page and written with textContent.
(function () {
  "use strict";
  const all = (selector, root) => Array.from((root || document).querySelectorAll(selector));
  const byId = (id) => document.getElementById(id);

  // Copy the command that runs the same plan again.
  const copy = byId("copy");
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    const code = byId("reproduce");
    const range = document.createRange();
    range.selectNodeContents(code);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    let copied = true;
    try {
      await navigator.clipboard.writeText(code.textContent);
    } catch {
      copied = document.execCommand("copy");
    }
    copy.textContent = copied ? "copied" : "selected: press Ctrl+C";
    setTimeout(() => { copy.textContent = "copy"; }, 1500);
  });

  // Light or dark, whatever the system says.
  const theme = byId("theme");
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  // What is under the pointer, at once; without this script the browser shows the same titles after a while.
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  document.body.append(tip);
  const titled = (target) => {
    const element = target instanceof Element ? target.closest(".hit, .op, .fault, .event, .finding-mark") : null;
    return element && (element.dataset.title || element.querySelector(":scope > title")) ? element : null;
  };
  document.addEventListener("pointermove", (event) => {
    const element = titled(event.target);
    tip.hidden = !element;
    if (!element) return;
    const title = element.querySelector(":scope > title");
    if (title) { // moved aside so that the browser does not show it as well
      element.dataset.title = title.textContent;
      element.setAttribute("aria-label", title.textContent);
      title.remove();
    }
    tip.textContent = element.dataset.title;
    const room = innerWidth - tip.offsetWidth - 8;
    tip.style.left = Math.max(4, Math.min(event.clientX + 14, room)) + "px";
    const below = event.clientY + 18;
    tip.style.top = (below + tip.offsetHeight > innerHeight ? event.clientY - tip.offsetHeight - 10 : below) + "px";
  });
  document.addEventListener("scroll", () => { tip.hidden = true; }, { passive: true });

  // The same operation in a finding's diagrams and in its table.
  const light = (event, on) => {
    const element = event.target instanceof Element ? event.target.closest("[data-op]") : null;
    const card = element && element.closest(".finding");
    if (!card) return;
    all("[data-op='" + Number(element.dataset.op) + "']", card).forEach((same) => same.classList.toggle("lit", on));
  };
  for (const [type, on] of [["pointerover", true], ["pointerout", false], ["focusin", true], ["focusout", false]]) {
    document.addEventListener(type, (event) => light(event, on));
  }

  // A wide diagram begins long before its contradiction: centre the contradiction as soon as the diagram is seen.
  const centre = (drawing) => {
    const core = all(".op.core", drawing);
    const box = drawing.parentElement;
    if (!core.length || !box.clientWidth) return;
    const ends = core.map((op) => op.getBoundingClientRect());
    const middle = (Math.min(...ends.map((end) => end.left)) + Math.max(...ends.map((end) => end.right))) / 2;
    const frame = box.getBoundingClientRect();
    box.scrollLeft += middle - (frame.left + frame.right) / 2;
  };
  for (const drawing of all(".space-time")) {
    centre(drawing);
    const folded = drawing.closest("details");
    if (folded) folded.addEventListener("toggle", () => centre(drawing));
  }

  // A log excerpt begins half a second before its finding: show the finding first.
  const scrollToFinding = (details) => {
    const box = details.querySelector(".log-box");
    const row = details.open && box && box.querySelector("tr.operation");
    if (row) box.scrollTop += row.getBoundingClientRect().top - box.getBoundingClientRect().top - 90;
  };
  for (const details of all("#logs details")) {
    scrollToFinding(details);
    details.addEventListener("toggle", () => scrollToFinding(details));
  }

  // Only the log lines that have some text; the operations and faults between them stay.
  const filter = byId("log-filter");
  if (filter) {
    filter.closest(".filter").hidden = false;
    const rows = all(".log tr");
    filter.addEventListener("input", () => {
      const wanted = filter.value.toLowerCase();
      let shown = 0;
      for (const row of rows) {
        const stays = !wanted || row.className === "fault" || row.className === "operation";
        const found = stays || row.textContent.toLowerCase().includes(wanted);
        row.hidden = !found;
        if (found && !stays) shown += 1;
      }
      byId("log-count").textContent = wanted ? shown + (shown === 1 ? " line" : " lines") : "";
    });
  }

  // n and p: the next and the previous finding; arrows: the next and the previous operation of a diagram.
  const findings = all(".finding");
  let current = -1;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target instanceof HTMLInputElement) return;
    if ((event.key === "n" || event.key === "p") && findings.length) {
      current = (current + (event.key === "n" ? 1 : -1) + findings.length) % findings.length;
      findings[current].scrollIntoView();
      event.preventDefault();
    }
    const op = event.target instanceof Element ? event.target.closest(".op") : null;
    if (op && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
      const ops = all(".op", op.closest("svg"));
      const next = ops[ops.indexOf(op) + (event.key === "ArrowRight" ? 1 : -1)];
      if (next) next.focus();
      event.preventDefault();
    }
  });
  addEventListener("beforeprint", () => all("#logs details").forEach((part) => { part.open = true; }));
})();
