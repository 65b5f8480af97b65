// Where the documents lie: those flagged are lit, one is told about at a time.

const INNER = 16, NEAR = 16, DOT = 3.5; // pixels
const found = data.findings, chart = found.map;
let dots = [], lit = -1;

function drawMap() {
  const width = Math.max(280, byId("map-place").clientWidth);
  const low = Math.min(...chart.y), high = Math.max(...chart.y);
  const unit = (width - 2 * INNER) / 1000;
  const height = Math.round((high - low) * unit) + 2 * INNER;
  const picture = drawn("svg", {
    viewBox: `0 0 ${width} ${height}`, tabindex: "0", role: "application", id: "chart",
    "aria-label": `Map of ${counted(chart.x.length, "document")}; arrow keys go from the oddest to the others, Enter opens one`,
  });
  dots = chart.x.map((x, i) => drawn("circle", {
    cx: (INNER + x * unit).toFixed(1), cy: (height - INNER - (chart.y[i] - low) * unit).toFixed(1),
    r: chart.flagged[i] ? DOT + 1 : DOT, class: chart.flagged[i] ? "flagged" : "",
  }));
  picture.append(...dots.slice().reverse());
  picture.addEventListener("pointermove", (event) => tell(nearestDot(picture, event)));
  picture.addEventListener("pointerleave", () => tell(-1));
  picture.addEventListener("blur", () => tell(-1));
  picture.addEventListener("click", (event) => openDot(nearestDot(picture, event)));
  picture.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step && event.key !== "Enter") return;
    event.preventDefault(); // else Enter would also press what openDot focuses
    if (!step) openDot(lit);
    else tell(Math.min(dots.length - 1, Math.max(0, lit + step)));
  });
  byId("chart")?.remove();
  byId("map-place").prepend(picture);
  lit = -1;
  byId("tip").hidden = true;
}

const center = (dot) => [Number(dot.getAttribute("cx")), Number(dot.getAttribute("cy"))];

function nearestDot(picture, event) {
  const box = picture.getBoundingClientRect();
  let best = -1, least = NEAR ** 2;
  dots.forEach((dot, i) => {
    const [x, y] = center(dot);
    const distance = (x - event.clientX + box.left) ** 2 + (y - event.clientY + box.top) ** 2;
    if (distance < least) { best = i; least = distance; }
  });
  return best;
}

function excerptOf(i) {
  const place = placeOf.get(chart.number[i]);
  if (place === undefined) return chart.excerpt[i];
  return `${listed.rank[place]}. ${listed.text[place].slice(0, 300).replace(/\s+/g, " ").slice(0, 160)}`;
}

/** Show the excerpt of a dot, or none for -1. */
function tell(i) {
  if (i === lit) return;
  dots[lit]?.classList.remove("shown");
  lit = i;
  const tip = byId("tip");
  tip.hidden = i < 0;
  if (i < 0) return;
  dots[i].classList.add("shown");
  tip.textContent = excerptOf(i);
  const [x, y] = center(dots[i]), width = byId("map-place").clientWidth;
  sized(tip, "--x", Math.max(0, Math.min(x - 20, width - Math.min(320, width))));
  sized(tip, "--y", y + 14);
}

function openDot(i) {
  const place = i < 0 ? undefined : placeOf.get(chart.number[i]);
  if (place !== undefined) openDocument(place);
}

function startMap() {
  byId("map").hidden = !chart;
  document.querySelector('nav a[href="#map"]').hidden = !chart;
  if (!chart) return;
  const nDifferent = nJudged - found.n_copies;
  byId("map-about").textContent =
    `Documents with like words lie together${found.n_flagged ? "; those flagged are lit" : ""}. The two axes hold ` +
    `${percent(chart.share, 0)} of all differences, so neighbours here may still differ.` +
    (chart.x.length < nDifferent ? ` ${whole(chart.x.length)} of ${whole(nDifferent)} are drawn.` : "");
  new ResizeObserver(drawMap).observe(byId("map-place"));
  drawMap();
}
