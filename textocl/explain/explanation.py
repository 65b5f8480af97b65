"""Why: the words that decided about a document, and the themes a model found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from textocl.cvdd.network import Batch, attention_weights, context_embeddings
from textocl.cvdd.scoring import ScoringTable
from textocl.explain.notebook import contexts_html, explanation_html
from textocl.text.documents import PackedDocuments
from textocl.text.spaces import Embedded
from textocl.text.tokenization import Span

_EXCERPT = 240  # characters of a typical document that a model keeps


@dataclass(frozen=True)
class Explanation:
    """Why one document got its score.

    Attributes
    ----------
    text : the document
    score, threshold, p_value, label : the judgement; label is +1 normal, -1 anomalous
    words : w distinct known words, in the order of their first occurrence
    counts : (w,) how often each occurs
    attention : (w, r) weight of each word in each context, all occurrences together; columns sum
        to 1
    contributions : (w,) what each word adds; they sum to the score
    evidence : (w,) contribution beyond the word's share of the threshold: positive speaks for an
        anomaly, negative for a normal document; they sum to score - threshold
    shares : (w,) each word's part of the document; they sum to 1
    context_distances : (r,) distance to each context
    nearest_context : index of the least of them; None without contexts or without a known word
    spans : where the words stand in the text
    surprisal : (w,) how unexpected each word is beside the others, in nats: the words that normal
        documents like this one do not have, whatever they do to the score; None but of a `Detector`
    usual_surprisal : what one word in twenty of normal documents exceeds; None likewise

    A document without a known word has no words here, and the worst score, 1.
    """

    text: str
    score: float
    threshold: float
    p_value: float
    label: int
    words: list[str]
    counts: NDArray[np.int64]
    attention: NDArray[np.float64]
    contributions: NDArray[np.float64]
    evidence: NDArray[np.float64]
    shares: NDArray[np.float64]
    context_distances: NDArray[np.float64]
    nearest_context: int | None
    spans: list[Span]
    surprisal: NDArray[np.float64] | None = None
    usual_surprisal: float | None = None

    def unexpected_words(self, n: int = 10) -> list[tuple[str, float]]:
        """Return up to ``n`` words of unusual surprisal, the highest first, with their nats."""
        if self.surprisal is None or self.usual_surprisal is None:
            return []
        order = np.argsort(-self.surprisal, kind="stable")[:n]
        found = [(self.words[i], float(self.surprisal[i])) for i in order]
        return [(word, value) for word, value in found if value > self.usual_surprisal]

    def anomalous_words(self, n: int = 10) -> list[tuple[str, float]]:
        """Return up to ``n`` words that speak most for an anomaly, with their evidence."""
        order = np.argsort(-self.evidence, kind="stable")[:n]
        return [(self.words[i], float(self.evidence[i])) for i in order if self.evidence[i] > 0]

    def normal_words(self, n: int = 10) -> list[tuple[str, float]]:
        """Return up to ``n`` words that speak most for normal, with their (negative) evidence."""
        order = np.argsort(self.evidence, kind="stable")[:n]
        return [(self.words[i], float(self.evidence[i])) for i in order if self.evidence[i] < 0]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain Python values, one entry a word."""
        words = [
            {
                "word": word,
                "count": int(self.counts[i]),
                "contribution": float(self.contributions[i]),
                "evidence": float(self.evidence[i]),
                "attention": self.attention[i].tolist(),
                **({} if self.surprisal is None else {"surprisal": float(self.surprisal[i])}),
            }
            for i, word in enumerate(self.words)
        ]
        return {
            "text": self.text,
            "score": self.score,
            "threshold": self.threshold,
            "p_value": self.p_value,
            "label": self.label,
            "nearest_context": self.nearest_context,
            "context_distances": self.context_distances.tolist(),
            "usual_surprisal": self.usual_surprisal,
            "words": words,
        }

    def _repr_html_(self) -> str:
        return explanation_html(self)


@dataclass(frozen=True)
class TopWord:
    """A word that leads typical documents of a context.

    Attributes
    ----------
    word : str
    count : in how many of the context's nearest documents it is among the most attended words
    distinctiveness : log2 of that share over the share of all training documents holding the word;
        0 means no more than anywhere, 3 eight times as much
    """

    word: str
    count: int
    distinctiveness: float


