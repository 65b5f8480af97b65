"use strict";

// What every part of the page uses: its data, elements, numbers, the threshold.
// Texts become text nodes only; nothing here reads markup from a string.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

function fill(made, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "boolean") made.toggleAttribute(name, value);
    else made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

const element = (name, attributes = {}, ...children) =>
  fill(document.createElement(name), attributes, children);

const drawn = (name, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);

/** An element that CSS sizes by a variable, such as a bar. */
function sized(made, name, value) {
  made.style.setProperty(name, value);
  return made;
}

const whole = (n) => n.toLocaleString("en");
const counted = (n, noun) => `${whole(n)} ${noun}${n === 1 ? "" : "s"}`;
const percent = (share, digits = 1) => `${(100 * share).toFixed(digits)} %`;
const decimal = (x, digits = 3) =>
  x === Infinity ? "∞" : (x < 0 ? "−" : "") + Math.abs(x).toFixed(digits);
const signed = (x) => (x > 0 ? "+" : "") + decimal(x, 4);

/** How many of an ascending array lie above a value. */
function above(sorted, value) {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] > value) high = middle;
    else low = middle + 1;
  }
  return sorted.length - low;
}

/** How many of an ascending array are at least a value. */
function atLeast(sorted, value) {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] >= value) high = middle;
    else low = middle + 1;
  }
  return sorted.length - low;
}

const toScores = (values) => Float32Array.from(values, (s) => (s === null ? Infinity : s));
const scores = toScores(data.scores);
const isJudged = (i) => Boolean(data.judged[i]);
const sortedScores = scores.filter((_, i) => isJudged(i)).sort();
const nJudged = sortedScores.length, nNotJudged = scores.length - nJudged;
const calibration = toScores(data.calibration);
const isAnomaly = data.truth ? Uint8Array.from(data.truth) : null;
const ofTruth = isAnomaly
  ? [0, 1].map((kind) => scores.filter((_, i) => isAnomaly[i] === kind).sort())
  : null;

/** Share of normal documents that score above a threshold, as the calibration promises it. */
const falseAlarmRate = (value) => (1 + above(calibration, value)) / (1 + calibration.length);
const pValue = (score) => (1 + atLeast(calibration, score)) / (1 + calibration.length);

const modelThreshold = Math.fround(data.threshold ?? data.card.threshold);
let threshold = modelThreshold;
const watchers = [];

function setThreshold(value) {
  threshold = Math.fround(value);
  for (const watcher of watchers) watcher();
}

/** Call a function now and whenever the threshold moves. */
function withThreshold(watcher) {
  watchers.push(watcher);
  watcher();
}

/** Range that nearly all scores lie in, and the model's threshold. */
const range = (() => {
  const usual = scores.filter((s, i) => isJudged(i) && s < Infinity);
  const finite = calibration.filter((s) => s < Infinity);
  const all = Float32Array.from([...sample(usual), ...sample(finite)]).sort();
  const at = (q) => all[Math.round(q * (all.length - 1))];
  const low = Math.min(at(0.002), modelThreshold);
  const high = Math.max(at(data.findings ? 1 : 0.998), modelThreshold);
  const margin = 0.03 * (high - low) || Math.max(Math.abs(high), 1) * 0.05;
  return { low: low - margin, high: high + margin };
})();

/** Up to 20,000 of the values, at even distances. */
function sample(values) {
  const step = Math.max(1, Math.ceil(values.length / 20000));
  return Array.from({ length: Math.ceil(values.length / step) }, (_, i) => values[i * step]);
}

/** Where a score lies in that range, from 0 to 1. */
const placed = (score) =>
  Math.min(1, Math.max(0, (score - range.low) / (range.high - range.low)));
