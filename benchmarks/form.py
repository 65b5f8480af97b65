"""Anomalies of form, and what seeing them costs on topics.

Parts, each with its own table in results/form: piles, spam, planted, members, speed, export. About
half an hour on one core in all. Documents that a detector or a member cannot judge rank highest.
"""

from __future__ import annotations

import functools
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import wordfreq
from parts import run_parts
from piles import shuffled
from protocol import DATA, read_corpus

from textocl import Detector
from textocl.core.metrics import Evaluation, evaluate
from textocl.evaluation.protocol import draw_task
from textocl.evaluation.published import TABLE_3_4
from textocl.explain.explanation import Explanation
from textocl.export import to_onnx, verify
from textocl.io.corpora import read_documents

_PUBLISHED = {"sms_spam": 88.2, "covid_fake": 95.4, "liar2": 79.2}
_BEFORE = {"sms_spam": 18.5, "covid_fake": 82.3, "liar2": 70.3}
_SPAM_BEFORE = 56.2
_N_NORMAL, _N_PLANTED, _N_EXPLAINED = 1_900, 100, 100
_FEWEST_WORDS = 20  # of a document that form is planted in
_N_GERMAN, _N_ADDRESSES = 3_000, 40
_ROUNDS, _N_AGREEMENT = 5, 1_000

#: measures of which one must be among the three strongest that an explanation gives
EXPECTED = {
    "all capitals": {"capitals"},
    "random letters": {"characters"},
    "German": {"characters"},
    "HTML": {"tags"},
    "digits and symbols": {"digits", "punctuation", "symbols"},
    "URL list": {"web addresses"},
    "wrong encoding": {"symbols", "accented letters", "characters"},
    "three times": {"repeated phrases", "length"},
}


def piles(n_seeds: int) -> Iterator[dict[str, Any]]:
    """Public piles, ranked out of sample by what learned from them: AUC, alone and together.

    Published is the best of other methods, for covid_fake with a paid embedding; before is the
    default detector that saw no form. Both are of the pile that a detector is fitted on, too.
    Weights are shares of all, in the members' order.
    """
    for name in _PUBLISHED:
        documents = list(read_documents(DATA / "piles" / f"{name}.jsonl.gz"))
        texts = [document.text for document in documents]
        is_odd = np.array([document.fields["label"] == "1" for document in documents])
        for seed in range(n_seeds):
            detector = Detector(random_state=seed).fit(texts)
            judged = evaluation(detector.training_scores_, is_odd)
            yield {
                "pile": name,
                "seed": seed,
                "AUC, %": 100 * judged.auc,
                "AUPRC, %": 100 * judged.average_precision,
                **{
                    member: 100 * evaluation(scores, is_odd).auc
                    for member, scores in out_of_sample(detector).items()
                },
                "weights": weights_of(detector),
                "published": _PUBLISHED[name],
                "before": _BEFORE[name],
            }


def spam(n_seeds: int) -> Iterator[dict[str, Any]]:
    """Trained on half of the normal SMS, tested on the rest and the spam. Target 95."""
    for seed in range(n_seeds):
        training, test, is_odd = sms(seed)
        detector = Detector(random_state=seed).fit(training)
        judged = evaluation(detector.anomaly_score(test), is_odd)
        yield {
            "seed": seed,
            "AUC, %": 100 * judged.auc,
            "AUPRC, %": 100 * judged.average_precision,
            **members_alone(detector, test, is_odd),
            "weights": weights_of(detector),
            "before": _SPAM_BEFORE,
        }


def planted(n_seeds: int) -> Iterator[dict[str, Any]]:
    """Form planted in Reuters: one document in 20 is changed, of a mix of all seven classes.

    AUC within the pile that the detector is fitted on, out of sample; named is the share of these
    documents whose explanation has a measure of that kind (`EXPECTED`) among its three strongest
    that are unusual, and "named in normal ones" that of 100 others. Only documents of 20 words or
    more are changed. German is drawn word by word from wordfreq's 3,000 most frequent, as often as
    these are used. In wrong encoding typographic quotes and dashes, and accents on one vowel in
    ten, were read as cp1252 where they are UTF-8. Targets 97 and 90.
    """
    for kind in EXPECTED:
        for seed in range(n_seeds):
            random = np.random.default_rng(seed)
            drawn = shuffled(reuters("train"), random)
            changed = [t for t in drawn[_N_NORMAL:] if len(t.split()) >= _FEWEST_WORDS]
            changed = [changed_to(kind, text, random) for text in changed[:_N_PLANTED]]
            pile = drawn[:_N_NORMAL] + changed
            is_odd = np.arange(len(pile)) >= _N_NORMAL
            detector = Detector(random_state=seed).fit(pile)
            shares = [
                100 * np.mean([names(kind, one) for one in detector.explain(texts)])
                for texts in (changed, drawn[:_N_EXPLAINED])
            ]
            yield {
                "kind": kind,
                "seed": seed,
                "AUC, %": 100 * evaluation(detector.training_scores_, is_odd).auc,
                "named, %": float(shares[0]),
                "named in normal ones, %": float(shares[1]),
                **{
                    member: 100 * evaluation(scores, is_odd).auc
                    for member, scores in out_of_sample(detector).items()
                },
                "weights": weights_of(detector),
            }


