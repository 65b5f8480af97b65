"""Which words of a review are odd? Marked words of complaints among praise, by published protocol.

Half of the normal restaurant reviews (seed 0) are learned from; the other half and the complaints
are ranked. Word measures are of all words of all these reviews together, stopwords included.
Labels and spans measure only.
"""

from __future__ import annotations

import argparse
import time
import warnings
from typing import NamedTuple

import numpy as np
from choose_fusion import late_corpus
from planted_words import Topic, plant
from protocol import DATA, environment, write_result

import textocl
from textocl.evaluation import evaluate
from textocl.evaluation.word_spans import (
    evaluate_words,
    explained_values,
    mark_words,
    values_at,
    word_places,
)
from textocl.explain.odd_words import OddWords
from textocl.io.corpora import read_documents
from textocl.text.embeddings.transformer import TransformerVectors

_CLASSES, _OFF_TOPIC, _N_PLANTED, _N_WORDS = ("rec", "sci"), 4.0, 50, 90
COLUMNS = ("words, AUC", "AP", "FPR at 95 %", "within a review, AUC", "reviews, AUC", "AP")
TRIED = """
## What was tried

Target: word AUC of 0.88 and review AUC of 0.96 (published: 0.827 and 0.959, by the nearest of BERT's vectors
of the words of normal training reviews; its split is not known). Both are missed, and the published figures too.

The design was chosen on other texts, all of training splits: words planted in newsgroups (rec, sci) and in Reuters,
and short film reviews (450 of praise to learn from; complaints with the words marked that are at least 2.2 times
as common in complaints, and praise with one or two sentences of complaints planted). Notes of these trials, made
with scripts that are not kept, for layers 1 to 6 of MiniLM and the mean of five nearest words:

| | 1 | 2 | 3 | 4 | 5 | 6 |
| --- | --- | --- | --- | --- | --- | --- |
| film reviews, marked words, AUC | 0.84 | 0.82 | 0.79 | 0.78 | 0.80 | 0.60 |
| film reviews, AUC of the whole review | 0.60 | 0.65 | 0.66 | 0.68 | 0.65 | 0.59 |
| planted words, rec, AUC | 0.91 | 0.92 | 0.92 | 0.91 | 0.90 | 0.84 |
| planted words, sci, AUC | 0.89 | 0.89 | 0.91 | 0.90 | 0.89 | 0.85 |

The fourth layer was taken, for reviews as a whole; for words alone the first would be as good or better. Its
distance and the word's rarity among normal texts have 0.78 and 0.84 on film reviews and 0.91 and 0.91 on rec;
their mean has 0.83 and 0.93. Sentences of complaints among praise are found by nothing (0.50 to 0.59). One nearest
word is worse than five, and ten make no clear difference (0.79, 0.91, 0.87 for film, rec, sci); whitening the vectors costs 0.01 to 0.10, their distance
to the mean (Mahalanobis) more. Beside these, not better there: the mean of layers 1 to 5; what is expected of a
word as common in general language taken off (0.58 and 0.79); the mean of a word's neighbours (0.74 and 0.88);
vectors averaged over five words (0.59 and 0.60); the ratio to general language (0.60 and 0.87).

Adding the review to each word lowers the AUC of planted words (0.93 to 0.89), as single words do not make those
texts odd; it is reported for the pooled measures, which compare words of different reviews. No weight was
fitted: both parts are in standard deviations of normal texts. On the restaurant reviews themselves, the
variants above were measured too, for the record, and not chosen by: words 0.64 to 0.77 alone, up to
0.80 with twice the weight of the review, reviews 0.81 to 0.95. The number of words alone ranks reviews with 0.88:
complaints are long, and a sum in place of a mean would gain by that, not by what is odd in them.

Within a complaint, marked words and others are hard to tell apart for all (0.45 to 0.65): many are common words
(small, cold, loud) or whole clauses, and what is bad about a dish is not known from praise alone.
"""


class Review(NamedTuple):
    text: str
    is_odd: bool
    spans: list[list[int]]


def split() -> tuple[list[str], list[Review]]:
    """Normal reviews to learn from, and those to rank."""
    documents = read_documents(DATA / "piles" / "restaurant_review_words.jsonl.gz")
    reviews = [Review(d.text, d.fields["label"] == "1", d.fields["spans"]) for d in documents]
    normal = [review for review in reviews if not review.is_odd]
    order = np.random.default_rng(0).permutation(len(normal))
    half = len(normal) // 2
    held_out = [normal[i] for i in np.sort(order[half:])]
    return [normal[i].text for i in order[:half]], held_out + [r for r in reviews if r.is_odd]


