// The list of documents: filtered and sorted on typed arrays, one page of it drawn at a time.

const ROWS = 50, EXCERPT = 280;
const listed = data.documents;
const documentScores = Float32Array.from(listed.number, (i) => scores[i]);
const isJudgedHere = (i) => isJudged(listed.number[i]);
const isFlagged = (i) => isJudgedHere(i) && documentScores[i] > threshold;
const opened = new Set();
let order = new Uint32Array(0), page = 0, lowered = null;

const keys = {
  highest: (i) => (isJudgedHere(i) ? -documentScores[i] : Infinity),
  lowest: (i) => (isJudgedHere(i) ? documentScores[i] : Infinity),
  nearest: (i) => (isJudgedHere(i) ? Math.abs(documentScores[i] - threshold) : Infinity),
  order: (i) => i,
  longest: (i) => -listed.length[i],
};

function truthOf(i) {
  if (!isJudgedHere(i)) return "not judged";
  const flagged = isFlagged(i);
  if (!isAnomaly || Boolean(isAnomaly[listed.number[i]]) === flagged) return flagged ? "flagged" : "";
  return flagged ? "false alarm" : "missed";
}

const shows = {
  all: () => true,
  flagged: isFlagged,
  passed: (i) => isJudgedHere(i) && !isFlagged(i),
  unjudged: (i) => !isJudgedHere(i),
  alarms: (i) => truthOf(i) === "false alarm",
  missed: (i) => truthOf(i) === "missed",
};

function matching() {
  const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length) lowered ??= listed.text.map((text) => text.toLowerCase());
  const shown = shows[byId("show").value];
  const context = Number(byId("context").value || -2), label = Number(byId("label").value || -2);
  const from = byId("from").value === "" ? -Infinity : Number(byId("from").value);
  const to = byId("to").value === "" ? Infinity : Number(byId("to").value);
  const anyScore = from === -Infinity && to === Infinity;
  const found = [];
  for (let i = 0; i < documentScores.length; i++) {
    const between = isJudgedHere(i) && documentScores[i] >= from && documentScores[i] <= to;
    if ((anyScore || between) && shown(i)
      && (context === -2 || listed.context[i] === context)
      && (label === -2 || listed.label[i] === label)
      && words.every((word) => lowered[i].includes(word))) found.push(i);
  }
  return Uint32Array.from(found);
}

function arrange() {
  const key = keys[byId("sort").value];
  const values = Float64Array.from(documentScores, (_, i) => key(i));
  // two infinite keys differ by NaN: then, as for equal ones, the order given decides
  order = matching().sort((a, b) => (values[a] - values[b]) || a - b);
  page = 0;
  drawList();
}

function scoreMark(i) {
  const mark = element("span", { class: "mark", "aria-hidden": "true" }, element("i"), element("b"));
  sized(mark, "--score", placed(documentScores[i]));
  return sized(mark, "--threshold", placed(threshold));
}

function chips(i) {
  const judged = truthOf(i), parts = [];
  const kind = isFlagged(i) ? "anomalous" : isJudgedHere(i) ? "normal" : "";
  if (judged) parts.push(element("span", { class: `chip ${kind}` }, judged));
  if (listed.label) parts.push(element("span", { class: "chip", dir: "auto" }, data.labels[listed.label[i]]));
  if (listed.context[i] >= 0) parts.push(element("span", { class: "chip" }, `context ${listed.context[i]}`));
  parts.push(element("span", { class: "muted", dir: "auto" }, listed.id[i]));
  return parts;
}

function row(i) {
  const text = listed.text[i];
  const excerpt = text.length > EXCERPT ? text.slice(0, EXCERPT) + "…" : text;
  const head = element("button", { type: "button", class: "row", "aria-expanded": String(opened.has(i)) },
    element("span", { class: "score" },
      ...(isJudgedHere(i) ? [decimal(documentScores[i]), scoreMark(i)] : ["–"])),
    element("span", { class: "what" },
      element("span", { class: "excerpt", dir: "auto" }, excerpt.trim() || "(empty)"),
      element("span", { class: "chips" }, ...chips(i))));
  const item = element("li", { "data-document": i }, head);
  if (opened.has(i)) item.append(documentView(i));
  head.addEventListener("click", () => {
    if (!opened.delete(i)) opened.add(i);
    const again = row(i);
    item.replaceWith(again);
    again.firstChild.focus();
  });
  return item;
}

function drawList() {
  const pages = Math.max(1, Math.ceil(order.length / ROWS));
  page = Math.min(page, pages - 1);
  byId("list").replaceChildren(...Array.from(order.subarray(page * ROWS, (page + 1) * ROWS), row));
  const beyond = scores.length - documentScores.length;
  byId("count").textContent = `${whole(order.length)} of ${counted(documentScores.length, "document")}` +
    (beyond ? `; ${whole(beyond)} more are not listed but count in all figures` : "");
  byId("place").textContent = `page ${whole(page + 1)} of ${whole(pages)}`;
  byId("previous").disabled = page === 0;
  byId("next").disabled = page === pages - 1;
}

function turn(step) {
  page += step;
  drawList();
  byId("documents").scrollIntoView();
}

function showContext(context) {
  byId("tools").reset();
  byId("context").value = context;
  arrange();
  byId("documents").scrollIntoView();
  byId("context").focus({ preventScroll: true });
}

/** Up and down arrows go from document to document. */
function walk(event) {
  const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  if (!step || !event.target.classList.contains("row")) return;
  event.preventDefault();
  event.target.parentElement[step]?.firstChild.focus();
}

function choices(select, entries) {
  select.replaceChildren(element("option", { value: "" }, "all"),
    ...entries.map(([value, name]) => element("option", { value }, name)));
}

function startDocuments() {
  choices(byId("context"), data.contexts.map((c) => [c.context, `${c.name}: ${nameOf(c, 2)}`]));
  choices(byId("label"), data.labels.map((name, i) => [i, name]));
  byId("context-choice").hidden = !data.contexts.length;
  byId("label-choice").hidden = !listed.label;
  if (isAnomaly) {
    byId("show").append(element("option", { value: "alarms" }, "false alarms"),
      element("option", { value: "missed" }, "missed anomalies"));
  }
  for (const field of byId("tools").elements) {
    if (field.tagName === "SELECT") field.addEventListener("change", arrange);
    if (field.tagName === "INPUT") field.addEventListener("input", arrange);
  }
  byId("tools").addEventListener("submit", (event) => event.preventDefault());
  byId("tools").addEventListener("reset", () => setTimeout(arrange));
  byId("previous").addEventListener("click", () => turn(-1));
  byId("next").addEventListener("click", () => turn(1));
  byId("list").addEventListener("keydown", walk);
  arrange();
  watchers.push(() => {
    if (byId("show").value === "all" && byId("sort").value !== "nearest") drawList();
    else arrange();
  });
}
