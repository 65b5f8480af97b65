// What every report says of a model and its scores: the heading, how far to trust it, the card.

const card = data.card;

function drawSummary() {
  const n = above(sortedScores, threshold);
  const learned = card.documents === null
    ? "what the model learned from" : `the ${counted(card.documents, data.noun)} it learned from`;
  byId("lead").textContent =
    `${whole(n)} of ${counted(scores.length, data.noun)} (${percent(n / scores.length, 0)}) ` +
    `do not look like ${learned}` + (nNotJudged ? `; ${whole(nNotJudged)} could not be judged.` : ".");
  terms("figures", [
    [`${data.noun}s`, whole(scores.length)],
    ["flagged", whole(n)],
    ...(nNotJudged ? [["not judged", whole(nNotJudged)]] : []),
    ["of normal ones would be", percent(falseAlarmRate(threshold))],
    ...(data.evaluation ? [["AUC by the labels", decimal(data.evaluation.auc)]] : []),
  ]);
}

const CALIBRATIONS = {
  split: (n) => `The threshold comes from the scores of ${counted(n, data.noun)} held out from training.`,
  cross: (n) => `The threshold comes from ${counted(n, data.noun)}, each scored without itself.`,
  training: (n) => `The threshold comes from the ${counted(n, `training ${data.noun}`)} themselves, so ` +
    `more new normal ${data.noun}s are flagged than it promises.`,
};

/** How many of n flagged ones are expected to be wrong, by their false discovery rate. */
function wrongOnes(n, rate) {
  if (rate > 0.55) {
    return n === 1 ? "The one flagged may well be normal: as many would score so high by chance."
      : `Most of these ${whole(n)} may well be normal: about as many would score so high by chance.`;
  }
  const one = Math.floor(1 / Math.max(rate, 1e-9));
  const share = one > 100 ? "fewer than 1 in 100" : one > 2 ? `at most about 1 in ${one}` : "at most about half";
  if (n === 1) return `The one flagged is wrong in ${share} of such cases.`;
  return `${share[0].toUpperCase()}${share.slice(1)} of these ${whole(n)} ${one > 2 ? "is" : "are"} expected to be wrong.`;
}

/** What holds of every report, then what a page adds. */
function drawNotes(ofThisPage) {
  const flagged = above(sortedScores, threshold);
  const expected = falseAlarmRate(threshold) * nJudged;
  const notes = [
    `Were every ${data.noun} here normal, about ${whole(Math.round(expected))} would be flagged by ` +
      `chance; ${whole(flagged)} ${flagged === 1 ? "is" : "are"}.` +
      (flagged ? ` ${wrongOnes(flagged, expected / flagged)}` : ""),
    (CALIBRATIONS[card.calibration] ?? CALIBRATIONS.split)(card.calibration_documents) +
      ` This holds for ${data.noun}s of the same kind as those it learned from.`,
    data.evaluation
      ? `Labels were given: an anomalous ${data.noun} outranks a normal one ` +
        `${percent(data.evaluation.auc)} of the time (AUC; 50 % is chance).`
      : `No labels were given, so how many anomalies were missed is not known here.`,
    ...ofThisPage(),
  ];
  if (card.calibration_documents > calibration.length) {
    notes.push(`False-alarm rates here go by ${whole(calibration.length)} of ` +
      `${whole(card.calibration_documents)} calibration scores.`);
  }
  drawNoteList(notes);
}

function drawNoteList(notes) {
  byId("notes").replaceChildren(...notes.map((note) => element("li", {}, note)));
}

function terms(place, entries) {
  byId(place).replaceChildren(...entries.map(([name, value]) =>
    element("div", {}, element("dt", {}, name), element("dd", { dir: "auto" }, String(value)))));
}

function drawCard() {
  terms("card", [
    ["Detector", card.class],
    ...(card.members.length
      ? [["Members", card.members.map(([name, kind, weight]) => `${name} (${kind}, weight ${weight})`).join(", ")]]
      : []),
    ["Learned from", card.documents === null ? "not recorded" : counted(card.documents, data.noun)],
    ["Calibrated on", `${counted(card.calibration_documents, "score")} (${card.calibration})`],
    ["Threshold", decimal(card.threshold, 4)],
    ["False-alarm rate", percent(card.false_alarm_rate)],
    ["Seed", card.seed ?? "none"],
    ["Report written with", card.versions.map((pair) => pair.join(" ")).join(", ")],
  ]);
  terms("parameters", card.parameters);
}

/** Draw everything but what is listed; `ofThisPage` returns notes. */
function startSummary(ofThisPage) {
  byId("title").textContent = data.title;
  withThreshold(drawSummary);
  withThreshold(() => drawNotes(ofThisPage));
  drawCard();
}
