// The page about texts: what only it notes, and the order in which its parts begin.

function notesOnTexts() {
  const notes = [
    "Off-topic means unlike the training documents, not wrong or bad. The coloured words say what " +
      "moved the score; what they mean is the reader’s to judge. They are weighed against the " +
      "model’s own threshold, wherever the slider stands.",
  ];
  const nUnknown = scores.length - nKnown;
  if (nUnknown) {
    notes.push(`${counted(nUnknown, "document")} without a single known word ` +
      `${nUnknown === 1 ? "has" : "have"} the worst score there is: nothing is known of ` +
      `${nUnknown === 1 ? "it" : "them"}.`);
  }
  return [...notes, ...notesOnListed()];
}

startContexts();
startDecidingWords();
startScores();
startDocuments();
startSummary(notesOnTexts);
document.documentElement.dataset.ready = "true";
