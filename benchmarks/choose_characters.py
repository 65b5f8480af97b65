"""How `CharacterLikelihood` counts: as a language model, or windows as a whole? On training splits.

A language model adds up ``−log p(c | the four before it)``; windows as a whole ``−log p(all five)``,
which stays high within a form that some training documents share. Scores are a mixture of both.
Tasks are those of choose_form.py, with the member "characters" of the default exchanged. In a pile,
75 of 1,500 training documents of all classes of Reuters are changed to a kind of form, and all are
ranked out of sample by the member alone. About six minutes on one core.
"""

from __future__ import annotations

import argparse
import warnings
from typing import Any
from unittest.mock import patch

import numpy as np
from choose_form import Task, auc_of
from form import EXPECTED, changed_to
from piles import shuffled
from protocol import environment, read_corpus, write_result
from scipy.stats import norm

import textocl
from textocl.ensemble.fusion import Fusion, fused_odds, loss
from textocl.evaluation.published import TABLE_3_4
from textocl.form import character_model

_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
_N_PILE, _N_PLANTED, _FEWEST_WORDS = 1_500, 75, 20
_surprisals = character_model.surprisals


def mixed(share: float) -> Any:
    """Surprisals of which ``share`` is that of windows as a whole."""

    def of_both(counts: np.ndarray, n_characters: np.ndarray, least: np.float32) -> np.ndarray:
        whole = np.log((n_characters + 0.5) / (counts[-1] + 0.5))
        both = (1 - share) * _surprisals(counts, n_characters, least) + share * whole
        return (np.rint(both / character_model.UNIT) * character_model.UNIT).astype(np.float32)

    return patch.object(character_model, "surprisals", of_both)


def in_default(task: Task) -> dict[str, float]:
    """The default with the member learned anew: AUC of topics, and of the mean kind of form.

    With them the standard deviation of the member's scores of training documents, in nats.
    """
    members = task.detector.members_
    fusion = Fusion.of(list(members.values()), task.detector.state_.out_of_sample)
    detector = textocl.CharacterLikelihood().fit(task.training)
    alone = {name: detector.anomaly_score(texts) for name, texts in task.sets.items()}
    middle, high = np.quantile(alone["held out"], [0.5, 0.9])

    def fused(name: str) -> np.ndarray:
        terms = task.terms(task.scores[name], fusion)
        standard = (alone[name] - middle) / (high - middle) * norm.ppf(0.9)
        terms[-1] = members["characters"].weight * loss(standard)
        return fused_odds(terms.sum(axis=0))

    held_out = fused("held out")
    form = [auc_of(held_out, fused(kind)) for kind in EXPECTED]
    judged = detector.training_scores_[~np.isnan(detector.training_scores_)]
    spread = (np.quantile(judged, 0.9) - np.median(judged)) / norm.ppf(0.9)
    topics = auc_of(held_out, fused("topics"))
    return {"topics": topics, "form": float(np.mean(form)), "spread": float(spread)}


def in_pile(texts: list[str]) -> dict[str, float]:
    """AUC of the member alone within piles that it learned from, by the kind of form planted."""
    is_odd = np.arange(len(texts)) < _N_PLANTED
    found = {}
    for kind in EXPECTED:
        random = np.random.default_rng(3)
        planted = [changed_to(kind, text, random) for text in texts[:_N_PLANTED]]
        pile = [*planted, *texts[_N_PLANTED:]]
        scores = textocl.CharacterLikelihood().fit(pile).training_scores_
        found[kind] = auc_of(scores[~is_odd], scores[is_odd])
    return found


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    warnings.simplefilter("ignore", textocl.TextoclWarning)
    tasks: dict[str, list[Task]] = {}
    for corpus in ("reuters", "20ng"):
        documents = [d for d in read_corpus(corpus) if d.split == "train"]
        tasks[corpus] = [Task(documents, label) for label in TABLE_3_4[corpus]]
        print(corpus, flush=True)
    texts = [d.text for d in read_corpus("reuters") if d.split == "train"]
    texts = [text for text in texts if len(text.split()) >= _FEWEST_WORDS]
    texts = shuffled(texts, np.random.default_rng(3))[:_N_PILE]
    columns = ["Reuters", "20 Newsgroups", "form", "least spread of a class, nats"]
    columns += [f"in a pile: {kind}" for kind in EXPECTED]
    lines = [
        "# How characters are counted\n",
        __doc__ or "",
        "AUC in %, mean over the classes: topics by corpus, and form over its eight kinds.\n",
        f"{environment()}\n",
        "| share of windows as a whole | " + " | ".join(columns) + " |",
        "| --- | " + " | ".join("---" for _ in columns) + " |",
    ]
    for share in _SHARES:
        with mixed(share):
            found = {corpus: [in_default(task) for task in of] for corpus, of in tasks.items()}
            of_pile = in_pile(texts)
        topics = [np.mean([one["topics"] for one in of]) for of in found.values()]
        form = np.mean([one["form"] for of in found.values() for one in of])
        least = min(one["spread"] for of in found.values() for one in of)
        cells = [f"{cell:.1f}" for cell in (*topics, form)] + [f"{least:.2f}"]
        cells += [f"{cell:.1f}" for cell in of_pile.values()]
        lines.append(f"| {share:g} | " + " | ".join(cells) + " |")
        print(lines[-1], flush=True)
    write_result("choose_characters", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
