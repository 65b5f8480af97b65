// The distribution of scores, the threshold on it, and what labels say of it.

const BINS = 64, HEIGHT = 190, EDGE = 9; // EDGE: half a slider's thumb, so that both line up

function binned(values, keep = () => true) {
  const counts = new Uint32Array(BINS);
  values.forEach((value, i) => {
    if (keep(i)) counts[Math.min(BINS - 1, Math.floor(placed(value) * BINS))] += 1;
  });
  return counts;
}

const bins = isAnomaly
  ? [0, 1].map((kind) => binned(scores, (i) => isJudged(i) && isAnomaly[i] === kind))
  : [binned(scores, isJudged)];
const calibrationBins = binned(calibration);
// the outline lies over the normal documents where these are known, else over all
const nExpected = isAnomaly ? bins[0].reduce((sum, n) => sum + n, 0) : nJudged;

/** Up to n round numbers in the range. */
function ticks(n) {
  const least = (range.high - range.low) / n, power = 10 ** Math.floor(Math.log10(least));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((s) => s >= least);
  const first = Math.ceil(range.low / step), last = Math.floor(range.high / step);
  const digits = Math.min(6, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step)
    .map((value) => ({ at: placed(value), text: decimal(value + 0, digits) }))
    .filter(({ at }) => at > 0.02 && at < 0.98);
}

function drawHistogram() {
  const width = Math.max(280, byId("histogram").clientWidth);
  const inner = width - 2 * EDGE, base = HEIGHT - 22;
  const total = Array.from(bins[0], (_, i) => bins.reduce((sum, part) => sum + part[i], 0));
  const expected = Array.from(calibrationBins, (n) => n * nExpected / calibration.length);
  const most = Math.max(1, ...total, ...expected);
  const x = (share) => EDGE + share * inner, y = (n) => base - n / most * (base - 14);
  const picture = drawn("svg", {
    viewBox: `0 0 ${width} ${HEIGHT}`, role: "img",
    "aria-label": "Histogram of scores with the threshold",
  });
  for (let i = 0; i < BINS; i++) {
    let from = 0;
    bins.forEach((part, kind) => {
      const flagged = (i + 0.5) / BINS > placed(threshold);
      const look = isAnomaly ? kind : Number(flagged);
      if (part[i]) {
        picture.append(drawn("rect", {
          x: x(i / BINS) + 0.5, width: Math.max(1, inner / BINS - 1),
          y: y(from + part[i]), height: y(from) - y(from + part[i]),
          class: look ? "anomalous" : "normal",
        }));
      }
      from += part[i];
    });
  }
  let path = `M${x(0)},${base}`;
  expected.forEach((n, i) => { path += `V${y(n)}H${x((i + 1) / BINS)}`; });
  picture.append(drawn("path", { d: path + `V${base}`, class: "expected" }));
  picture.append(drawn("line", { x1: x(0), x2: x(1), y1: base, y2: base, class: "axis" }));
  for (const tick of ticks(width < 480 ? 5 : 10)) {
    picture.append(drawn("text", { x: x(tick.at), y: HEIGHT - 6, "text-anchor": "middle" }, tick.text));
  }
  const at = x(placed(threshold));
  picture.append(
    drawn("line", { x1: at, x2: at, y1: 4, y2: base, class: "threshold" }),
    drawn("circle", { cx: at, cy: 6, r: 5, class: "handle" }));
  byId("histogram").replaceChildren(picture);
}

function dragHistogram() {
  const place = byId("histogram");
  const move = (event) => {
    const box = place.getBoundingClientRect();
    const share = (event.clientX - box.left - EDGE) / (box.width - 2 * EDGE);
    setThreshold(range.low + Math.min(1, Math.max(0, share)) * (range.high - range.low));
  };
  place.addEventListener("pointerdown", (event) => {
    place.setPointerCapture(event.pointerId);
    move(event);
  });
  place.addEventListener("pointermove", (event) => {
    if (place.hasPointerCapture(event.pointerId)) move(event);
  });
}

function readThreshold() {
  const n = above(sortedScores, threshold);
  const rate = percent(falseAlarmRate(threshold));
  byId("threshold").value = threshold;
  byId("threshold").setAttribute("aria-valuetext",
    `${decimal(threshold)}: ${counted(n, data.noun)} flagged, false-alarm rate ${rate}`);
  byId("readout").replaceChildren(
    "Above ", element("b", {}, decimal(threshold)), ": ",
    element("b", {}, whole(n)), ` of ${counted(scores.length, data.noun)} flagged `,
    `(${percent(n / scores.length)}). Of normal ${data.noun}s, at most about `,
    element("b", {}, rate), " would be.");
  byId("reset").disabled = threshold === modelThreshold;
}

// --- labels ---

const SIDE = 320, INSET = 34;
const curveX = (share) => INSET + share * (SIDE - INSET - 8);
const curveY = (share) => SIDE - INSET + 6 - share * (SIDE - INSET - 8);

