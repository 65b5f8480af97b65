// What is normal: the contexts, and the words that decide over all explained documents.

/** Two or three words that name a context. */
const nameOf = (context, n = 3) =>
  context.words.slice().sort((a, b) => relevance(b, 0.6) - relevance(a, 0.6))
    .slice(0, n).map((word) => word[0]).join(", ");

/** Between frequency (weight 0) and distinctiveness (weight 1), as in LDAvis. */
const relevance = ([, count, distinctiveness], weight) =>
  (1 - weight) * Math.log2(count) + weight * distinctiveness;

const WORDS_OF_A_CONTEXT = 10;
const WORDS_THAT_DECIDE = 12;

function wordRow(word, share, kind, figure) {
  return element("li", {},
    element("span", { class: "word", dir: "auto" }, word),
    sized(element("span", { class: `bar ${kind}` }), "--share", Math.min(1, share)),
    element("span", { class: "figure" }, figure));
}

function contextCard(context, weight) {
  const words = context.words.slice()
    .sort((a, b) => relevance(b, weight) - relevance(a, weight)).slice(0, WORDS_OF_A_CONTEXT);
  const most = Math.max(1, ...context.words.map((word) => word[1]));
  const show = element("button", { type: "button", class: "link" }, "Show its documents here");
  show.addEventListener("click", () => showContext(context.context));
  const typical = context.typical.map(([, , excerpt]) =>
    element("p", { class: "excerpt", dir: "auto" }, excerpt));
  return element("article", {},
    element("p", { class: "eyebrow" },
      `Context ${context.name} · ${roughly(context.share)} of what it learned from`),
    element("h3", { dir: "auto" }, nameOf(context) || "no word"),
    element("ul", { class: "words" }, ...words.map(([word, count, distinctiveness]) =>
      wordRow(word, count / most, "neutral", times(distinctiveness)))),
    ...(typical.length
      ? [element("details", {}, element("summary", {}, "Typical documents"), ...typical)]
      : []),
    ...context.notes.map((note) => element("p", { class: "about" }, note)),
    show);
}

/** What is more than none is never 0 %. */
const roughly = (share) => share > 0 && share < 0.005 ? "< 1 %" : percent(share, 0);

/** How much more often than anywhere. */
function times(distinctiveness) {
  const factor = 2 ** distinctiveness;
  return `× ${factor < 10 ? factor.toFixed(1) : whole(Math.round(factor))}`;
}

function drawContexts() {
  const weight = Number(byId("relevance").value);
  const opened = [...byId("contexts").querySelectorAll("details")].map((d) => d.open);
  byId("contexts").replaceChildren(...data.contexts.map((c) => contextCard(c, weight)));
  byId("contexts").querySelectorAll("details").forEach((d, i) => { d.open = !!opened[i]; });
}

const CAP = 100; // the strongest colour: no single document decides over the others

/** Evidence of each word, over all explained documents. */
function wordsThatDecide() {
  const sums = new Float64Array(data.words.length), holding = new Uint32Array(data.words.length);
  for (const packed of data.documents.explanation) {
    if (!packed) continue;
    const evidence = decoded(packed.evidence);
    decoded(packed.words).forEach((word, i) => {
      sums[word] += Math.min(CAP, Math.max(-CAP, evidence[i]));
      holding[word] += 1;
    });
  }
  return Array.from(sums, (sum, word) => ({ word, sum, n: holding[word] }))
    .filter(({ sum }) => sum).sort((a, b) => b.sum - a.sum);
}

function decidingList(title, entries, kind, most) {
  return element("div", {},
    element("h4", { class: kind }, title),
    element("ul", { class: "words" }, ...entries.map(({ word, sum, n }) =>
      wordRow(data.words[word], Math.abs(sum) / most, kind, counted(n, "document")))));
}

function startContexts() {
  byId("contexts-part").hidden = !data.contexts.length;
  byId("relevance").addEventListener("input", drawContexts);
  drawContexts();
  const words = wordsThatDecide();
  byId("words-part").hidden = !words.length;
  if (!words.length) return;
  byId("words-about").textContent =
    "Evidence of each word, added up over the " +
    `${counted(data.n_explained, "explained document")}; in each it counts at most as much as the ` +
    "strongest colour below.";
  const normal = words.filter(({ sum }) => sum < 0).reverse().slice(0, WORDS_THAT_DECIDE);
  const anomalous = words.filter(({ sum }) => sum > 0).slice(0, WORDS_THAT_DECIDE);
  const most = Math.max(...[...normal, ...anomalous].map(({ sum }) => Math.abs(sum)));
  byId("words").replaceChildren(
    decidingList("Speak for normal", normal, "normal", most),
    decidingList("Speak for off-topic", anomalous, "anomalous", most));
}
