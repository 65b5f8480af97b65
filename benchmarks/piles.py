"""One file with everything in it: `textocl.find`, hidden anomalies, and the promise on false alarms.

Parts, each with its own table in results/piles: strangers, hidden, discoveries, alarms, public,
speed. About an hour on one core in all.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from parts import run_parts
from protocol import DATA, read_corpus

import textocl
from textocl.core.metrics import evaluate
from textocl.evaluation.protocol import draw_task
from textocl.evaluation.published import TABLE_3_4
from textocl.io.corpora import read_documents

_FIRST_SEED = 210  # choose_robustness.py draws other piles
_N_REVIEWS, _N_STRANGERS = 1_500, 45
_SPLITS, _SIZES, _RATES, _COPIES = 20, (50, 200, 2_000), (0.01, 0.05, 0.1), (1, 2, 5)
_COPIED_SPLITS = 3  # of the splits, for more copies than one: they are learned from once


def strangers(n_seeds: int) -> list[dict[str, Any]]:
    """Reviews and a few posts of newsgroups: who is found, and what fresh documents get."""
    rows = []
    for seed in range(_FIRST_SEED, _FIRST_SEED + n_seeds):
        random = np.random.default_rng(seed)
        reviews, posts = (shuffled(texts_of(name), random) for name in ("imdb", "20ng"))
        pile = reviews[:_N_REVIEWS] + posts[:_N_STRANGERS]
        findings = textocl.find(pile, top=_N_STRANGERS, random_state=seed)
        is_odd = np.arange(len(pile)) >= _N_REVIEWS
        discovered = findings.rethreshold(fdr=0.1).flagged
        fresh = findings.detector.predict(reviews[_N_REVIEWS : 2 * _N_REVIEWS]) == -1
        found = findings.detector.predict(posts[_N_STRANGERS:545]) == -1
        rows.append(
            {
                "seed": seed,
                "right of the top 45": float(is_odd[findings.flagged].sum()),
                "flagged at fdr 0.1": float(len(discovered)),
                "of these right": float(is_odd[discovered].sum()),
                "AUC, %": auc(findings.scores, is_odd),
                "estimated share, %": 100 * findings.detector.contamination_.share,
                "false alarms of 5 %, %": 100 * fresh.mean(),
                "found at 5 %, %": 100 * found.mean(),
            }
        )
    return rows


def hidden(n_seeds: int) -> list[dict[str, Any]]:
    """A share of the training split hidden, nothing told: AUC on the test split, and of the pile."""
    rows = []
    for corpus in ("reuters", "20ng"):
        documents = read_corpus(corpus)
        for label in TABLE_3_4[corpus]:
            for share in (0.0, 0.05, 0.1):
                task = draw_task(documents, label, contamination=share)
                detector = textocl.Detector().fit(task.training)
                hid = which_strange(task.training, documents, label)
                fresh = detector.anomaly_score(task.test)
                rows.append(
                    {
                        "corpus": corpus,
                        "class": label,
                        "hidden, %": 100 * share,
                        "AUC, test split, %": auc(fresh, task.is_anomaly),
                        "AUC, pile, %": auc(detector.training_scores_, hid) if share else None,
                        "AUC, other training documents, %": fresh_auc(
                            detector, documents, label, task.training
                        )
                        if share
                        else None,
                    }
                )
    return rows


def discoveries(n_seeds: int) -> list[dict[str, Any]]:
    """Realised false discovery rate at 0.1 on Reuters, 5 % of each class's documents hidden."""
    rows = []
    documents = read_corpus("reuters")
    for label in TABLE_3_4["reuters"]:
        shares, n_flagged = [], []
        for seed in range(_FIRST_SEED, _FIRST_SEED + n_seeds):
            task = draw_task(documents, label, contamination=0.05, seed=seed)
            hid = which_strange(task.training, documents, label)
            flagged = textocl.find(task.training, fdr=0.1, random_state=seed).flagged
            shares.append(1 - hid[flagged].mean() if len(flagged) else 0.0)
            n_flagged.append(len(flagged) / max(hid.sum(), 1))
        rows.append(
            {
                "class": label,
                "realised FDR, mean": float(np.mean(shares)),
                "highest": float(np.max(shares)),
                "flagged for each hidden one": float(np.mean(n_flagged)),
            }
        )
    return rows


