// What the reader thinks of listed documents: kept in this browser, counted, downloaded.

const MARKS = [[1, "Belongs"], [-1, "Does not belong"], [0, "Unsure"]];
const MARKS_KEY = `textocl-marks-${data.findings.identity}`;
const placeOf = new Map(listed.number.map((number, i) => [number, i]));
const marks = new Map(); // label by number of a document
let areKept = true;

function readMarks() {
  try {
    for (const [number, label] of JSON.parse(localStorage.getItem(MARKS_KEY) ?? "[]")) {
      if (placeOf.has(number) && MARKS.some(([value]) => value === label)) marks.set(number, label);
    }
  } catch {
    areKept = false; // no storage here, or not ours
  }
}

function keepMarks() {
  try {
    if (marks.size) localStorage.setItem(MARKS_KEY, JSON.stringify([...marks]));
    else localStorage.removeItem(MARKS_KEY);
  } catch {
    areKept = false;
  }
  drawMarks();
}

function drawMarks() {
  const n = (label) => [...marks.values()].filter((value) => value === label).length;
  byId("marks").textContent = marks.size
    ? `${counted(marks.size, "mark")}: ${MARKS.map(([label, name]) => `${whole(n(label))} ${name.toLowerCase()}`).join(", ")}` +
      (areKept ? "" : "; lost when this page is closed")
    : "No mark yet.";
  byId("download").hidden = !marks.size;
}

/** Three buttons for a listed document; a second press takes its mark away. */
function markButtons(i) {
  const number = listed.number[i];
  const buttons = MARKS.map(([label, name]) => {
    const button = element("button", { type: "button", "data-mark": label }, name);
    button.addEventListener("click", () => {
      if (marks.get(number) === label) marks.delete(number);
      else marks.set(number, label);
      press();
      keepMarks();
    });
    return button;
  });
  const press = () => buttons.forEach((button, k) =>
    button.setAttribute("aria-pressed", String(marks.get(number) === MARKS[k][0])));
  press();
  return element("div", { class: "marks", role: "group", "aria-label": `Mark ${listed.id[i]}` }, ...buttons);
}

/** One record a marked document and each of its copies, the oddest first. */
function markRecords(withText) {
  const places = [...marks.keys()].map((number) => placeOf.get(number))
    .sort((a, b) => documentScores[b] - documentScores[a] || a - b);
  return places.flatMap((i) => [listed.id[i], ...listed.copies[i]].map((id) => ({
    id, ...(withText ? { text: listed.text[i] } : {}), label: marks.get(listed.number[i]),
  })));
}

function marksCsv(withText) {
  const cell = (value) => /[",\r\n]|^\s|\s$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
  const names = withText ? ["id", "text", "label"] : ["id", "label"];
  return [names, ...markRecords(withText).map((record) => names.map((name) => String(record[name])))]
    .map((cells) => cells.map(cell).join(",") + "\r\n").join("");
}

const marksJsonl = (withText) =>
  markRecords(withText).map((record) => JSON.stringify(record) + "\n").join("");

function download(name, type, content) {
  const address = URL.createObjectURL(new Blob([content], { type }));
  element("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 60000);
}

function startMarks() {
  readMarks();
  drawMarks();
  if (listed.length.some((length) => length > data.n_characters)) {
    byId("with-text").parentElement.append(` (first ${whole(data.n_characters)} characters)`);
  }
  const withText = () => byId("with-text").checked;
  byId("csv").addEventListener("click", () => download("marks.csv", "text/csv", marksCsv(withText())));
  byId("jsonl").addEventListener("click", () =>
    download("marks.jsonl", "application/jsonl", marksJsonl(withText())));
  byId("forget").addEventListener("click", () => {
    if (!confirm(`Remove ${counted(marks.size, "mark")}?`)) return;
    marks.clear();
    keepMarks();
    drawList();
  });
}
