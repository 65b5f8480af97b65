"""Words that are odd in their place: far from all words of normal texts, by a language model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from textocl.core.exceptions import DataError
from textocl.text.embeddings.contextual import ContextualVectors, EncodedTexts
from textocl.text.embeddings.transformer import TransformerVectors

_NEAREST = 5
_LAYERS = 4  # of six: the last one tells texts apart, these tell words
_MEASURED = 5_000  # words of normal texts to set scales by
_WORDS_AT_ONCE = 1_024


@dataclass(frozen=True)
class OddText:
    """How odd a text and its words are.

    Attributes
    ----------
    words : (w,) str, in lower case
    spans : (w, 2) int, where they stand
    values : (w,) how odd each is where it stands; 0 is usual, 1 one standard deviation above
    document : mean of these in standard deviations of a normal text with as many words; NaN
        without a word
    """

    words: list[str]
    spans: NDArray[np.int32]
    values: NDArray[np.float64]
    document: float

    @property
    def with_document(self) -> NDArray[np.float64]:
        """Values to compare words of different texts by, ``(w,)``: each plus the document's."""
        return self.values + self.document


@dataclass(frozen=True, repr=False)
class OddWords:
    """Tells words that are odd where they stand, by normal texts.

    Use it where an anomaly is a few words in a text whose topic is normal, such as a complaint.

    Attributes
    ----------
    source : ContextualVectors
    references : (m, d) float16, unit vectors of words of normal texts, where they stood
    n_documents : number of normal texts
    holding : in how many of these each word occurs
    usual : (2, 2) mean and standard deviation of distance and of rarity, of normal words
    spread : standard deviation of a word's value in its text, and of a text's mean beyond that
    location : mean value of a normal word

    Notes
    -----
    ``value(w) = (z(1 − cos₅(w)) + z(−log (n_w + ½)/(n + 1))) / 2``: the mean distance to the five
    nearest references, and how few of n normal texts hold the word, each as standard deviations
    from the mean of words of normal texts, which are compared with other texts than their own. A
    text of k words has ``(mean − μ) / √(σ_b² + σ_w² / k)``. Layer, k and the sum were chosen on
    words and sentences planted in other corpora (benchmarks/results/words.md).
    """

    source: ContextualVectors
    references: NDArray[np.float16]
    n_documents: int
    holding: dict[str, int]
    usual: NDArray[np.float64]
    spread: tuple[float, float]
    location: float

    @classmethod
    def learn(
        cls,
        texts: Sequence[str],
        source: ContextualVectors | None = None,
        *,
        n_references: int = 10_000,
        random_state: int = 0,
    ) -> OddWords:
        """Keep up to ``n_references`` words of normal ``texts``, where they stand.

        Parameters
        ----------
        source : None is the first four layers of "minilm"

        Raises
        ------
        DataError
            Fewer than two texts, or five words, are left to compare one with.
        MissingExtraError
        """
        source = TransformerVectors("minilm", n_layers=_LAYERS) if source is None else source
        words, encoded = _words_of(source.encode(texts), texts)
        owners = np.repeat(np.arange(len(texts)), np.diff(encoded.offsets))  # (w,)
        holding = Counter(w for _, w in set(zip(owners.tolist(), words, strict=True)))
        random = np.random.default_rng(random_state)
        kept = np.sort(random.permutation(len(words))[:n_references])
        sizes = np.bincount(owners[kept], minlength=1)
        if len(kept) - sizes.max() < _NEAREST:
            raise DataError(
                f"expected at least two texts, and {_NEAREST} words beside those of each, got "
                f"{len(set(owners.tolist()))} texts with {len(words)} words."
            )
        references = _unit(encoded.vectors[kept]).astype(np.float16)
        measured = np.flatnonzero(owners <= owners[min(_MEASURED, len(owners)) - 1])
        distances = _distances(
            encoded.vectors[measured], references, owners[measured], owners[kept]
        )
        counts = np.array([holding[words[i]] - 1 for i in measured])
        raw = np.stack([distances, _rarity(counts, len(texts) - 1)])  # (2, w)
        usual = np.stack([raw.mean(axis=1), np.maximum(raw.std(axis=1), 1e-6)], axis=1)
        values = _standard(raw, usual)
        location, spread = _spread(values, owners[measured])
        return cls(source, references, len(texts), dict(holding), usual, spread, location)

    def of(self, texts: Sequence[str]) -> list[OddText]:
        """How odd each text and each of its words is."""
        words, encoded = _words_of(self.source.encode(texts), texts)
        counts = np.array([self.holding.get(word, 0) for word in words], np.int64)
        raw = np.stack(
            [_distances(encoded.vectors, self.references), _rarity(counts, self.n_documents)]
        )
        values = _standard(raw, self.usual)
        odd = []
        for start, stop in zip(encoded.offsets[:-1], encoded.offsets[1:], strict=True):
            own = values[start:stop]
            document = float("nan")
            if len(own):
                within, between = self.spread
                noise = np.sqrt(between**2 + within**2 / len(own))
                document = float((own.mean() - self.location) / noise)
            odd.append(OddText(words[start:stop], encoded.spans[start:stop], own, document))
        return odd


def _words_of(encoded: EncodedTexts, texts: Sequence[str]) -> tuple[list[str], EncodedTexts]:
    """The words in lower case, and the same without punctuation marks."""
    cut = [
        text[start:end].lower()
        for i, text in enumerate(texts)
        for start, end in encoded.spans[encoded.offsets[i] : encoded.offsets[i + 1]].tolist()
    ]
    left = np.array([i for i, word in enumerate(cut) if any(map(str.isalnum, word))], np.int64)
    offsets = np.searchsorted(left, encoded.offsets)
    kept = EncodedTexts(encoded.vectors[left], encoded.pieces[left], encoded.spans[left], offsets)
    return [cut[i] for i in left], kept


def _distances(
    vectors: NDArray[np.float16],
    references: NDArray[np.float16],
    owners: NDArray[np.int64] | None = None,
    of_references: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """1 less the mean cosine to the nearest references, ``(w,)``, of other texts than their own."""
    others = references.astype(np.float32).T  # (d, m)
    distances = np.empty(len(vectors))
    for start in range(0, len(vectors), _WORDS_AT_ONCE):
        block = slice(start, start + _WORDS_AT_ONCE)
        cosines = _unit(vectors[block]) @ others
        if owners is not None and of_references is not None:
            cosines[owners[block, None] == of_references] = -2
        nearest = np.partition(cosines, -_NEAREST, axis=1)[:, -_NEAREST:]
        distances[block] = 1 - nearest.mean(axis=1)
    return distances


def _rarity(counts: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    return np.asarray(-np.log((counts + 0.5) / (n + 1)))


def _standard(raw: NDArray[np.float64], usual: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(((raw - usual[:, :1]) / usual[:, 1:]).mean(axis=0))


def _spread(
    values: NDArray[np.float64], owners: NDArray[np.int64]
) -> tuple[float, tuple[float, float]]:
    """Mean of the values, and their standard deviations within and between texts."""
    _, text, sizes = np.unique(owners, return_inverse=True, return_counts=True)
    means = np.bincount(text, values) / sizes
    location = float(values.mean())
    within = ((values - means[text]) ** 2).sum() / max((sizes - 1).sum(), 1)
    between = ((means - location) ** 2).mean() - (within / sizes).mean()
    return location, (float(np.sqrt(max(within, 1e-6))), float(np.sqrt(max(between, 1e-6))))


def _unit(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    wide = vectors.astype(np.float32)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-9))