def members(n_seeds: int) -> Iterator[dict[str, Any]]:
    """Topics must not pay: clean classes, one against the rest, AUC on the test split.

    Gain is over form_weight=0 (targets: -0.2 on the mean, -0.5 of a class), loss against the best
    member alone (target 0.7).
    """
    for corpus in ("reuters", "20ng"):
        documents = read_corpus(corpus)
        for label in TABLE_3_4[corpus]:
            task = draw_task(documents, label)
            detector = Detector().fit(task.training)
            whole, blind = (
                100 * evaluation(one.anomaly_score(task.test), task.is_anomaly).auc
                for one in (detector, Detector(form_weight=0).fit(task.training))
            )
            alone = members_alone(detector, task.test, task.is_anomaly)
            best = max(alone, key=alone.__getitem__)
            yield {
                "corpus": corpus,
                "class": label,
                "AUC, %": whole,
                "form_weight=0": blind,
                "gain": whole - blind,
                **alone,
                "best member": best,
                "loss against it": alone[best] - whole,
                "weights": weights_of(detector),
            }


def speed(n_seeds: int) -> Iterator[dict[str, Any]]:
    """Scoring with and without members of form in turn, on one thread: best times. Target 1.4."""
    for corpus, (training, test) in two_corpora().items():
        detectors = [Detector().fit(training), Detector(form_weight=0).fit(training)]
        times: list[list[float]] = [[], []]
        for _ in range(_ROUNDS):
            for detector, taken in zip(detectors, times, strict=True):
                start = time.perf_counter()
                detector.anomaly_score(test)
                taken.append(time.perf_counter() - start)
        best = [min(taken) for taken in times]
        yield {
            "documents": corpus,
            "n": len(test),
            "characters each": float(np.mean([len(text) for text in test])),
            "with form, documents/s": len(test) / best[0],
            "without": len(test) / best[1],
            "times as long": best[0] / best[1],
        }


def export(n_seeds: int) -> Iterator[dict[str, Any]]:
    """The exported file against its detector on 1,000 documents. Target 1e-5, no flipped label.

    The largest difference of scores is relative where a score is above 1.
    """
    corpora = two_corpora()
    with tempfile.TemporaryDirectory() as folder:
        for learned, (training, _) in corpora.items():
            detector = Detector().fit(training)
            file = to_onnx(detector, Path(folder) / "model.onnx")
            for corpus, (_, test) in corpora.items():
                report = verify(detector, file, test[:_N_AGREEMENT], largest_difference=np.inf)
                yield {
                    "fitted on": learned,
                    "documents": corpus,
                    "n": report.n_documents,
                    "largest difference": f"{report.largest_difference:.1e}",
                    "flipped labels": report.flipped_labels,
                    "MB": file.stat().st_size / 1e6,
                }


# --- documents ---


@functools.cache
def reuters(split: str) -> list[str]:
    """Documents of the seven classes."""
    classes = TABLE_3_4["reuters"]
    return [d.text for d in read_corpus("reuters") if d.split == split and d.label in classes]


def sms(seed: int) -> tuple[list[str], list[str], np.ndarray]:
    """Half of the normal messages; the rest and the spam, and which of these are spam."""
    documents = list(read_documents(DATA / "piles" / "sms_spam.jsonl.gz"))
    odd = [d.text for d in documents if d.fields["label"] == "1"]
    normal = [d.text for d in documents if d.fields["label"] != "1"]
    normal = shuffled(normal, np.random.default_rng(seed))
    half = len(normal) // 2
    test = normal[half:] + odd
    return normal[:half], test, np.arange(len(test)) >= len(normal) - half