def row(
    name: str, reviews: list[Review], values: list[np.ndarray], scores: np.ndarray, seconds: float
) -> str:
    marks = [mark_words(word_places(review.text), review.spans) for review in reviews]
    words = evaluate_words(marks, values)
    whole = evaluate(np.nan_to_num(scores, nan=0.0), [review.is_odd for review in reviews])
    figures = (
        words.pooled.auc, words.pooled.average_precision, words.pooled.fpr_at_95_recall,
        words.within, whole.auc, whole.average_precision,
    )  # fmt: skip
    line = " | ".join(f"{figure:.3f}" for figure in figures)
    print(name, line, flush=True)
    return f"| {name} | {line} | {seconds:.0f} |"


def of_detector(embedding: str, training: list[str], reviews: list[Review]) -> list[str]:
    """What explanations of the default detector say."""
    start = time.process_time()
    detector = textocl.Detector(embedding=embedding).fit(training)
    texts = [review.text for review in reviews]
    scores, explanations = detector.anomaly_score(texts), detector.explain(texts)
    seconds = time.process_time() - start
    return [
        row(
            f"`Detector`, {embedding}, {what}",
            reviews,
            [explained_values(e, getattr(e, what)) for e in explanations],
            scores,
            seconds,
        )
        for what in ("contributions", "evidence", "surprisal")
    ]


def of_odd_words(training: list[str], reviews: list[Review]) -> list[str]:
    start = time.process_time()
    odd = OddWords.learn(training).of([review.text for review in reviews])
    seconds = time.process_time() - start
    places = [word_places(review.text) for review in reviews]
    scores = np.array([text.document for text in odd])
    return [
        row(
            name,
            reviews,
            [values_at(p, o.spans, getattr(o, what)) for p, o in zip(places, odd, strict=True)],
            scores,
            seconds,
        )
        for name, what in (
            ("`OddWords`, minilm, word alone", "values"),
            ("`OddWords`, minilm, word and its review", "with_document"),
        )
    ]


def planted(label: str) -> tuple[list[str], list[Review]]:
    """Of newsgroups' training split: beginnings to learn from, and some with words planted."""
    corpus, random = late_corpus("20ng"), np.random.default_rng(0)
    topic = Topic.of(corpus, label)
    own = {
        split: [
            " ".join(d.text.split()[:_N_WORDS])
            for d in corpus
            if (d.split, d.label) == (split, label)
        ]
        for split in ("train", "test")
    }
    training = [own["train"][i] for i in random.permutation(len(own["train"]))[:450]]
    late = [own["test"][i] for i in random.permutation(len(own["test"]))[: 2 * _N_PLANTED]]
    reviews = [Review(text, False, []) for text in late[_N_PLANTED:]]
    for text in late[:_N_PLANTED]:
        changed, words = plant(text, topic, _OFF_TOPIC, random)
        spans = word_places(changed).tolist()
        spans = [[a, b] for a, b in spans if changed[a:b].lower() in words]
        reviews.append(Review(changed, True, spans))
    return training, reviews


def choose() -> None:
    lines = ["| layers | " + " | ".join(_CLASSES) + " |", "| --- " * (1 + len(_CLASSES)) + "|"]
    tasks = [planted(label) for label in _CLASSES]
    for n_layers in range(1, 7):
        source = TransformerVectors("minilm", n_layers=n_layers)
        cells = []
        for training, reviews in tasks:
            odd = OddWords.learn(training, source).of([r.text for r in reviews])
            places = [word_places(r.text) for r in reviews]
            marks = [mark_words(p, r.spans) for p, r in zip(places, reviews, strict=True)]
            values = [values_at(p, o.spans, o.values) for p, o in zip(places, odd, strict=True)]
            cells.append(f"{evaluate_words(marks, values).pooled.auc:.3f}")
        lines.append(f"| {n_layers} | " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    write_result(
        "words_choose",
        "# Odd words: how many layers\n\n`python benchmarks/words.py --choose`; word AUC of planted "
        "words, within newsgroups' training split.\n\n"
        + "\n".join(lines)
        + f"\n\n{environment()}\n",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--choose", action="store_true", help="layers, within a training split")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", textocl.TextoclWarning)
    if arguments.choose:
        choose()
        return
    training, reviews = split()
    rows = [
        *of_detector("wordllama", training, reviews),
        *of_detector("minilm", training, reviews),
        *of_odd_words(training, reviews),
    ]
    write_result(
        "words",
        "# Odd words of reviews\n\n`python benchmarks/words.py`; restaurant reviews, "
        f"{len(training)} normal ones learned from, {len(reviews)} ranked, "
        f"{sum(r.is_odd for r in reviews)} of these complaints. Seed 0.\n\n"
        "| | " + " | ".join(COLUMNS) + " | CPU, s |\n"
        + "| --- " * (len(COLUMNS) + 2) + "|\n" + "\n".join(rows)
        + f"\n\n{environment()}\n" + TRIED,
    )  # fmt: skip


if __name__ == "__main__":
    main()
