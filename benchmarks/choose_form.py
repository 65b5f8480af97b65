"""How much form counts in `Detector`: chosen on training splits alone.

Seven tenths of a class's training documents are learned from; ranked are the other three tenths
against 350 training documents of other classes (topics), and against 40 of its own documents in
another form, as in benchmarks/form.py (planted). Each fusion is computed from the same members.
About ten minutes on one core.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from form import EXPECTED, changed_to
from piles import shuffled
from protocol import environment, read_corpus, write_result

import textocl
from textocl.core.metrics import evaluate
from textocl.ensemble.fusion import Fusion
from textocl.evaluation.published import TABLE_3_4

_MOST, _N_OTHERS, _N_PLANTED = 1_400, 350, 40
_ORDERS = (2, 3, 4, 5)
#: what the weights of form are multiplied by; those of the default are 1
_TIMES = (0.5, 1.0, 2.0, 4.0)
_MEAN_TIMES = (0.0, 1.25, 2.5, 5.0)
Scores = dict[str, np.ndarray]


class Task:
    """One class: a fitted detector, and scores of its members on documents of each set."""

    def __init__(self, documents: list[Any], label: str) -> None:
        random = np.random.default_rng(7)
        own = shuffled([d.text for d in documents if d.label == label], random)[:_MOST]
        others = shuffled([d.text for d in documents if d.label != label], random)[:_N_OTHERS]
        n = int(0.7 * len(own))
        self.training, held_out = own[:n], own[n:]
        self.sets = {"held out": held_out, "topics": others}
        for kind in EXPECTED:
            self.sets[kind] = [changed_to(kind, t, random) for t in (3 * held_out)[:_N_PLANTED]]
        self.detector = textocl.Detector().fit(self.training)
        self.scores = {
            name: {
                member: np.nan_to_num(scores.astype(np.float64), nan=3.0)
                for member, scores in self.detector.member_scores(texts).items()
            }
            for name, texts in self.sets.items()
        }

    def terms(self, scores: Scores, fusion: Fusion) -> np.ndarray:
        """What words, and each member beside them, add to a fusion of standard scores."""
        return fusion.terms(self._scored(scores))

    def _scored(self, scores: Scores) -> list[tuple[np.ndarray, np.ndarray]]:
        """As a fusion takes them: on each member's own scale, and known."""
        return [
            (scores[name] * one.scale + one.location, np.ones(len(scores[name]), np.int64))
            for name, one in self.detector.members_.items()
        ]

    def auc(self, fused: Callable[[Scores], np.ndarray], name: str) -> float:
        """Of the documents of a set against those held out, in percent."""
        return auc_of(fused(self.scores["held out"]), fused(self.scores[name]))

    def fusions(self) -> dict[str, Callable[[Scores], np.ndarray]]:
        """Every way to fuse the members, by its name."""
        members = self.detector.members_
        weights = {name: member.weight for name, member in members.items()}
        form = [name for name, member in members.items() if member.detector.sees_form]
        words = [name for name in members if name not in form]

        judged = self.detector.state_.out_of_sample

        def mean(times: float) -> Callable[[Scores], np.ndarray]:
            return lambda scores: (
                sum(weights[name] * scores[name] for name in words)
                + times * sum(weights[name] * scores[name] for name in form)
            )

        def noisy_or(times: float) -> Callable[[Scores], np.ndarray]:
            every = [
                replace(one, weight=one.weight * (times if one.detector.sees_form else 1))
                for one in members.values()
            ]
            fusion = Fusion.of(every, judged)
            return lambda scores: fusion.fuse(self._scored(scores))[0]

        return {
            **{f"weighted mean, form × {times:g}": mean(times) for times in _MEAN_TIMES},
            **{f"noisy or, form × {times:g}": noisy_or(times) for times in _TIMES},
        }

    def best_member_loss(self, fused: Callable[[Scores], np.ndarray]) -> float:
        """How far the best member alone is above a fusion, on topics."""
        alone = [
            auc_of(self.scores["held out"][m], self.scores["topics"][m])
            for m in self.detector.members_
        ]
        return max(alone) - self.auc(fused, "topics")

    def by_order(self, order: int) -> dict[str, float]:
        """AUC of `CharacterLikelihood` alone, of topics and of the mean kind of form."""
        detector = textocl.CharacterLikelihood(order=order).fit(self.training)
        scores = {name: detector.anomaly_score(texts) for name, texts in self.sets.items()}
        planted = [auc_of(scores["held out"], scores[kind]) for kind in EXPECTED]
        return {
            "topics": auc_of(scores["held out"], scores["topics"]),
            "form": float(np.mean(planted)),
        }


def auc_of(normal: np.ndarray, odd: np.ndarray) -> float:
    is_odd = np.arange(len(normal) + len(odd)) >= len(normal)
    return 100 * evaluate(np.concatenate([normal, odd]), is_odd).auc


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    warnings.simplefilter("ignore", textocl.TextoclWarning)
    tasks: dict[str, list[Task]] = {}
    for corpus in ("reuters", "20ng"):
        documents = [d for d in read_corpus(corpus) if d.split == "train"]
        tasks[corpus] = [Task(documents, label) for label in TABLE_3_4[corpus]]
        print(corpus, flush=True)
    everyone = [task for of_corpus in tasks.values() for task in of_corpus]
    kinds = list(EXPECTED)
    lines = [
        "# Form and words: how they are fused\n",
        __doc__ or "",
        "AUC in %, mean over the classes: topics by corpus, form planted in Reuters. Below the "
        "best is by how much the worst class of both corpora lies below its best member alone.\n",
        f"{environment()}\n",
        "| fusion | Reuters | 20 Newsgroups | below the best | " + " | ".join(kinds) + " |",
        "| --- | --- | --- | --- | " + " | ".join("---" for _ in kinds) + " |",
    ]
    for name in everyone[0].fusions():
        topics = [[t.auc(t.fusions()[name], "topics") for t in tasks[c]] for c in tasks]
        loss = max(t.best_member_loss(t.fusions()[name]) for t in everyone)
        planted = [[t.auc(t.fusions()[name], k) for t in tasks["reuters"]] for k in kinds]
        cells = [*map(np.mean, topics), loss, *map(np.mean, planted)]
        lines.append(f"| {name} | " + " | ".join(f"{cell:.1f}" for cell in cells) + " |")
    lines += [
        "\n`CharacterLikelihood` alone by its order, mean over the classes of both corpora:\n",
        "| order | topics | form |",
        "| --- | --- | --- |",
    ]
    for order in _ORDERS:
        found = [task.by_order(order) for task in everyone]
        topics, form = (np.mean([one[of] for one in found]) for of in ("topics", "form"))
        lines.append(f"| {order} | {topics:.1f} | {form:.1f} |")
    write_result("choose_form", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
