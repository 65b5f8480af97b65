"""Any model on any embedding in the thesis's one-vs-rest protocol."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textocl._version import __version__
from textocl.core.factory import make_detector
from textocl.core.metrics import evaluate
from textocl.core.validation import check_choice, check_integer, check_number
from textocl.evaluation.labelled_corpora import (
    SOURCES,
    Labelled,
    classes_of,
    fingerprint_of,
    read_corpus,
)
from textocl.evaluation.protocol import Task, draw_task
from textocl.evaluation.records import Cell, Record
from textocl.evaluation.runs import Store, environment
from textocl.evaluation.tables import tables
from textocl.registry import TEXT_MODELS
from textocl.training.progress import steps_bar

if TYPE_CHECKING:
    from textocl.core.detector import OneClassDetector

__all__ = ["ORACLE_NUS", "Cell", "Record", "environment", "run_benchmark", "tables"]

ORACLE_NUS = (0.05, 0.1, 0.2, 0.5)  # thesis §3.2.2


def run_benchmark(
    corpus: str | PathLike[str],
    *,
    data: str | PathLike[str] | None = None,
    models: Sequence[str] = ("cvdd",),
    embeddings: Sequence[str] = ("wordllama",),
    n_seeds: int = 3,
    classes: Sequence[str] | None = None,
    contamination: Sequence[float] = (0.0,),
    n_labelled_anomalies: int = 0,
    oracles: bool = False,
    out: str | PathLike[str] | None = None,
    verbose: bool = False,
) -> list[Record]:
    """Fit on one class at a time, and test on the whole test split of all classes.

    Parameters
    ----------
    corpus, data : as in `textocl.evaluation.labelled_corpora.read_corpus`
    models : names in `textocl.registry.TEXT_MODELS`
    embeddings : names or paths, as in `textocl.load_embedding`
    n_seeds : int ≥ 1
        Seeds 0, 1, …; each draws the anomalies of the training documents and seeds the detector.
    classes : classes to call normal in turn; None is all
    contamination : floats in [0, 1)
        Shares of anomalies hidden among the training documents.
    n_labelled_anomalies : int ≥ 0
        Anomalies given to ``fit`` with the label -1.
    oracles : bool
        Also find the best single context, and the best ν of `ORACLE_NUS` for a one-class SVM, by
        test AUC. The latter fits three times more.
    out : folder for ``benchmark.json`` and ``benchmark.md``, or None
        Written after each cell. If it holds a benchmark of the same corpus, version and settings,
        that is continued: its cells are not run again, and both files keep them all.
    verbose : draw a progress bar

    Returns
    -------
    list of Record
        One for each embedding, contamination, model, class and seed asked for, in this order.

    Raises
    ------
    DataError
        An unknown name, a corpus that is not there, or an ``out`` that holds another benchmark.
    """
    check_integer("n_seeds", n_seeds, 1)
    for model in models:
        check_choice("model", model, list(TEXT_MODELS))
    for share in contamination:
        check_number("contamination", share, 0, 1, high_open=True)
    check_integer("n_labelled_anomalies", n_labelled_anomalies, 0)
    documents = read_corpus(corpus, data)
    # the stroke tells a folder of one's own from a known corpus of the same name
    name = str(corpus) if str(corpus) in SOURCES else f"{Path(corpus).resolve().name}/"
    known = classes_of(name, documents)
    for label in classes or []:
        check_choice("class", label, known)
    cells = [
        Cell(embedding, float(share), model, label, seed)
        for embedding in dict.fromkeys(embeddings)
        for share in dict.fromkeys(contamination)
        for model in dict.fromkeys(models)
        for label in (known if classes is None else dict.fromkeys(classes))
        for seed in range(n_seeds)
    ]
    settings = {
        "corpus": name,
        "corpus_sha256": fingerprint_of(documents),
        "textocl": __version__,
        "labelled_anomalies": n_labelled_anomalies,
        "oracles": oracles,
    }
    store = Store(Path(out) if out is not None else None, settings)
    todo = [cell for cell in cells if cell not in store.records]
    draw = partial(draw_task, documents, n_labelled=n_labelled_anomalies)
    for label, share in dict.fromkeys((cell.label, cell.contamination) for cell in todo):
        draw(label, contamination=share)  # what cannot be is known before the work
    with steps_bar(len(cells), len(cells) - len(todo), verbose) as advance:
        for cell, vectors in _with_vectors(todo, documents):
            step = f"{cell.model}, {cell.embedding}, {cell.label}, seed {cell.seed}"
            advance(0, step)
            task = draw(cell.label, contamination=cell.contamination, seed=cell.seed)
            store.add(_run(cell, task, vectors, oracles))
            advance(1, step)
    store.write()
    return [store.records[cell] for cell in cells]


def _with_vectors(
    cells: Sequence[Cell], documents: Sequence[Labelled]
) -> Iterator[tuple[Cell, Any]]:
    """Each cell with its embedding, loaded once."""
    from textocl.text.embeddings import ContextualVectors, load_embedding

    name, vectors = None, None
    for cell in cells:
        if cell.embedding != name:
            vectors = None  # not two at a time
            name, vectors = cell.embedding, load_embedding(cell.embedding)
            if isinstance(vectors, ContextualVectors):
                # every text is read in most cells, and encoding it costs more than all the rest
                texts = [document.text for document in documents]
                for start in range(0, len(texts), 256):
                    vectors.encode(texts[start : start + 256], remember=True)
        yield cell, vectors


def _run(cell: Cell, task: Task, vectors: Any, oracles: bool) -> Record:
    detector = make_detector(cell.model, embedding=vectors, random_state=cell.seed)
    with suppress(OSError):  # Linux measures the peak anew; elsewhere it is of all cells so far
        Path("/proc/self/clear_refs").write_text("5", "ascii")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        start = time.perf_counter()
        detector.fit(task.training, task.labels)
        fitted = time.perf_counter()
        scores = detector.anomaly_score(task.test)
        scored = time.perf_counter()
        memory = _peak_memory_mb()
        oracle_auc, oracle = _oracle(cell, task, vectors, detector) if oracles else (None, None)
    evaluation = evaluate(scores, task.is_anomaly)
    return Record(
        cell=cell,
        auc=evaluation.auc,
        average_precision=evaluation.average_precision,
        fpr_at_95_recall=evaluation.fpr_at_95_recall,
        fit_seconds=fitted - start,
        scoring_seconds=scored - fitted,
        peak_memory_mb=memory,
        n_train=len(task.training),
        n_test=len(task.test),
        n_hidden=task.n_hidden,
        n_labelled=int((task.labels == -1).sum()),
        oracle_auc=oracle_auc,
        oracle=oracle,
        warnings=list(dict.fromkeys(str(warning.message) for warning in caught)),
    )


def _oracle(
    cell: Cell, task: Task, vectors: Any, detector: OneClassDetector
) -> tuple[float | None, str | None]:
    """Best test AUC of what could have been chosen, and what that is."""
    if hasattr(detector, "context_distances"):
        distances = detector.context_distances(task.test)  # (m, r)
        aucs = {f"context {k}": evaluate(d, task.is_anomaly).auc for k, d in enumerate(distances.T)}
    elif cell.model.startswith("ocsvm"):
        aucs = {}
        for nu in ORACLE_NUS:
            other: Any = make_detector(cell.model, embedding=vectors, random_state=cell.seed)
            other.set_params(nu=nu).fit(task.training, task.labels)
            aucs[f"nu {nu:g}"] = evaluate(other.anomaly_score(task.test), task.is_anomaly).auc
    else:
        return None, None
    best = max(aucs, key=lambda name: aucs[name])
    return aucs[best], best


def _peak_memory_mb() -> float | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