def alarms(n_seeds: int) -> list[dict[str, Any]]:
    """False alarms among fresh reviews, of detectors fitted on clean reviews, each n times over."""
    rates: dict[tuple[int, int, float], list[float]] = {}
    reviews = texts_of("imdb")
    for split in range(min(n_seeds * 2, _SPLITS)):
        texts = shuffled(reviews, np.random.default_rng(1_000 + split))
        fresh = texts[max(_SIZES) : max(_SIZES) + 2_000]
        for n in _SIZES:
            for copies in _COPIES if split < _COPIED_SPLITS else (1,):
                detector = textocl.Detector(random_state=split).fit(texts[:n] * copies)
                scores = detector.anomaly_score(fresh)
                for rate in _RATES:
                    threshold = detector.recalibrate(false_alarm_rate=rate).threshold_
                    shares = rates.setdefault((n, copies, rate), [])
                    shares.append(float((scores > threshold).mean()))
    return [
        {
            "documents": n,
            "copies of each": copies,
            "promised, %": 100 * rate,
            "false alarms, mean, %": 100 * float(np.mean(shares)),
            "binomial 95 % band, %": " to ".join(
                f"{100 * (rate + z * np.sqrt(rate * (1 - rate) / n / len(shares))):.2f}"
                for z in (-1.96, 1.96)
            ),
            "splits": len(shares),
        }
        for (n, copies, rate), shares in sorted(rates.items())
    ]


def public(n_seeds: int) -> list[dict[str, Any]]:
    """Public piles with labels: anomalies of form more than of topic, ranked within the pile."""
    rows = []
    for name in ("sms_spam", "covid_fake", "liar2"):
        documents = list(read_documents(DATA / "piles" / f"{name}.jsonl.gz"))
        is_odd = np.array([document.fields["label"] == "1" for document in documents])
        findings = textocl.find([document.text for document in documents])
        rows.append(
            {
                "pile": name,
                "documents": len(documents),
                "anomalies, %": 100 * is_odd.mean(),
                "AUC, %": auc(findings.scores, is_odd),
                "flagged at fdr 0.1": len(findings.flagged),
                "of these right": int(is_odd[findings.flagged].sum()),
                "copies": findings.n_copies,
            }
        )
    return rows


def speed(n_seeds: int) -> list[dict[str, Any]]:
    """`find` with its ten oddest and kinds against one fit, in turn on the same 10,000 reviews."""
    reviews = shuffled(texts_of("imdb"), np.random.default_rng(0))[:10_000]
    rows = []
    for _ in range(3):
        times = []
        for job in (textocl.Detector().fit, asked):
            start = time.perf_counter()
            job(reviews)
            times.append(time.perf_counter() - start)
        rows.append({"fit, s": times[0], "find, s": times[1], "ratio": times[1] / times[0]})
    return rows


def asked(texts: list[str]) -> None:
    """Everything that the command prints."""
    findings = textocl.find(texts)
    findings.explain(findings.oddest(10))
    findings.columns()


def which_strange(texts: list[str], documents: list[Any], label: str) -> np.ndarray:
    """Which of the texts are of other classes, and in none of this one, ``(n,)``."""
    own = {d.text for d in documents if d.label == label}
    other = {d.text for d in documents if d.label != label} - own
    return np.array([text in other for text in texts], bool)


def fresh_auc(detector: Any, documents: list[Any], label: str, seen: list[str]) -> float:
    """AUC of fresh documents drawn as the pile's: test documents, and training ones of others."""
    known = set(seen)
    normal = [d.text for d in documents if d.split == "test" and d.label == label]
    other = [
        d.text for d in documents if d.split == "train" and d.label != label and d.text not in known
    ]
    scores = detector.anomaly_score(normal + other)
    return auc(scores, np.arange(len(scores)) >= len(normal))


def auc(scores: np.ndarray, is_odd: np.ndarray) -> float:
    """In percent, of the documents that are judged."""
    judged = np.isfinite(scores)
    return 100 * evaluate(scores[judged], is_odd[judged]).auc


def texts_of(name: str) -> list[str]:
    return [d.text for d in read_corpus(name) if d.split == "train"]


def shuffled(texts: list[str], random: np.random.Generator) -> list[str]:
    return [texts[i] for i in random.permutation(len(texts))]


if __name__ == "__main__":
    run_parts(
        "piles",
        __doc__,
        (strangers, hidden, discoveries, alarms, public, speed),
        10,
        {"strangers": (), "hidden": ("corpus", "hidden, %")},
    )
