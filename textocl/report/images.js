// The page about images: tiles with heatmaps.

const TILES = 60; // on a page
const SMALL_PICTURE = 64; // pixels up to which a picture is shown without smoothing
const images = data.images;
const flagged = (i) => scores[images.number[i]] > threshold;
let heatmaps = true, first = 0, chosen = [];

function tile(i) {
  const number = images.number[i], score = scores[number], name = images.name[i];
  const picture = element("img", { alt: name, loading: "lazy" });
  picture.addEventListener("load", () =>
    picture.classList.toggle("small", Math.max(picture.naturalWidth, picture.naturalHeight) <= SMALL_PICTURE));
  const button = element("button", { type: "button", title: "Heatmap on or off" }, picture);
  const show = (heat) => {
    picture.src = heat ? images.overlay[i] : images.picture[i];
    button.setAttribute("aria-pressed", String(heat));
  };
  button.addEventListener("click", () => show(button.getAttribute("aria-pressed") !== "true"));
  show(heatmaps);
  const facts = ` ${decimal(score, 4)}, p ${pValue(score).toPrecision(2)}` +
    (isAnomaly ? `, labelled ${isAnomaly[number] ? "anomalous" : "normal"}` : "");
  return element("li", { class: flagged(i) ? "flagged" : "" }, button,
    element("p", { dir: "auto" }, name),
    element("p", { class: "facts" }, element("b", {}, flagged(i) ? "flagged" : "passed"), facts));
}

const ORDERS = {
  highest: (i) => -scores[images.number[i]],
  lowest: (i) => scores[images.number[i]],
  nearest: (i) => Math.abs(scores[images.number[i]] - threshold),
  order: (i) => images.number[i],
};

function choose() {
  const [show, label, key] = [byId("show").value, byId("label").value, ORDERS[byId("sort").value]];
  chosen = images.number.map((_, i) => i)
    .filter((i) => show === "all" || flagged(i) === (show === "flagged"))
    .filter((i) => label === "all" || isAnomaly[images.number[i]] === Number(label))
    .sort((a, b) => key(a) - key(b) || a - b);
  first = Math.min(first, Math.max(0, TILES * Math.floor((chosen.length - 1) / TILES)));
  const missing = scores.length - images.number.length;
  byId("count").textContent = counted(chosen.length, "image") +
    (missing ? `; ${whole(missing)} more are not listed` : "");
  byId("list").replaceChildren(...chosen.slice(first, first + TILES).map(tile));
  const pages = Math.max(1, Math.ceil(chosen.length / TILES));
  byId("place").textContent = `page ${first / TILES + 1} of ${pages}`;
  byId("previous").disabled = first === 0;
  byId("next").disabled = first + TILES >= chosen.length;
}

function turn(by) {
  first += by * TILES;
  choose();
  byId("images").scrollIntoView();
}

const notesOnImages = () => [
  "Anomalous means unlike the training images, not broken. Heatmaps say what moved the score; they " +
    "can be right about the image and wrong about the place.",
];

function start() {
  byId("label-choice").hidden = !isAnomaly;
  for (const id of ["sort", "show", "label"]) {
    byId(id).addEventListener("change", () => { first = 0; choose(); });
  }
  byId("heat").addEventListener("click", () => {
    heatmaps = !heatmaps;
    byId("heat").setAttribute("aria-pressed", String(heatmaps));
    choose();
  });
  byId("previous").addEventListener("click", () => turn(-1));
  byId("next").addEventListener("click", () => turn(1));
  byId("tools").addEventListener("submit", (event) => event.preventDefault());
  startScores();
  startSummary(notesOnImages);
  withThreshold(choose);
}

start();