def two_corpora() -> dict[str, tuple[list[str], list[str]]]:
    """Texts to learn from and others, long and short ones."""
    random = np.random.default_rng(0)
    training, messages, _ = sms(0)
    return {
        "Reuters": (shuffled(reuters("train"), random)[:_N_NORMAL], reuters("test")),
        "SMS": (training, shuffled(messages, random)),
    }


def changed_to(kind: str, text: str, random: np.random.Generator) -> str:
    """The ``text`` in another form, one of `EXPECTED`."""
    words = text.split()
    if kind == "all capitals":
        return text.upper()
    if kind == "random letters":
        return drawn_words("abcdefghijklmnopqrstuvwxyz", words, random)
    if kind == "digits and symbols":
        return drawn_words("0123456789%#*+-/=&~^", words, random)
    if kind == "German":
        drawn = random.choice(german()[0], len(words), p=german()[1])
        return " ".join(drawn).capitalize() + "."
    if kind == "HTML":
        body = "</p>\n<p>".join(re.split(r"(?<=\.)\s+", text))
        return f'<div class="text"><p>{body}</p><a href="more.html">more</a></div>'
    if kind == "URL list":
        names = [re.sub(r"\W", "", word).lower() for word in words[:_N_ADDRESSES]]
        return "\n".join(f"http://www.{name}.com/{name[::-1]}.html" for name in names if name)
    if kind == "wrong encoding":
        return read_wrongly(text, random)
    return "\n\n".join([" ".join(words[: len(words) // 3])] * 3)


def drawn_words(characters: str, words: list[str], random: np.random.Generator) -> str:
    """Words as long as those given, of ``characters`` drawn alike."""
    return " ".join("".join(random.choice(list(characters), len(word))) for word in words)


@functools.cache
def german() -> tuple[list[str], np.ndarray]:
    """German words and how often each is used, ``(n,)``."""
    words = [word for word in wordfreq.top_n_list("de", _N_GERMAN) if word.isalpha()]
    frequencies = np.array([wordfreq.word_frequency(word, "de") for word in words])
    return words, frequencies / frequencies.sum()


def read_wrongly(text: str, random: np.random.Generator) -> str:
    """Typographic characters and accents, encoded as UTF-8 and decoded as cp1252."""
    accented = dict(zip("aeiouAEIOU", "àéîöüÀÉÎÖÜ", strict=True))
    typographic = text.replace("'", "’").replace(" - ", " – ").replace("--", "—")
    typographic = re.sub(r'"([^"]*)"', r"“\1”", typographic)
    lots = random.random(len(typographic)) < 0.1
    characters = [
        accented.get(character, character) if lot else character
        for character, lot in zip(typographic, lots, strict=True)
    ]
    return "".join(characters).encode().decode("cp1252", errors="replace")


# --- measures ---


def evaluation(scores: np.ndarray, is_odd: np.ndarray) -> Evaluation:
    """Of all documents; those without a score rank highest."""
    worst = float(np.nanmax(scores)) + 1
    return evaluate(np.where(np.isnan(scores), worst, scores.astype(np.float64)), is_odd)


def out_of_sample(detector: Detector) -> dict[str, np.ndarray]:
    """What each member says of the documents that the detector was fitted on, ``(n,)`` each."""
    judged = detector.state_.out_of_sample
    rows = np.unique(detector.training_groups_, return_inverse=True)[1]  # of several copies one
    scores = np.where(judged.is_known, judged.scores, np.nan)[rows]
    return dict(zip(detector.members_, scores.T, strict=True))


def members_alone(detector: Detector, texts: list[str], is_odd: np.ndarray) -> dict[str, float]:
    """AUC of each member, in percent."""
    scores = detector.member_scores(texts)
    return {name: 100 * evaluation(scores[name], is_odd).auc for name in scores}


def weights_of(detector: Detector) -> str:
    """Weights of the members, as shares of all."""
    weights = [member.weight for member in detector.members_.values()]
    form = sum(one.weight for one in detector.members_.values() if one.detector.sees_form)
    shares = " ".join(f"{weight / sum(weights):.2f}" for weight in weights)
    return f"{shares}, form {form / sum(weights):.2f}"


def names(kind: str, explanation: Explanation) -> bool:
    """Whether a measure of this kind is among the three strongest unusual ones."""
    strongest = [one.name for one in explanation.form if one.is_unusual][:3]
    return not EXPECTED[kind].isdisjoint(strongest)


if __name__ == "__main__":
    run_parts(
        "form",
        __doc__,
        (piles, spam, planted, members, speed, export),
        3,
        {"piles": ("pile",), "spam": (), "planted": ("kind",), "members": ("corpus",)},
    )
