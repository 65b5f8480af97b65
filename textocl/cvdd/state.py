"""What a CVDD learns, and how it is written and read."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch.nn import functional

from textocl.core.exceptions import FormatError
from textocl.core.persistence import ModelFiles
from textocl.core.training_scores import TrainingSamples, scores_across_folds
from textocl.core.validation import check_integer
from textocl.cvdd.contexts import summarize_contexts
from textocl.cvdd.parts import Part
from textocl.cvdd.scoring import ScoringTable
from textocl.cvdd.training import TrainingSettings, train_cvdd
from textocl.explain.contexts import Contexts, ContextSummary
from textocl.text.pooling import pool
from textocl.text.spaces import ContextSpace, Embedded, Space, WordSpace
from textocl.text.tokenization import make_tokenizer

_FOLDS = 3  # each costs a training


class AttentionWeights(NamedTuple):
    """What training learns: attention W1 ``(d, a)``, W2 ``(a, r)``, contexts ``(r, d)``."""

    W1: torch.Tensor
    W2: torch.Tensor
    contexts: torch.Tensor

    @torch.inference_mode()
    def scoring_table(self, vectors: torch.Tensor) -> ScoringTable:
        """What scores documents whose rows point into ``vectors`` ``(u, d)``."""
        logits = [torch.tanh(part.float() @ self.W1) @ self.W2 for part in vectors.split(1 << 14)]
        no_logits = self.W2.new_empty((0, self.W2.shape[1]))
        return ScoringTable(vectors, torch.cat(logits or [no_logits]), self.contexts)


@dataclass(frozen=True, repr=False)
class CVDDState:
    """What a `textocl.CVDD` learns.

    Attributes
    ----------
    space : Space
    weights : AttentionWeights; empty ones for attention where words have one vector each and the
        model was loaded
    scoring : logits and vectors of all words; None with a language model
    contexts : Contexts
    calibration_distances : (n_calibration, r) float32
    n_documents : training documents that hold a known word
    history : objective after each epoch; empty after loading
    """

    space: Space
    weights: AttentionWeights
    scoring: ScoringTable | None
    contexts: Contexts
    calibration_distances: NDArray[np.float32]
    n_documents: int
    history: list[float] = field(default_factory=list)

    @classmethod
    def trained(
        cls,
        space: Space,
        training: Part,
        held_out: Part | None,
        documents: TrainingSamples,
        settings: TrainingSettings,
        *,
        device: torch.device,
        n_typical: int,
        across_folds: bool = False,
    ) -> CVDDState:
        """Train on embedded documents, and calibrate with others or, for None, with the same.

        Parameters
        ----------
        documents : all of them, which the numbers of the parts are of
        n_typical : as in `textocl.CVDD`
        across_folds : whether documents that calibrate are scored by models of the other folds
        """
        labels = documents.labels[training.numbers]
        vectors = table_of(space, training.embedded)
        weights, history = trained_weights(training.embedded, labels, vectors, settings, device)
        scoring = weights.scoring_table(vectors)
        normal = training.take(np.flatnonzero(labels >= 0))
        distances = scoring.distances(normal.embedded.packed)
        contexts = summarize_contexts(
            distances,
            scoring.attention(normal.embedded.packed),
            normal.embedded,
            [documents.samples[i] for i in normal.numbers],
            documents.numbers[normal.numbers],
            n_typical=n_typical,
        )
        if across_folds:
            distances = distances_across_folds(
                training.embedded, labels, vectors, weights.contexts, settings, device
            )
        table = scoring if isinstance(space, WordSpace) else None
        state = cls(space, weights, table, contexts, distances, len(normal.numbers), history)
        if held_out is None:
            return state
        return replace(state, calibration_distances=state.distances(held_out.embedded))

    def scoring_of(self, embedded: Embedded) -> ScoringTable:
        """What scores these documents."""
        if self.scoring is not None:
            return self.scoring
        return self.weights.scoring_table(table_of(self.space, embedded))

    def distances(self, embedded: Embedded) -> NDArray[np.float32]:
        """Distance of each document to each context, ``(n, r)``."""
        return self.scoring_of(embedded).distances(embedded.packed)

    def points(self, embedded: Embedded) -> NDArray[np.float32]:
        """Mean over the contexts of m_k (thesis eq. 3.3) of each document, ``(n, d)``."""
        packed = embedded.packed
        attention = self.scoring_of(embedded).attention(packed).mean(axis=1)  # sums to 1 a document
        return pool(packed, embedded.table, "mean", attention / packed.counts)

    def sizes(self) -> dict[str, int]:
        """How large its parts are, by name."""
        n_contexts, vector_size = self.weights.contexts.shape
        sizes = {"contexts": n_contexts, "vector_size": vector_size}
        if isinstance(self.space, WordSpace):
            return {"vocabulary": len(self.space.vocabulary), **sizes}
        return sizes

    def to_files(self) -> ModelFiles:
        space = self.space.to_files()
        facts = {
            "n_documents": self.n_documents,
            "contexts": [context.to_dict() for context in self.contexts],
            **space.facts,
        }
        arrays = {
            **space.arrays,
            "context_vectors": self.weights.contexts.numpy(),
            "calibration_distances": self.calibration_distances,
        }
        if self.scoring is not None:
            arrays["attention_logits"] = self.scoring.logits.numpy()
        else:
            arrays["attention_W1"] = self.weights.W1.numpy()
            arrays["attention_W2"] = self.weights.W2.numpy()
        return ModelFiles(facts, arrays)

    @classmethod
    def from_files(
        cls,
        files: ModelFiles,
        tokenization: str,
        embedding: Any,
        n_contexts: int,
        attention_size: int,
    ) -> CVDDState:
        """Inverse of `to_files`.

        Raises
        ------
        FormatError
        """
        r, tokenizer = n_contexts, make_tokenizer(tokenization)
        space: Space
        if "fingerprint" in files.facts:
            space = ContextSpace.from_files(files, tokenizer, embedding)
            d = space.dimension
            W1 = files.array("attention_W1", np.float32, d, attention_size)
            W2 = files.array("attention_W2", np.float32, attention_size, r)
        else:
            space = WordSpace.from_files(files, tokenizer, embedding)
            d = space.dimension
            W1, W2 = np.empty((d, 0), np.float32), np.empty((0, r), np.float32)
        contexts = files.array("context_vectors", np.float32, r, d)
        distances = files.array("calibration_distances", np.float32, None, r)
        summaries = Contexts(ContextSummary.from_dict(c) for c in files.fact("contexts", list))
        if not len(distances) or len(summaries) != r:
            raise FormatError("its contexts or calibration are not consistent.")
        weights = AttentionWeights(*(torch.from_numpy(w) for w in (W1, W2, contexts)))
        scoring = None
        if isinstance(space, WordSpace):
            logits = files.array("attention_logits", np.float32, len(space.vocabulary), r)
            table = torch.from_numpy(space.vocabulary.table).to(torch.float32)
            scoring = ScoringTable(table, torch.from_numpy(logits), weights.contexts)
        n_documents = check_integer("n_documents", files.facts.get("n_documents"), 1)
        return cls(space, weights, scoring, summaries, distances, n_documents)


def trained_weights(
    embedded: Embedded,
    labels: NDArray[np.int64],
    vectors: torch.Tensor,
    settings: TrainingSettings,
    device: torch.device,
) -> tuple[AttentionWeights, list[float]]:
    """Train on embedded documents with ``labels``; returns the weights, and the history."""
    network, history = train_cvdd(embedded, labels, vectors.to(device), settings, device)
    # scores come from the CPU, where they repeat bit for bit; a GPU would save little
    learned = (network.W1, network.W2, network.contexts)
    return AttentionWeights(*(weights.detach().cpu() for weights in learned)), history


def distances_across_folds(
    embedded: Embedded,
    labels: NDArray[np.int64],
    vectors: torch.Tensor,
    contexts: torch.Tensor,
    settings: TrainingSettings,
    device: torch.device,
) -> NDArray[np.float32]:
    """Distances of the normal documents, ``(n, r)``, each by a model trained without its third.

    Parameters
    ----------
    embedded, labels : documents, known anomalies among them, and their labels
    contexts : (r, d), which those of each model are put in the order of, by the best match
    """
    normal, anomalies = np.flatnonzero(labels >= 0), np.flatnonzero(labels < 0)

    def distances_of(others: NDArray[np.int64], fold: NDArray[np.int64]) -> NDArray[np.float32]:
        chosen = np.sort(np.concatenate([normal[others], anomalies]))
        weights, _ = trained_weights(
            embedded.take(chosen), labels[chosen], vectors, settings, device
        )
        of_fold = embedded.take(normal[fold])
        distances = weights.scoring_table(vectors).distances(of_fold.packed)
        alike = functional.normalize(contexts) @ functional.normalize(weights.contexts).T
        return distances[:, linear_sum_assignment(-alike.numpy())[1]]

    return scores_across_folds(len(normal), settings.random_state, distances_of, _FOLDS)


def table_of(space: Space, embedded: Embedded) -> torch.Tensor:
    """The table of vectors; in float16 where a language model gives very many."""
    table = torch.from_numpy(embedded.table)
    return table.float() if isinstance(space, WordSpace) else table
