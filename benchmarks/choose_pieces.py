"""Would a language model of word pieces help `Detector`? Asked on training splits alone.

A bigram of wordllama's pieces, learned from a class's training documents: the mean over a text of
``−log p(b | a)`` with ``p(b | a) = (n(ab) + k p(b)) / (n(a) + k)`` and ``p(b) = (n(b) + m / V) / (N
+ m)``, k = 5, m = 2,000. Tasks are those of choose_form.py. It is added to the members of the
default, among those on words or as a term of its own, with its own spread on the documents held
out, which are normal. It is no member yet. About ten minutes on one core.
"""

from __future__ import annotations

import argparse
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.resources import files
from itertools import pairwise

import numpy as np
from choose_form import Task, auc_of
from form import EXPECTED
from protocol import environment, read_corpus, write_result
from scipy.stats import norm
from tokenizers import Tokenizer

import textocl
from textocl.ensemble.fusion import Fusion, fused_odds, loss
from textocl.evaluation.published import TABLE_3_4

_NEAR, _PRIOR = 5.0, 2_000.0  # k and m
_WEIGHTS = (0.15, 0.35, 0.5, 1.0)


class PieceBigram:
    """Counts of pieces, and of pairs of them, in some texts."""

    def __init__(self, texts: Sequence[str]) -> None:
        path = files("wordllama") / "tokenizers" / "l2_supercat_tokenizer_config.json"
        self.tokenizer = Tokenizer.from_str(path.read_text("utf-8"))
        self.tokenizer.no_padding()
        self.tokenizer.no_truncation()
        self.single: Counter[int] = Counter()
        self.pairs: Counter[tuple[int, int]] = Counter()
        self.before: Counter[int] = Counter()
        for pieces in self.pieces(texts):
            self.single.update(pieces)
            self.pairs.update(pairwise(pieces))
            self.before.update(pieces[:-1])
        self.n, self.size = self.single.total(), self.tokenizer.get_vocab_size()

    def pieces(self, texts: Sequence[str]) -> list[list[int]]:
        return [one.ids for one in self.tokenizer.encode_batch(texts, add_special_tokens=False)]

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """Mean surprisal of a piece in each text, in nats."""
        return np.array([self._surprisal(pieces) for pieces in self.pieces(texts)])

    def _surprisal(self, pieces: Sequence[int]) -> float:
        total, before = 0.0, None
        for piece in pieces:
            p = (self.single[piece] + _PRIOR / self.size) / (self.n + _PRIOR)
            if before is not None:
                p = (self.pairs[before, piece] + _NEAR * p) / (self.before[before] + _NEAR)
            total -= np.log(p)
            before = piece
        return total / max(len(pieces), 1)


def fusions(task: Task) -> dict[str, Callable[[str], np.ndarray]]:
    """Scores of a set of documents by every way to fuse, by its name."""
    members, judged = task.detector.members_, task.detector.state_.out_of_sample
    bigram = PieceBigram(task.training)
    of_pieces = {name: bigram.scores(texts) for name, texts in task.sets.items()}
    low, high = np.quantile(of_pieces["held out"], [0.5, 0.9])
    pieces = {name: (s - low) / (high - low) * norm.ppf(0.9) for name, s in of_pieces.items()}
    fusion = Fusion.of(list(members.values()), judged)

    def terms(name: str) -> np.ndarray:
        return task.terms(task.scores[name], fusion)

    def words(name: str, weight: float) -> np.ndarray:
        """The mean of the members on words and of pieces."""
        on_words = {m: one.weight for m, one in members.items() if not one.detector.sees_form}
        total = sum(share * task.scores[name][m] for m, share in on_words.items())
        return (total + weight * pieces[name]) / (sum(on_words.values()) + weight)

    def among_words(weight: float) -> Callable[[str], np.ndarray]:
        low, high = np.quantile(words("held out", weight), [0.5, 0.9])

        def fused(name: str) -> np.ndarray:
            standard = (words(name, weight) - low) / (high - low) * norm.ppf(0.9)
            of_form = terms(name)[1:].sum(axis=0)
            return fused_odds(fusion.words_weight * loss(standard) + of_form)

        return fused

    def as_term(weight: float) -> Callable[[str], np.ndarray]:
        return lambda name: fused_odds(terms(name).sum(axis=0) + weight * loss(pieces[name]))

    return {
        "`WordLikelihood` alone": lambda name: task.scores[name]["words"],
        "`CharacterLikelihood` alone": lambda name: task.scores[name]["characters"],
        "pieces alone": lambda name: pieces[name],
        "the default": lambda name: fused_odds(terms(name).sum(axis=0)),
        **{f"… and pieces among words, {w:g}": among_words(w) for w in _WEIGHTS},
        **{f"… and pieces as a term, {w:g}": as_term(w) for w in _WEIGHTS},
    }


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    warnings.simplefilter("ignore", textocl.TextoclWarning)
    rows: dict[str, dict[str, list[float]]] = {}
    for corpus in ("reuters", "20ng"):
        documents = [d for d in read_corpus(corpus) if d.split == "train"]
        for label in TABLE_3_4[corpus]:
            for name, fused in fusions(Task(documents, label)).items():
                held_out, row = fused("held out"), rows.setdefault(name, {})
                row.setdefault(corpus, []).append(auc_of(held_out, fused("topics")))
                form = [auc_of(held_out, fused(kind)) for kind in EXPECTED]
                row.setdefault("form", []).append(float(np.mean(form)))
            print(label, flush=True)
    lines = [
        "# Pieces of words in the default\n",
        __doc__ or "",
        "AUC in %, mean over the classes: topics by corpus, and form over its eight kinds.\n",
        f"{environment()}\n",
        "| | Reuters | 20 Newsgroups | form |",
        "| --- | --- | --- | --- |",
    ]
    for name, row in rows.items():
        cells = " | ".join(f"{np.mean(row[of]):.1f}" for of in ("reuters", "20ng", "form"))
        lines.append(f"| {name} | {cells} |")
    write_result("choose_pieces", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