@dataclass(frozen=True)
class TypicalDocument:
    """A training document near a context: its number among the documents given, and its start."""

    document: int
    distance: float
    excerpt: str


@dataclass(frozen=True)
class ContextSummary:
    """One theme of a corpus.

    Attributes
    ----------
    context : its index, from 0
    share : share of the training documents to which no other context is nearer
    words : most frequent first
    typical : the nearest training documents
    """

    context: int
    share: float
    words: list[TopWord]
    typical: list[TypicalDocument]

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> ContextSummary:
        """Inverse of `to_dict`."""
        return cls(
            int(values["context"]),
            float(values["share"]),
            [
                TopWord(_text(word["word"]), int(word["count"]), float(word["distinctiveness"]))
                for word in values["words"]
            ],
            [
                TypicalDocument(int(d["document"]), float(d["distance"]), _text(d["excerpt"]))
                for d in values["typical"]
            ],
        )

    def _repr_html_(self) -> str:
        return contexts_html([self])


class Contexts(list[ContextSummary]):
    """The themes of a corpus: a list that a notebook shows as a table."""

    def _repr_html_(self) -> str:
        return contexts_html(self)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {value!r}")
    return value


def word_contributions(
    vectors: Tensor, logits: Tensor, contexts: Tensor, weights: Tensor, batch: Batch
) -> tuple[Tensor, Tensor, Tensor]:
    """Split the score of each document exactly into its words.

    Write ``m̂`` and ``ĉ`` for unit vectors. The share of word i in ``m_k = Σ_i a_ik h_i`` is
    ``s_ik = a_ik <h_i, m̂_k> / ‖m_k‖``, and ``Σ_i s_ik = 1``; its part of the cosine of eq. 3.6 is
    ``a_ik <h_i, ĉ_k> / ‖m_k‖``. So ``½ (1 − cos_k)`` is the sum over words of
    ``½ a_ik <h_i, m̂_k − ĉ_k> / ‖m_k‖``: a word adds to the score by pulling the document's sum
    away from the context, and a word with a short vector hardly counts, however much attention it
    gets. (Sharing the constant out by attention would add up as well, but blame such words.)

    Parameters
    ----------
    vectors : (u, d)
    logits : (u, r) attention logits of every word of the table
    contexts : (r, d)
    weights : (n, r) weight of each context in a document's score, rows sum to 1

    Returns
    -------
    contributions (w,), shares (w,), attention (w, r).
    """
    attention = attention_weights(logits[batch.rows], batch)  # (w, r)
    embeddings = context_embeddings(vectors, attention, batch)  # (n, r, d)
    lengths = embeddings.norm(dim=2).clamp_min(1e-30)  # (n, r)
    away = embeddings / lengths[:, :, None] - functional.normalize(contexts, dim=1)  # (n, r, d)
    contributions = vectors.new_zeros(len(batch.rows))
    shares = vectors.new_zeros(len(batch.rows))
    words = vectors[batch.rows]  # (w, d)
    for k in range(len(contexts)):
        scale = attention[:, k] * (weights / lengths)[batch.documents, k]  # (w,)
        directions = embeddings[:, k] / lengths[:, k, None]  # (n, d)
        contributions += 0.5 * scale * (words * away[batch.documents, k]).sum(dim=1)
        shares += scale * (words * directions[batch.documents]).sum(dim=1)
    return contributions, shares, attention


