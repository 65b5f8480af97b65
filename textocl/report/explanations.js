// Why one document got its score: its text with coloured words, on one scale for all documents.

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const digitOf = Uint8Array.from({ length: 128 }, (_, code) =>
  Math.max(0, DIGITS.indexOf(String.fromCharCode(code))));

/** Integers from Base64 VLQ; see textocl/report/vlq.py. */
function decoded(text) {
  const numbers = [];
  let value = 0, shift = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = digitOf[text.charCodeAt(i)];
    value += (digit & 31) << shift;
    shift += 5;
    if (digit < 32) {
      numbers.push(value & 1 ? -(value >> 1) : value >> 1);
      value = shift = 0;
    }
  }
  return numbers;
}

/** Surprisal by word, the highest first. */
function unexpectedOf(numbers) {
  const found = new Map();
  for (let i = 0; i < numbers.length; i += 2) found.set(numbers[i], numbers[i + 1] / 100);
  return found;
}

/** Start, end and number of spans in a text, from how far each starts behind the one before. */
function placesOf(numbers) {
  const places = [];
  for (let i = 0, end = 0; i < numbers.length; i += 3) {
    const start = end + numbers[i];
    end = start + numbers[i + 1];
    places.push([start, end, numbers[i + 2]]);
  }
  return places;
}

/** The explanation of a listed document, or null. */
function explanationOf(i) {
  const packed = data.documents.explanation[i];
  return packed && {
    words: decoded(packed.words),
    evidence: decoded(packed.evidence),
    attention: packed.attention.map(decoded),
    spans: placesOf(decoded(packed.spans)),
    form: packed.form,
    formSpans: placesOf(decoded(packed.form_spans)),
    unexpected: packed.unexpected === null ? null : unexpectedOf(decoded(packed.unexpected)),
    rest: packed.rest,
    distances: packed.distances,
  };
}

const EVIDENCE_LEVELS = [4, 12, 25, 45, 75]; // hundredths of the scale from which a colour begins
const ATTENTION_LEVELS = [0.01, 0.02, 0.05, 0.1, 0.2];
const WORDS_A_SIDE = 8;

/** 0 for none to 5 for the strongest colour. */
const level = (magnitude, levels) => levels.filter((least) => magnitude >= least).length;

const hasAttention = data.documents.explanation.some((e) => e?.attention.length);
const EVIDENCE = -1, UNEXPECTED = -2; // views beside those of a context's attention
const views = [
  { name: "Evidence", column: EVIDENCE },
  ...(data.usual_surprisal === null ? [] : [{ name: "Unexpected words", column: UNEXPECTED }]),
  ...(hasAttention
    ? data.contexts.length
      ? data.contexts.map((c) => ({ name: `Attention ${c.context}: ${nameOf(c, 2)}`, column: c.context }))
      : [{ name: "Weight", column: 0 }]
    : []),
];
let view = views[0];

function classOf(explanation, word) {
  if (view.column === UNEXPECTED) return explanation.unexpected.has(word) ? "unexpected" : "";
  if (view.column === EVIDENCE) {
    const evidence = explanation.evidence[word];
    const strength = level(Math.abs(evidence), EVIDENCE_LEVELS);
    return strength ? (evidence > 0 ? "anomalous-" : "normal-") + strength : "";
  }
  const attention = explanation.attention[view.column]?.[word] ?? 0;
  const strength = level(attention / data.attention_steps, ATTENTION_LEVELS);
  return strength ? `attention-${strength}` : "";
}

const isRelative = data.evidence_unit === null; // to the strongest word of each document

const evidenceText = (steps) => isRelative
  ? `${steps > 0 ? "+" : ""}${decimal(steps, 0)} %` : signed(steps * data.evidence_unit);

function titleOf(explanation, word) {
  if (view.column === UNEXPECTED) return `surprisal ${decimal(explanation.unexpected.get(word), 1)} nats`;
  if (view.column === EVIDENCE) return `evidence ${evidenceText(explanation.evidence[word])}`;
  return percent((explanation.attention[view.column]?.[word] ?? 0) / data.attention_steps);
}

/** A text with its words coloured, cut also where what is odd by form begins or ends. */
function colouredText(text, explanation) {
  const place = element("p", { class: "text", dir: "auto", tabindex: "0" });
  const { spans, form } = explanation;
  const runs = view.column === EVIDENCE ? explanation.formSpans : [];
  for (let at = 0, w = 0, r = 0, stop; at < text.length; at = stop) {
    while (w < spans.length && spans[w][1] <= at) w++;
    while (r < runs.length && runs[r][1] <= at) r++;
    const inWord = spans[w]?.[0] <= at, inRun = runs[r]?.[0] <= at;
    stop = Math.min(text.length, spans[w]?.[inWord ? 1 : 0] ?? Infinity, runs[r]?.[inRun ? 1 : 0] ?? Infinity);
    const look = inWord ? classOf(explanation, spans[w][2]) : "";
    const piece = look
      ? element("span", { class: look, title: titleOf(explanation, spans[w][2]) }, text.slice(at, stop))
      : text.slice(at, stop);
    place.append(inRun ? element("span", { class: "odd-form", title: form[runs[r][2]] }, piece) : piece);
  }
  return place;
}

