"""Kinds of flagged documents: groups that share words, form or language, and are named by it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from sklearn.metrics import pairwise_distances_argmin

from textocl.core.exceptions import DataError
from textocl.text.contrast import WordPresence

_UNRELATED = 1.0  # cosine distance of documents that have nothing in common
_MOST = 2000  # points clustered at once: bounds the time and memory of their distances
_N_CUTS = 24
_NAMED_BY = 4  # words


@dataclass(frozen=True, eq=False)
class Kind:
    """Flagged documents that share something.

    Attributes
    ----------
    words : what they hold and the rest of the pile does not, best first; none where each document
        is on its own, or odd by form
    documents : (k,) int64, numbers of documents, most anomalous first
    form : measures of form that are unusual in more than half of them, the most frequent first;
        none of a kind that shares words
    language : in which more than half of them are, such as "German", where most of the pile are in
        another; None otherwise, and where texts are too short to tell
    """

    words: list[str]
    documents: NDArray[np.int64]
    form: list[str] = field(default_factory=list)
    language: str | None = None

    @property
    def name(self) -> str:
        """Its language, its first words or its form, or that it has none."""
        shared = ", ".join((self.form or self.words)[:_NAMED_BY])
        if self.language is not None:
            return f"in {self.language}" + (f": {shared}" if shared else "")
        if self.form:
            return f"odd by form: {shared}"
        return shared or "each on its own"

    def among(self, languages: Mapping[int, str | None]) -> Kind:
        """The same with the language of more than half of its documents, by their numbers."""
        counts = Counter(languages[i] for i in self.documents.tolist())
        language, n = counts.most_common(1)[0]
        return replace(self, language=language) if 2 * n > len(self.documents) else self


def kinds_of(
    points: NDArray[np.float32],
    flagged: NDArray[np.int64],
    presence: WordPresence,
    groups: NDArray[np.int64] | None = None,
    *,
    max_kinds: int = 12,
) -> tuple[list[Kind], NDArray[np.int64]]:
    """Group flagged documents by what they share, and name the groups.

    Parameters
    ----------
    points : (m, d) unit vectors of the flagged documents; zeros where a document has no known word
    flagged : (m,) their numbers, most anomalous first
    presence : words of all documents of the pile, n ≥ m
    groups : (m,) equal numbers for near-copies, or None
        Near-copies count as one point, the first of them, and are always of one kind.
    max_kinds : int ≥ 1, kinds with words at most

    Returns
    -------
    kinds : list of Kind
        Largest first, and the more anomalous of equal ones; last, and without words, the documents
        that are in none of the others.
    kind : (m,) int64
        Place in ``kinds`` of each flagged document.

    Raises
    ------
    DataError
        Numbers of points, documents and groups that differ.

    Notes
    -----
    Average linkage on cosine distances, cut where the mean silhouette of the points in kinds is
    highest; points in none count 0. A kind competes with unrelated documents, too, at a cosine
    distance of 1: so all points may be of one kind, or each on its own. Of more than 2,000 points
    the first are clustered, and the others are of the kind of the nearest of these.
    """
    m = len(flagged)
    if len(points) != m or (groups is not None and len(groups) != m):
        raise DataError(
            f"expected a point and a group for each of {m:,} documents, got {len(points):,} points"
            + ("." if groups is None else f" and {len(groups):,} groups.")
        )
    _, first, point = np.unique(
        np.arange(m) if groups is None else groups, return_index=True, return_inverse=True
    )
    order = np.argsort(first)  # points in the order of their most anomalous document
    first, point = first[order], np.argsort(order)[point]
    label = _clustered(points[first], np.bincount(point, minlength=len(first)), max_kinds)
    named: list[tuple[Kind, NDArray[np.bool_]]] = []
    for k in range(label.max(initial=-1) + 1):
        inside = (label == k)[point]
        documents = flagged[inside]
        rest = np.setdiff1d(np.arange(len(presence)), documents)
        words = presence.contrastive(flagged[first[label == k]], against=rest)
        if words:
            named.append((Kind(words, documents), inside))
    named.sort(key=lambda pair: (-len(pair[0].documents), pair[1].argmax()))
    kind = np.full(m, len(named))
    for k, (_, inside) in enumerate(named):
        kind[inside] = k
    kinds = [one for one, _ in named]
    if (kind == len(named)).any():
        kinds.append(Kind([], flagged[kind == len(named)]))
    return kinds, kind


def kinds_by_form(
    documents: NDArray[np.int64],
    measures: Sequence[Sequence[str]],
    languages: Sequence[str | None] = (),
) -> list[Kind]:
    """Group documents that are odd by form by their language, or by what is unusual in it.

    Those in one language make a kind. Of the others the measure that is unusual in most of them
    makes a kind of these, and so on with the rest; of equally frequent ones that of the more
    anomalous document.

    Parameters
    ----------
    documents : (m,) their numbers, most anomalous first
    measures : m lists, each of one or more names of unusual measures, strongest first
        "characters" counts where there is no other, as all that is odd by form is rare in these.
    languages : m names or None, of those in another language than the pile; none by default

    Examples
    --------
    >>> unusual = [["characters", "capitals", "prices"], ["tags"], ["capitals"], ["characters"]]
    >>> for kind in kinds_by_form(np.array([7, 5, 6, 9]), unusual):
    ...     print(kind.documents, kind.name)
    [7 6] odd by form: capitals
    [5] odd by form: tags
    [9] odd by form: characters
    """
    told = [[name for name in names if name != "characters"] or names for names in measures]
    kinds = []

    def add(inside: list[int], language: str | None = None) -> None:
        counts = Counter(name for i in inside for name in told[i])
        shared = [name for name, n in counts.most_common() if 2 * n > len(inside)]
        if language is not None and shared == ["characters"]:
            shared = []  # the language is why
        kinds.append(Kind([], documents[inside], shared, language))

    for language in filter(None, dict.fromkeys(languages)):
        add([i for i, of_text in enumerate(languages) if of_text == language], language)
    left = [i for i in range(len(documents)) if not (languages and languages[i])]
    while left:
        leading, _ = Counter(name for i in left for name in told[i]).most_common(1)[0]
        add([i for i in left if leading in told[i]])
        left = [i for i in left if leading not in told[i]]
    return kinds


def _clustered(
    points: NDArray[np.float32], sizes: NDArray[np.int64], most: int
) -> NDArray[np.int64]:
    """Kind of each point, ``(p,)``, or -1, by the cut with the best silhouette.

    Parameters
    ----------
    points : (p, d), unit vectors or zeros
    sizes : (p,) documents at each point
    most : kinds to keep at most, by their documents
    """
    some = np.flatnonzero(points.any(axis=1))
    kind = np.full(len(points), -1)
    clustered = some[:_MOST]
    if not len(clustered):
        return kind
    similarity = points[clustered].astype(np.float64) @ points[clustered].T
    distances = np.clip(1 - similarity, 0, 2)
    np.fill_diagonal(distances, 0)
    best, quality = np.full(len(clustered), -1), -np.inf
    for labels in _cuts(distances, most):
        documents = np.bincount(labels, sizes[clustered])
        largest = np.argsort(-documents, kind="stable")[:most]
        place = np.full(len(documents), -1)
        place[largest] = np.where(documents[largest] > 1, np.arange(len(largest)), -1)
        inside = place[labels] >= 0
        found = np.where(inside, _silhouettes(distances, labels), 0).mean()
        if found > quality:
            best, quality = place[labels], found
    kind[clustered] = best
    later = some[_MOST:]
    if len(later):
        kind[later] = best[pairwise_distances_argmin(points[later], points[clustered])]
    return kind


def _cuts(distances: NDArray[np.float64], most: int) -> list[NDArray[np.int64]]:
    """Partitions of points, ``(p,)`` each from 0 on: from each on its own to all in one group."""
    p = len(distances)
    if p == 1:
        return [np.zeros(1, np.int64)]
    tree = linkage(squareform(distances, checks=False), "average")
    few = np.arange(1, min(most, p) + 1)
    many = np.geomspace(few[-1], p, _N_CUTS).astype(int)
    return [fcluster(tree, k, "maxclust").astype(np.int64) - 1 for k in np.union1d(many, few)[::-1]]


def _silhouettes(distances: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Silhouette of each point, ``(p,)``, where unrelated points stand beside every group."""
    sizes = np.bincount(labels)
    starts = np.cumsum(sizes) - sizes
    order = np.argsort(labels, kind="stable")
    sums = np.add.reduceat(distances[:, order], starts, axis=1)  # to each group, (p, k)
    own = np.arange(len(labels)), labels
    within = sums[own] / np.maximum(sizes[labels] - 1, 1)
    between = sums / sizes
    between[own] = np.inf
    nearest = between.min(axis=1, initial=_UNRELATED)
    widest = np.maximum(np.maximum(within, nearest), np.finfo(float).tiny)
    return np.where(sizes[labels] > 1, (nearest - within) / widest, 0.0)