def summarize_contexts(
    distances: NDArray[np.float32],
    attention: NDArray[np.float32],
    embedded: Embedded,
    texts: Sequence[str],
    document_numbers: NDArray[np.int64],
    *,
    n_nearest: int = 100,
    n_attended: int = 10,
    n_words: int = 25,
    n_typical: int = 3,
) -> Contexts:
    """Describe each context by the training documents nearest to it (thesis §3.2.2).

    From the ``n_nearest`` documents of a context, the ``n_attended`` words with the largest
    attention are counted; the most frequent ``n_words`` are listed.

    Parameters
    ----------
    distances : (n, r) of the training documents
    attention : (w, r) of their words
    embedded : the training documents
    texts, document_numbers : the documents and the numbers their owner knows them by
    """
    n_documents, n_contexts = distances.shape
    nearest = distances.argmin(axis=1)  # (n,)
    words, packed = _by_word(embedded)
    held = np.unique(packed.documents * len(words) + packed.rows) % len(words)
    holding = np.bincount(held, minlength=len(words))  # documents that hold a word, (u,)
    summaries = Contexts()
    for k in range(n_contexts):
        order = np.argsort(distances[:, k], kind="stable")[:n_nearest]
        rows = np.concatenate(
            [_most_attended(packed, attention[:, k], i, n_attended) for i in order]
        )
        counts = np.bincount(rows, minlength=len(words))
        listed = np.lexsort((np.arange(len(words)), -counts))[:n_words]
        top = [
            TopWord(
                words[row],
                int(counts[row]),
                float(np.log2(counts[row] / len(order) / (holding[row] / n_documents))),
            )
            for row in listed
            if counts[row]
        ]
        typical = [
            TypicalDocument(int(document_numbers[i]), float(distances[i, k]), _excerpt(texts[i]))
            for i in order[:n_typical]
        ]
        summaries.append(ContextSummary(k, float((nearest == k).mean()), top, typical))
    return summaries


def _most_attended(
    packed: PackedDocuments, attention: NDArray[np.float32], document: int, n: int
) -> NDArray[np.int32]:
    """Rows of the ``n`` words of one document with the largest attention."""
    start, end = packed.offsets[document : document + 2]
    order = np.argsort(-attention[start:end], kind="stable")[: 4 * n]
    rows = packed.rows[start:end][order]
    _, first = np.unique(rows, return_index=True)  # a word that stands in many places counts once
    return rows[np.sort(first)][:n]


def _by_word(embedded: Embedded) -> tuple[Sequence[str], PackedDocuments]:
    """Distinct words, and the documents with rows that number these."""
    if embedded.places is None:
        return embedded.words, embedded.packed
    words, numbers = np.unique(np.array(embedded.words, object), return_inverse=True)
    rows = numbers[embedded.packed.rows].astype(np.int32)
    return words.tolist(), replace(embedded.packed, rows=rows)


def _excerpt(text: str) -> str:
    text = " ".join(text[: 4 * _EXCERPT].split())
    return text if len(text) <= _EXCERPT else text[: _EXCERPT - 1] + "…"


def explain_documents(
    texts: Sequence[str],
    embedded: Embedded,
    spans_of: Callable[[str, Embedded, int], list[Span]],
    scoring: ScoringTable,
    *,
    distances: NDArray[np.float32],
    weights: NDArray[np.float32],
    scores: NDArray[np.float32],
    p_values: NDArray[np.float64],
    labels: NDArray[np.int64],
    threshold: float,
) -> list[Explanation]:
    """Explain each document; arguments as in `word_contributions` and `Explanation`.

    A word that stands in several places with a vector for each is explained by their sum.
    """
    packed = embedded.packed
    batch = Batch.of(packed, scoring.vectors.device)
    with torch.inference_mode():
        contributions, shares, attention = (
            part.double().cpu().numpy()
            for part in word_contributions(
                scoring.vectors.float(),
                scoring.logits,
                scoring.contexts,
                torch.from_numpy(weights).to(scoring.vectors.device),
                batch,
            )
        )
    explanations = []
    for i, text in enumerate(texts):
        start, end = packed.offsets[i : i + 2]
        spans = spans_of(text, embedded, i)
        shown = list(dict.fromkeys(span.word for span in spans))
        place = {word: j for j, word in enumerate(shown)}
        at = np.array([place[embedded.words[row]] for row in packed.rows[start:end]], np.int64)
        counts = Counter(span.word for span in spans)
        shared, contributed = np.zeros(len(shown)), np.zeros(len(shown))
        attended = np.zeros((len(shown), attention.shape[1]))
        np.add.at(shared, at, shares[start:end])
        np.add.at(contributed, at, contributions[start:end])
        np.add.at(attended, at, attention[start:end])
        explanations.append(
            Explanation(
                text=text,
                score=float(scores[i]),
                threshold=threshold,
                p_value=float(p_values[i]),
                label=int(labels[i]),
                words=shown,
                counts=np.array([counts[word] for word in shown], np.int64),
                attention=attended,
                contributions=contributed,
                evidence=contributed - threshold * shared,
                shares=shared,
                context_distances=distances[i].astype(np.float64),
                nearest_context=int(distances[i].argmin()) if shown else None,
                spans=spans,
            )
        )
    return explanations