/** False alarms, recall and precision above each distinct score, from the highest down. */
function rocPoints() {
  const order = Uint32Array.from(scores.keys()).sort((a, b) => scores[b] - scores[a] || 0);
  const [nNormal, nAnomalous] = ofTruth.map((part) => part.length);
  const points = [];
  let alarms = 0, found = 0;
  order.forEach((document, i) => {
    if (isAnomaly[document]) found += 1;
    else alarms += 1;
    if (i + 1 < order.length && scores[order[i + 1]] === scores[document]) return;
    points.push({
      alarm: alarms / nNormal, recall: found / nAnomalous, precision: found / (found + alarms),
    });
  });
  return points;
}

function thinned(points, n = 400) {
  const step = Math.max(1, Math.floor(points.length / n));
  return points.filter((_, i) => i % step === 0 || i === points.length - 1);
}

function drawCurve(place, points, xName, yName, chance) {
  const line = points.map(([a, b]) => `${curveX(a).toFixed(1)},${curveY(b).toFixed(1)}`);
  const dot = drawn("circle", { r: 5, class: "handle" });
  const picture = drawn("svg", {
    viewBox: `0 0 ${SIDE} ${SIDE}`, role: "img", "aria-label": `${yName} by ${xName}`,
  });
  for (const share of [0, 0.5, 1]) {
    picture.append(
      drawn("line", { x1: curveX(0), x2: curveX(1), y1: curveY(share), y2: curveY(share), class: "grid" }),
      drawn("text", { x: INSET - 6, y: curveY(share) + 4, "text-anchor": "end" }, String(share)),
      drawn("text", { x: curveX(share), y: curveY(0) + 14, "text-anchor": "middle" }, String(share)));
  }
  picture.append(
    drawn("polyline", { points: chance.map(([a, b]) => `${curveX(a)},${curveY(b)}`).join(" "), class: "chance" }),
    drawn("polyline", { points: line.join(" "), class: "curve" }),
    dot,
    drawn("text", { x: curveX(0.5), y: SIDE - 1, "text-anchor": "middle", class: "name" }, xName),
    drawn("text", { x: curveX(0) + 6, y: curveY(1) - 4, class: "name" }, yName));
  byId(place).replaceChildren(picture);
  return (a, b) => { dot.setAttribute("cx", curveX(a)); dot.setAttribute("cy", curveY(b)); };
}

function startCurves() {
  const points = rocPoints();
  const [normal, anomalous] = ofTruth;
  const share = anomalous.length / scores.length;
  byId("curves").hidden = false;
  byId("auc").textContent = `AUC ${decimal(data.evaluation.auc)}`;
  byId("ap").textContent = `average precision ${decimal(data.evaluation.average_precision)}`;
  const moveRoc = drawCurve("roc",
    [[0, 0], ...thinned(points).map((p) => [p.alarm, p.recall])],
    "false alarms", "recall", [[0, 0], [1, 1]]);
  const movePrecision = drawCurve("precision",
    thinned(points).map((p) => [p.recall, p.precision]),
    "recall", "precision", [[0, share], [1, share]]);
  withThreshold(() => {
    const found = above(anomalous, threshold), alarms = above(normal, threshold);
    const recall = found / anomalous.length, alarm = alarms / normal.length;
    const precision = found + alarms ? found / (found + alarms) : 1;
    moveRoc(alarm, recall);
    movePrecision(recall, precision);
    byId("found").textContent = whole(found);
    byId("missed").textContent = whole(anomalous.length - found);
    byId("alarms").textContent = whole(alarms);
    byId("passed").textContent = whole(normal.length - alarms);
    byId("rates").textContent = `${percent(recall)} of the anomalies found, ` +
      `${percent(alarm)} of the normal ${data.noun}s flagged, ` +
      `${percent(precision)} of the flagged are anomalies.`;
  });
}

function key(kind, text) {
  return element("span", {}, element("i", { class: `key ${kind}` }), text);
}

function startScores() {
  const slider = byId("threshold");
  slider.min = range.low;
  slider.max = range.high;
  slider.step = (range.high - range.low) / 1000;
  slider.addEventListener("input", () => setThreshold(Number(slider.value)));
  byId("reset").addEventListener("click", () => setThreshold(modelThreshold));
  byId("histogram-legend").replaceChildren(
    ...(isAnomaly ? [key("normal", "labelled normal"), key("anomalous", "labelled anomalous")]
      : [key("normal", "not flagged"), key("anomalous", "flagged")]),
    key("expected", `as normal ${data.noun}s would lie (calibration)`));
  byId("histogram-note").textContent = "The first and last bar also hold what lies beyond." +
    (nNotJudged ? ` Without the ${counted(nNotJudged, data.noun)} not judged.` : "");
  dragHistogram();
  withThreshold(drawHistogram);
  withThreshold(readThreshold);
  new ResizeObserver(drawHistogram).observe(byId("histogram"));
  if (isAnomaly) startCurves();
}