function legend(explanation) {
  const swatch = (name, title) => element("i", { class: name, title });
  if (view.column === UNEXPECTED) {
    return element("p", { class: "scale" }, swatch("unexpected", ""),
      "words that normal documents like this one do not have, whatever they do to the score",
      element("span", { class: "muted" },
        `surprisal above ${decimal(data.usual_surprisal, 1)} nats, as of one word in twenty of normal documents`));
  }
  if (view.column >= 0) {
    return element("p", { class: "scale" }, "1 %",
      ...[1, 2, 3, 4, 5].map((n) => swatch(`attention-${n}`, `from ${percent(ATTENTION_LEVELS[n - 1], 0)}`)),
      "20 % or more of the document’s attention");
  }
  const from = (n) => isRelative ? `${EVIDENCE_LEVELS[n - 1]} %`
    : decimal(EVIDENCE_LEVELS[n - 1] * data.evidence_unit, 4);
  return element("p", { class: "scale" }, "normal",
    ...[5, 4, 3, 2, 1].map((n) => swatch(`normal-${n}`, `−${from(n)} or less`)),
    ...[1, 2, 3, 4, 5].map((n) => swatch(`anomalous-${n}`, `+${from(n)} or more`)),
    "off-topic",
    ...(explanation.formSpans.length ? [element("span", { class: "odd-form" }, "odd by form")] : []),
    element("span", { class: "muted" }, isRelative ? "relative to the strongest word of this document"
      : `strongest from ±${from(5)}, the same in all documents`));
}

/** The views to choose from; on demand where the answer comes first. */
function viewsOf(redraw) {
  const choice = viewChoice(redraw);
  if (!data.findings) return choice;
  return element("details", { class: "views", open: view !== views[0] },
    element("summary", {}, "Other colours"), choice);
}

function viewChoice(redraw) {
  return element("div", { class: "segments", role: "group", "aria-label": "What colours show" },
    ...views.map((choice, i) => {
      const button = element("button",
        { type: "button", "aria-pressed": String(choice === view), "data-view": i, dir: "auto" },
        choice.name);
      button.addEventListener("click", () => { view = choice; redraw(i); });
      return button;
    }));
}

function evidenceList(title, kind, explanation, order) {
  return element("div", {},
    element("h4", { class: kind }, title),
    order.length
      ? element("ul", { class: "words" }, ...order.slice(0, WORDS_A_SIDE).map((i) => wordRow(
        data.words[explanation.words[i]], Math.abs(explanation.evidence[i]) / 100, kind,
        evidenceText(explanation.evidence[i]))))
      : element("p", { class: "muted" }, "No word."));
}

function evidenceLists(explanation) {
  const order = Array.from(explanation.evidence.keys())
    .sort((a, b) => explanation.evidence[b] - explanation.evidence[a]);
  const anomalous = order.filter((i) => explanation.evidence[i] > 0);
  const normal = order.filter((i) => explanation.evidence[i] < 0).reverse();
  return element("div", { class: "pair" },
    evidenceList("Speak for off-topic", "anomalous", explanation, anomalous),
    evidenceList("Speak for normal", "normal", explanation, normal));
}

function unexpectedList(explanation) {
  const found = Array.from(explanation.unexpected ?? []).slice(0, 2 * WORDS_A_SIDE);
  if (!found.length) return [];
  return [element("p", { class: "facts", dir: "auto" }, element("b", {}, "Unexpected here: "),
    found.map(([word]) => data.words[explanation.words[word]]).join(", "))];
}

function factsOf(i, explanation) {
  if (!isJudgedHere(i)) return element("p", { class: "facts" }, "Not judged: no word of it is known.");
  const score = documentScores[i];
  const facts = [
    `Score ${decimal(score, 4)}, ${decimal(Math.abs(score - threshold), 4)} ` +
      `${score > threshold ? "above" : "below"} the threshold. `,
    `About ${percent(pValue(score))} of normal documents score at least as high.`,
  ];
  const distances = explanation?.distances ?? [];
  if (distances.length) {
    facts.push(" Distance to context " +
      distances.map((d, k) => `${k}:\u00a0${decimal(d)}`).join(", ") + ".");
  }
  return element("p", { class: "facts" }, ...facts);
}

/** Phrases in a line; no percent sign goes to the next one alone. */
const inALine = (phrases) => phrases.join("; ").replaceAll(" %", "\u00a0%");

function formList(explanation) {
  if (!explanation.form.length) return [];
  return [element("p", { class: "facts", dir: "auto" }, element("b", {}, "Odd by form: "),
    inALine(explanation.form))];
}

/** Everything about one document that a click on it opens. */
function documentView(i) {
  const place = element("div", { class: "opened" });
  const explanation = explanationOf(i);
  const draw = () => {
    const text = data.documents.text[i];
    const cut = data.documents.length[i] > data.n_characters
      ? [element("p", { class: "note" },
        `Cut: the first ${whole(data.n_characters)} of ${whole(data.documents.length[i])} characters.` +
        (explanation?.rest
          ? ` Words only in the rest have evidence ${evidenceText(explanation.rest)}.`
          : ""))]
      : [];
    if (!explanation) {
      place.replaceChildren(parts.facts(i, explanation), element("p", { class: "text", dir: "auto", tabindex: "0" }, text), ...cut,
        element("p", { class: "note" }, "Not among the documents that this report explains."), ...parts.more(i));
      return;
    }
    const redraw = (chosen) => {
      draw();
      place.querySelector(`[data-view="${chosen}"]`).focus();
    };
    place.replaceChildren(
      parts.facts(i, explanation),
      ...(views.length > 1 ? [viewsOf(redraw)] : []),
      legend(explanation), colouredText(text, explanation), ...cut,
      ...formList(explanation), ...unexpectedList(explanation),
      ...(explanation.words.length ? [evidenceLists(explanation)] : []), ...parts.more(i));
  };
  draw();
  return place;
}
