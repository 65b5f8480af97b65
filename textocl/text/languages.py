"""Which language texts are in, and how its words are cut: what "auto" stands for.

The language is the one whose most frequent words account best for those of the texts; scripts that
are written without spaces are told by their characters.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from textocl.core.validation import check_choice
from textocl.text.tokenization import TOKENIZERS, UnicodeTokenizer

AUTO = "auto"
_DOCUMENTS, _CHARACTERS = 500, 2_000  # looked at of a corpus, and of each document
_N_WORDS = 600  # most frequent of each language
_RARE = math.log(1e-4)  # of a word that is not among them
#: by how much a word on the mean, and all together, must be likelier than in the usual one
_MARGIN, _EVIDENCE = 0.25, 15.0
_FOREIGN = 0.03  # share of words with other letters than a-z that English does not have
_BY_SCRIPT = {
    "zh": "\u3400-\u4dbf\u4e00-\u9fff",
    "ja": "\u3041-\u30ff\u31f0-\u31ff",
    "th": "\u0e01-\u0e4e",
    "lo": "\u0e81-\u0ece",
    "my": "\u1000-\u109f",
    "km": "\u1780-\u17d3",
    "ko": "\uac00-\ud7a3",
}
_FEWEST_LETTERS = 10  # of another script that tell the language of one document
LANGUAGES = {
    "ar": "Arabic", "bg": "Bulgarian", "bn": "Bengali", "ca": "Catalan", "cs": "Czech",
    "da": "Danish", "de": "German", "el": "Greek", "en": "English", "es": "Spanish",
    "fa": "Persian", "fi": "Finnish", "fil": "Filipino", "fr": "French", "he": "Hebrew",
    "hi": "Hindi", "hu": "Hungarian", "id": "Indonesian", "is": "Icelandic", "it": "Italian",
    "ja": "Japanese", "km": "Khmer", "ko": "Korean", "lo": "Lao", "lt": "Lithuanian",
    "lv": "Latvian", "mk": "Macedonian", "ms": "Malay", "my": "Burmese", "nb": "Norwegian",
    "nl": "Dutch", "pl": "Polish", "pt": "Portuguese", "ro": "Romanian", "ru": "Russian",
    "sh": "Serbo-Croatian", "sk": "Slovak", "sl": "Slovenian", "sv": "Swedish", "ta": "Tamil",
    "th": "Thai", "tr": "Turkish", "uk": "Ukrainian", "ur": "Urdu", "vi": "Vietnamese",
    "zh": "Chinese",
}  # fmt: skip
_SPACELESS = _BY_SCRIPT.keys() - {"ko"}
_OF_SCRIPT = {code: re.compile(f"[{letters}]") for code, letters in _BY_SCRIPT.items()}


class Cutting(NamedTuple):
    """How a model cuts texts, and the language of its general word list."""

    tokenization: str
    language: str | None


def check_tokenization(name: str) -> None:
    """Refuse what is neither "auto" nor the name of a tokenizer, with a `DataError`."""
    check_choice("tokenization", name, [AUTO, *TOKENIZERS])


def settled(tokenization: str, language: str | None, texts: Sequence[str]) -> Cutting:
    """Both parameters as they are, with what "auto" stands for by the training ``texts``.

    Languages that wordfreq has no words of have the language None. English is cut by "english",
    languages written without spaces by "characters", any other by "unicode"; so are texts where
    more than a few words hold other letters than a to z.
    """
    if AUTO not in (tokenization, language):
        return Cutting(tokenization, language)
    sample = _sample(texts)
    spoken = detect_language(sample) if language in (AUTO, None) else language
    if language == AUTO:
        language = spoken if spoken in _frequent_words() else None
    if tokenization == AUTO:
        if spoken in _SPACELESS:
            tokenization = "characters"
        else:
            is_english = spoken == "en" and foreign_share(sample) <= _FOREIGN
            tokenization = "english" if is_english else "unicode"
    return Cutting(tokenization, language)


def doubts_of(cutting: Cutting, texts: Sequence[str]) -> list[str]:
    """What to warn of where ``texts`` are cut so."""
    if cutting.tokenization != "english" or (share := foreign_share(_sample(texts))) <= _FOREIGN:
        return []
    return [
        f"{share:.0%} of the words hold letters other than a to z, where tokenization='english' "
        "cuts them to pieces, or drops them; take tokenization='unicode', or 'auto'."
    ]


def other_languages(texts: Sequence[str], corpus: Sequence[str]) -> list[str | None]:
    """Name of the language of each text that is surely in another than most of ``corpus``.

    None of the others: a few words do not tell. Of closely related languages it may be another.

    Examples
    --------
    >>> text = "Der Tanker hat den Hafen verlassen, und die Fähre ist nicht da."
    >>> other_languages([text, "Der Tanker", "the tanker left"], ["a ship left the port"])
    ['German', None, None]
    """
    usual = detect_language(_sample(corpus))
    if usual is None:
        return [None] * len(texts)
    found = []
    for text in texts:
        is_short = sum(map(str.isalpha, text[:_CHARACTERS])) < _FEWEST_LETTERS
        code = usual if is_short else detect_language([text], usual)
        found.append(None if code in (usual, None) else LANGUAGES[code])
    return found


def detect_language(texts: Sequence[str], usual: str = "en") -> str | None:
    """Code of the language that most of ``texts`` are in; None where it is not known.

    Where letters leave it open, it is the ``usual`` one; English only where they are Latin.

    Examples
    --------
    >>> detect_language(["Der Tanker hat den Hafen verlassen, und die Fähre ist nicht da."])
    'de'
    """
    joined = "\n".join(text[:_CHARACTERS] for text in texts)
    n_letters = sum(map(str.isalpha, joined))
    n_of = {code: len(letters.findall(joined)) for code, letters in _OF_SCRIPT.items()}
    if n_of["ja"] > 0.1 * n_of["zh"]:  # kana among Chinese characters
        n_of["ja"] += n_of.pop("zh")
    if n_letters and 2 * max(n_of.values()) > n_letters:
        return max(n_of, key=n_of.__getitem__)
    # each word once a document: a table or a signature says little of the language
    words = Counter(word for text in texts for word in set(_words(text)))
    scores = {
        code: sum(n * known.get(word, _RARE) for word, n in words.items())
        for code, known in _frequent_words().items()
    }
    best = max(sorted(scores), key=scores.__getitem__)
    gain = scores[best] - scores.get(usual, _RARE * words.total())
    if gain > max(_EVIDENCE, _MARGIN * words.total()):
        return best
    n_latin = len(re.findall("[A-Za-z]", joined))
    return usual if usual != "en" or 2 * n_latin >= n_letters else None


def foreign_share(texts: Sequence[str]) -> float:
    """Share of the words that hold another letter than a to z."""
    if all(map(str.isascii, texts)):
        return 0.0
    words = [word for text in texts for word in _words(text)]
    return float(np.mean([not word.isascii() for word in words])) if words else 0.0


def _sample(texts: Sequence[str]) -> list[str]:
    """At most `_DOCUMENTS` of them, from everywhere."""
    return list(texts[:: -(-len(texts) // _DOCUMENTS) or 1])


def _words(text: str) -> list[str]:
    return UnicodeTokenizer().words(text[:_CHARACTERS])


@lru_cache(maxsize=1)
def _frequent_words() -> dict[str, dict[str, float]]:
    """The most frequent words of each language, and the logarithm of the share of each."""
    import wordfreq

    found: dict[str, dict[str, float]] = {}
    for code, path in wordfreq.available_languages("small").items():
        words = found.setdefault(code, {})
        for centibels, alike in enumerate(wordfreq.read_cBpack(path)):
            words.update(dict.fromkeys(alike, -centibels / 100 * math.log(10)))
            if len(words) >= _N_WORDS:
                break
    return found
