"""The score of CVDD split exactly into the words of a document."""

from __future__ import annotations

from collections import Counter

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from textocl.cvdd.network import Batch, attention_weights, context_embeddings
from textocl.cvdd.scoring import ScoringTable
from textocl.explain.explanation import Explanation
from textocl.text.spaces import Embedded


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


def explain_documents(
    embedded: Embedded,
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
    for i, text in enumerate(embedded.texts):
        start, end = packed.offsets[i : i + 2]
        spans = embedded.spans(i)
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
                label=int(labels[i]) if shown else 0,
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
