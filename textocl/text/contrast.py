"""Words that some documents of a pile hold and the others do not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from textocl.text.tokenization import Tokenizer


@dataclass(frozen=True, eq=False)
class WordPresence:
    """Which document of a pile holds which word: names groups of documents by what sets them apart.

    Attributes
    ----------
    words : (u,) str, in alphabetical order
    incidence : (n, u) sparse int8, 1 where a document holds a word
    """

    words: list[str]
    incidence: Any

    @classmethod
    def of(cls, texts: Sequence[str], tokenizer: Tokenizer) -> WordPresence:
        """Cut ``texts`` into the words that ``tokenizer`` keeps: no stopwords, no digits."""
        numbers: defaultdict[str, int] = defaultdict()
        numbers.default_factory = numbers.__len__  # a new word gets the next number
        parts = [np.empty(0, np.int64)]
        for words, documents in tokenizer.cut(texts):
            columns = np.fromiter(map(numbers.__getitem__, words), np.int64, len(words))
            parts.append(np.unique(documents << 32 | columns))
        kept = sorted(word for word in numbers if tokenizer.keeps(word))
        place = np.full(len(numbers), -1)
        place[[numbers[word] for word in kept]] = np.arange(len(kept))
        pairs = np.unique(np.concatenate(parts))
        documents, columns = pairs >> 32, place[pairs & 0xFFFFFFFF]
        documents, columns = documents[columns >= 0], columns[columns >= 0]
        ones = np.ones(len(columns), np.int8)
        return cls(kept, csr_array((ones, (documents, columns)), (len(texts), len(kept))))

    def __len__(self) -> int:
        return int(self.incidence.shape[0])

    def holding(self, documents: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many of ``documents`` hold each word, ``(u,)``."""
        return np.bincount(self.incidence[documents].indices, minlength=len(self.words))

    def contrastive(
        self, members: NDArray[np.int64], n: int = 8, against: NDArray[np.int64] | None = None
    ) -> list[str]:
        """Return up to ``n`` words that ``members`` hold and the rest do not, best first.

        Parameters
        ----------
        members : (m,) numbers of documents
        n : int ≥ 0
        against : (k,) numbers of the documents to compare with; None compares with all others

        Returns
        -------
        list of str
            Words of equal weight in alphabetical order; no word where nothing sets them apart.

        Notes
        -----
        ``p log(p / q)``, where p is the share of the members that hold the word and q that of the
        rest, at least half a document. It is c-TF-IDF, ``tf log(1 + A / tf_overall)``, with
        documents counted in place of occurrences, so that none dominates by length, and without
        the 1, so that words that occur everywhere alike weigh 0. Two members must hold a word,
        where there are two.

        References
        ----------
        M. Grootendorst: BERTopic: Neural topic modeling with a class-based TF-IDF procedure. 2022.

        Examples
        --------
        >>> from textocl.text.tokenization import make_tokenizer
        >>> texts = ["oil prices rose", "oil exports", "prices rose", "wheat prices", "corn prices"]
        >>> presence = WordPresence.of(texts, make_tokenizer("english"))
        >>> presence.contrastive(np.array([0, 1]), n=1)
        ['oil']
        """
        if against is None:
            against = np.setdiff1d(np.arange(len(self)), members)
        held = self.holding(members)
        inside = held / max(len(members), 1)
        outside = np.maximum(self.holding(against), 0.5) / max(len(against), 1)
        weights = inside * np.log(np.where(held, inside, 1) / outside)
        weights[held < min(len(members), 2)] = 0
        best = np.argsort(-weights, kind="stable")[:n]
        return [self.words[word] for word in best if weights[word] > 0]
