// The page about texts: what only it notes, and the order in which its parts begin.

function notesOnTexts() {
  const notes = [
    "Off-topic means unlike the training documents, not wrong or bad. The coloured words say what " +
      "moved the score; what they mean is the reader’s to judge. They are weighed against the " +
      "model’s own threshold, wherever the slider stands.",
  ];
  const nListed = listed.text.length;
  if (nNotJudged) {
    notes.push(`${counted(nNotJudged, "document")} without a single known word ` +
      `${nNotJudged === 1 ? "is" : "are"} not judged.` +
      (isAnomaly ? " Where labels are compared, they count with the worst score there is." : ""));
  }
  if (data.n_explained < nListed) {
    notes.push(`${whole(data.n_explained)} of ${whole(nListed)} listed documents are explained: ` +
      "the most anomalous ones, and some of every lower score.");
  }
  if (nListed < scores.length) {
    notes.push(`${whole(nListed)} of ${whole(scores.length)} documents are listed: the most ` +
      "anomalous ones, and some of every lower score. All count in the figures.");
  }
  const nCut = listed.length.filter((length) => length > data.n_characters).length;
  if (nCut) {
    notes.push(`Of ${counted(nCut, "long document")} only the first ${whole(data.n_characters)} ` +
      "characters are shown; the score is of the whole text.");
  }
  return notes;
}

startContexts();
startScores();
startDocuments();
startSummary(notesOnTexts);
document.documentElement.dataset.ready = "true";
