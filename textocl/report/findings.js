// The page about a pile: the answer, the kinds, what stands beside each document, and the order
// in which its parts begin.

const INLINE = 3, SHORT = 24; // other columns shown beside a document, and their longest value

function drawAnswer() {
  byId("title").textContent = data.title;
  byId("lead").textContent = found.answer;
  byId("lead").after(element("p", { class: "about", id: "comment" }, commentOnFlags()));
}

function commentOnFlags() {
  const folded = found.n_copies
    ? `${counted(found.n_copies, "document")} ${found.n_copies === 1 ? "is a copy" : "are copies"} of others and folded into them. ` : "";
  return found.n_flagged
    ? `${wrongOnes(found.n_flagged, found.false_discovery_rate)} ${folded}`
    : `The oddest are listed below all the same. ${folded}`;
}

// --- kinds ---

function kindButton(kind, k) {
  const button = element("button", { type: "button", "aria-pressed": "false" },
    element("b", {}, whole(kind.n)),
    element("span", { dir: "auto" }, kind.name || "each on its own"));
  button.addEventListener("click", () => {
    const chosen = button.getAttribute("aria-pressed") === "true" ? "" : String(k);
    byId("tools").reset();
    byId("label").value = chosen;
    arrange();
    if (chosen) byId("documents").scrollIntoView();
  });
  return element("li", {}, button);
}

function pressKinds() {
  [...byId("kind-list").querySelectorAll("button")].forEach((button, k) =>
    button.setAttribute("aria-pressed", String(byId("label").value === String(k))));
}

function startKinds() {
  byId("kinds").hidden = !found.kinds.length;
  document.querySelector('nav a[href="#kinds"]').hidden = !found.kinds.length;
  byId("kind-list").replaceChildren(...found.kinds.map(kindButton));
  arranged.push(pressKinds);
}

// --- what stands beside a document ---

const shortColumns = listed.columns.filter(([, values]) =>
  values.every((value) => value.length <= SHORT) && new Set(values).size > 1).slice(0, INLINE);

parts.score = (i) => [
  element("span", { class: "rank" }, listed.rank[i] ? whole(listed.rank[i]) : "–"),
  ...(listed.rank[i] ? [scoreMark(i)] : []),
];

parts.reasons = (i) => [
  ...(listed.reasons[i].length
    ? [element("span", { class: "reasons" },
      ...listed.reasons[i].map((word) => element("span", { dir: "auto" }, word)))]
    : []),
  ...(listed.form[i].length
    ? [element("span", { class: "form-reasons", dir: "auto" }, `odd by form: ${inALine(listed.form[i])}`)]
    : []),
];

parts.chips = (i) => {
  const chip = (text, kind = "") => element("span", { class: `chip ${kind}`, dir: "auto" }, text);
  const copies = listed.copies[i].length;
  return [
    ...(listed.rank[i] ? [] : [chip("not judged")]),
    ...(listed.flagged[i] ? [chip("flagged", "anomalous")] : []),
    ...(listed.label[i] >= 0 ? [chip(data.labels[listed.label[i]])] : []),
    ...(copies ? [chip(`and ${copies === 1 ? "1 copy" : `${whole(copies)} copies`}`)] : []),
    element("span", { class: "muted", dir: "auto" }, listed.id[i]),
    ...shortColumns.filter(([, values]) => values[i]).map(([name, values]) =>
      element("span", { class: "muted", dir: "auto" }, `${name}: ${values[i]}`)),
  ];
};

parts.facts = (i) => {
  if (!listed.rank[i]) return element("p", { class: "facts" }, "Not judged: without a known word, or told not to belong.");
  const [p, rate] = [listed.p_value[i], listed.false_discovery[i]];
  return element("p", { class: "facts" },
    `Rank ${whole(listed.rank[i])}, score ${decimal(documentScores[i])}. ` +
    `About ${percent(p, p < 0.01 ? 2 : 1)} of normal documents score at least as high. ` +
    `If all down to here are flagged: ${wrongOnes(listed.rank[i], rate).toLowerCase()}`);
};

parts.tail = (i) => [markButtons(i)];

parts.more = (i) => [element("dl", { class: "columns" },
  ...[["id", listed.id[i]], ...listed.columns.map(([name, values]) => [name, values[i]]),
    ...(listed.copies[i].length ? [["copies", listed.copies[i].join(", ")]] : [])]
    .filter(([, value]) => value).flatMap(([name, value]) =>
      [element("dt", { dir: "auto" }, name), element("dd", { dir: "auto" }, value)]))];

// --- words ---

function startWords() {
  const { flagged, others, n_flagged, n_others } = found.contrast;
  byId("words").hidden = !flagged.length;
  document.querySelector('nav a[href="#words"]').hidden = !flagged.length;
  byId("words-about").textContent =
    "What flagged documents hold and the others do not, and the reverse. Bars are the share of " +
    `documents with the word: of ${whole(n_flagged)} flagged, and of ${whole(n_others)} others.`;
  const list = (title, kind, words, column, n) => element("div", {},
    element("h4", { class: kind }, title),
    element("ul", { class: "words" }, ...words.map((entry) =>
      wordRow(entry[0], entry[column] / n, kind, `${whole(entry[1])} : ${whole(entry[2])}`))));
  byId("word-lists").replaceChildren(
    list("In those flagged", "anomalous", flagged, 1, n_flagged),
    list("In the others", "normal", others, 2, n_others));
}

// --- notes ---

function notesOnFindings() {
  return [
    ...(found.n_flagged
      ? [`${wrongOnes(found.n_flagged, found.false_discovery_rate)} This holds if most documents belong ` +
        "here and do not depend on each other."] : []),
    "Every document was judged by a model that did not learn from it or a copy of it. The words’ evidence " +
      "is shown relative to the strongest word of each document.",
    "Odd means unlike the other documents, not wrong or bad. What the words mean is the reader’s to judge.",
    ...(found.n_unjudged
      ? [`${counted(found.n_unjudged, "document")} ${found.n_unjudged === 1 ? "is" : "are"} not judged: without a ` +
        "known word, or told not to belong. Those listed come last."] : []),
    ...notesOnListed(),
  ];
}

shows.marked = (i) => marks.has(listed.number[i]);
shows.unmarked = (i) => !marks.has(listed.number[i]);
drawAnswer();
startContexts();
startScores();
byId("reset").textContent = "Back to what is flagged";
byId("histogram-note").append(" The list above stays as it was decided.");
startMarks();
startKinds();
startDocuments();
startMap();
startWords();
drawNoteList(notesOnFindings());
drawCard();
document.documentElement.dataset.ready = "true";
