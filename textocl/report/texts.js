// The page about texts: what only it notes, and the order in which its parts begin.

function notesOnTexts() {
  const notes = [
    "Off-topic means unlike the training documents, not wrong or bad. The coloured words say what " +
      "moved the score; what they mean is the reader’s to judge. They are weighed against the " +
      "model’s own threshold, wherever the slider stands.",
  ];
  if (nNotJudged) {
    notes.push(`${counted(nNotJudged, "document")} without a single known word ` +
      `${nNotJudged === 1 ? "is" : "are"} not judged.` +
      (isAnomaly ? " Where labels are compared, they count with the worst score there is." : ""));
  }
  return [...notes, ...notesOnListed()];
}

startContexts();
startDecidingWords();
startScores();
startDocuments();
startSummary(notesOnTexts);
document.documentElement.dataset.ready = "true";
