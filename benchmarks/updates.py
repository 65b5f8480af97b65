"""What a `Detector` learns by `update`, against a fit on everything.

Parts, each with its own table in results/updates: later, topics, alarms. About half an hour on one
core in all.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from parts import run_parts
from piles import auc, shuffled, texts_of
from protocol import read_corpus

from textocl import Detector
from textocl.evaluation.protocol import one_vs_rest
from textocl.evaluation.published import TABLE_3_4

_MOST = 1_000  # documents of an update
_SIZES, _SPLITS, _RATE = (200, 2_000), 10, 0.05


def later(n_seeds: int) -> Iterator[dict[str, Any]]:
    """Some of a class's training documents are learned later: 1,000, or half where there are fewer.

    AUC on the test split, before and after the update and by a fit on all. Target: within 0.3.
    """
    for corpus in ("reuters", "20ng"):
        documents = read_corpus(corpus)
        for label in TABLE_3_4[corpus]:
            training, test, is_odd = one_vs_rest(documents, label)
            for seed in range(n_seeds):
                texts = shuffled(training, np.random.default_rng(seed))
                n = len(texts) - min(_MOST, len(texts) // 2)
                detector = Detector(random_state=seed).fit(texts[:n])
                before = auc(detector.anomaly_score(test), is_odd)
                start = time.process_time()
                detector.update(texts[n:])
                seconds = time.process_time() - start
                whole = Detector(random_state=seed).fit(texts)
                updated, on_all = (
                    auc(one.anomaly_score(test), is_odd) for one in (detector, whole)
                )
                normal = [text for text, odd in zip(test, is_odd, strict=True) if not odd]
                yield {
                    "corpus": corpus,
                    "class": label,
                    "seed": seed,
                    "fitted on": n,
                    "learned later": len(texts) - n,
                    "AUC before, %": before,
                    "AUC updated, %": updated,
                    "AUC of a fit on all, %": on_all,
                    "updated less that": updated - on_all,
                    "alarms updated, %": 100 * (detector.predict(normal) < 0).mean(),
                    "alarms of a fit on all, %": 100 * (whole.predict(normal) < 0).mean(),
                    "CPU seconds": seconds,
                }


def topics(n_seeds: int) -> Iterator[dict[str, Any]]:
    """Another class becomes normal, too: all its training documents are told to be normal.

    AUC of both classes' test documents against the rest, and flagged ones, 5 % promised. Those of
    20 Newsgroups are later posts than the training documents.
    """
    for corpus in ("reuters", "20ng"):
        documents = read_corpus(corpus)
        labels = list(TABLE_3_4[corpus])
        for first, second in zip(labels, labels[1:] + labels[:1], strict=True):
            for seed in range(n_seeds):
                former, test, _ = one_vs_rest(documents, first)
                more = one_vs_rest(documents, second)[0][:_MOST]
                of_test = np.array([d.label for d in documents if d.split == "test"])
                is_odd = ~np.isin(of_test, [first, second])
                detector = Detector(random_state=seed).fit(former)
                alarms_before = (detector.predict(test) < 0)[of_test == second].mean()
                detector.update(more, [1] * len(more))
                whole = Detector(random_state=seed).fit(former + more)
                flagged = detector.predict(test) < 0
                yield {
                    "corpus": corpus,
                    "fitted on": f"{first}, {len(former):,}",
                    "told": f"{second}, {len(more):,}",
                    "AUC updated, %": auc(detector.anomaly_score(test), is_odd),
                    "AUC of a fit on both, %": auc(whole.anomaly_score(test), is_odd),
                    "flagged of the second before, %": 100 * alarms_before,
                    "of the second, %": 100 * flagged[of_test == second].mean(),
                    "of the first, %": 100 * flagged[of_test == first].mean(),
                }


def alarms(n_seeds: int) -> list[dict[str, Any]]:
    """False alarms among fresh reviews after updates, 5 % promised: ten splits of reviews.

    Fitted on n reviews, then ten updates by a tenth as many each.
    """
    rows, reviews = [], texts_of("imdb")
    for n in _SIZES:
        shares: dict[str, list[float]] = {"fitted": [], "updated ten times": []}
        for split in range(_SPLITS):
            texts = shuffled(reviews, np.random.default_rng(3_000 + split))
            fresh = texts[2 * n : 2 * n + 2_000]
            detector = Detector(random_state=split, false_alarm_rate=_RATE).fit(texts[:n])
            shares["fitted"].append((detector.predict(fresh) < 0).mean())
            for part in np.array_split(np.arange(n, 2 * n), 10):
                detector.update([texts[i] for i in part])
            shares["updated ten times"].append((detector.predict(fresh) < 0).mean())
        rows.append(
            {"fitted on": n}
            | {f"alarms {name}, %": 100 * float(np.mean(of)) for name, of in shares.items()}
            | {f"highest {name}, %": 100 * float(np.max(of)) for name, of in shares.items()}
        )
    return rows


if __name__ == "__main__":
    run_parts("updates", __doc__, (later, topics, alarms), 1, {"later": ("corpus",)})
