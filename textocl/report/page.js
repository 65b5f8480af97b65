// The page as a whole: its heading, what to know before trusting it, the model's card.

function drawSummary() {
  const n = above(sortedScores, threshold), card = data.card;
  const learned = card.documents === null
    ? "what the model learned from" : `the ${counted(card.documents, "document")} it learned from`;
  byId("lead").textContent =
    `${whole(n)} of ${counted(scores.length, "document")} (${percent(n / scores.length, 0)}) ` +
    `do not look like ${learned}.`;
  const figures = [
    [whole(scores.length), "documents"],
    [whole(n), "flagged"],
    [percent(falseAlarmRate(threshold)), "of normal ones would be"],
    ...(data.evaluation ? [[decimal(data.evaluation.auc), "AUC by the labels"]] : []),
  ];
  byId("figures").replaceChildren(...figures.map(([figure, name]) =>
    element("div", {}, element("dt", {}, name), element("dd", {}, figure))));
}

const CALIBRATIONS = {
  split: (n) => `The threshold comes from the scores of ${counted(n, "document")} held out from training.`,
  cross: (n) => `The threshold comes from ${counted(n, "document")}, each scored without itself.`,
  training: (n) => `The threshold comes from the ${counted(n, "training document")} themselves, so ` +
    "more new normal documents are flagged than it promises.",
};

function drawNotes() {
  const card = data.card, n = scores.length, flagged = above(sortedScores, threshold);
  const nUnknown = n - nKnown, expected = falseAlarmRate(threshold) * n;
  const notes = [
    `Were every document here normal, about ${whole(Math.round(expected))} would be flagged by ` +
      `chance; ${whole(flagged)} are.` +
      (flagged <= 1.5 * expected ? " That is hardly more: single flags mean little." : ""),
    (CALIBRATIONS[card.calibration] ?? CALIBRATIONS.split)(card.calibration_documents) +
      " This holds for documents of the same kind as those it learned from.",
    data.evaluation
      ? `Labels were given: an anomalous document outranks a normal one ` +
        `${percent(data.evaluation.auc)} of the time (AUC; 50 % is chance).`
      : "No labels were given, so how many off-topic documents were missed is not known here.",
    "Off-topic means unlike the training documents, not wrong or bad. The coloured words say what " +
      "moved the score; what they mean is the reader’s to judge. They are weighed against the " +
      "model’s own threshold, wherever the slider stands.",
  ];
  if (nUnknown) {
    notes.push(`${counted(nUnknown, "document")} without a single known word ` +
      `${nUnknown === 1 ? "has" : "have"} the worst score there is: nothing is known of ` +
      `${nUnknown === 1 ? "it" : "them"}.`);
  }
  if (data.n_explained < data.documents.text.length) {
    notes.push(`${whole(data.n_explained)} of ${whole(data.documents.text.length)} listed documents ` +
      "are explained: the most anomalous ones, and some of every lower score.");
  }
  if (data.documents.text.length < n) {
    notes.push(`${whole(data.documents.text.length)} of ${whole(n)} documents are listed: the most ` +
      "anomalous ones, and some of every lower score. All count in the figures.");
  }
  const nCut = data.documents.length.filter((length) => length > data.n_characters).length;
  if (nCut) {
    notes.push(`Of ${counted(nCut, "long document")} only the first ${whole(data.n_characters)} ` +
      "characters are shown; the score is of the whole text.");
  }
  if (card.calibration_documents > calibration.length) {
    notes.push(`False-alarm rates here go by ${whole(calibration.length)} of ` +
      `${whole(card.calibration_documents)} calibration scores.`);
  }
  byId("notes").replaceChildren(...notes.map((note) => element("li", {}, note)));
}

function terms(place, entries) {
  byId(place).replaceChildren(...entries.map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", { dir: "auto" }, String(value)))));
}

function drawCard() {
  const card = data.card;
  terms("card", [
    ["Detector", card.class],
    ...(card.members.length
      ? [["Members", card.members.map(([name, kind, weight]) => `${name} (${kind}, weight ${weight})`).join(", ")]]
      : []),
    ["Learned from", card.documents === null ? "not recorded" : counted(card.documents, "document")],
    ["Calibrated on", `${counted(card.calibration_documents, "score")} (${card.calibration})`],
    ["Threshold", decimal(card.threshold, 4)],
    ["False-alarm rate", percent(card.false_alarm_rate)],
    ["Seed", card.seed ?? "none"],
    ["Report written with", card.versions.map((pair) => pair.join(" ")).join(", ")],
  ]);
  terms("parameters", card.parameters);
}

byId("title").textContent = data.title;
startThemes();
startScores();
startDocuments();
withThreshold(drawSummary);
withThreshold(drawNotes);
drawCard();
document.documentElement.dataset.ready = "true";
