"""What a `Detector` learns, and how it is written and read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from textocl.core.contamination import ContaminationEstimate
from textocl.core.exceptions import FormatError
from textocl.core.persistence import ModelFiles, detector_from_part, part_of_files
from textocl.core.validation import check_number
from textocl.cvdd.detector import CVDD
from textocl.ensemble.fusion import Fusion
from textocl.ensemble.labels import LABELS
from textocl.ensemble.members import Member, OutOfSampleScores
from textocl.ensemble.memory import TrainingMemory
from textocl.ensemble.surprisal import Surprisal
from textocl.shallow.pooled import PooledDetector
from textocl.text.shared_index import SharedIndex
from textocl.text.spaces import ContextSpace, Embedded, WordSpace
from textocl.text.tokenization import CutTexts, Tokenizer
from textocl.text.vectorizer import DocumentVectorizer

#: what begins the names of their arrays
_SURPRISAL = "surprisal."
_HELD_OUT = "held_out."
_MEMORY = "memory."

#: what each member is
_MEMBERS = {
    "density": "KDE",
    "word_density": "KDE",
    "contexts": "CVDD",
    "words": "WordLikelihood",
    "surface": "SurfaceProfile",
    "characters": "CharacterLikelihood",
    **dict.fromkeys(LABELS, "Discriminant"),
}


@dataclass(frozen=True, repr=False)
class EnsembleState:
    """What a `textocl.Detector` learns.

    Attributes
    ----------
    members : fitted detectors by name
    out_of_sample : what they say of documents that they did not learn from; None in models saved
        before it was kept
    surprisal : tells unexpected words; None where no vectors are static, or in older models
    contamination : the share of anomalies, as told or estimated
    memory : recognizes the documents that ``out_of_sample`` is of; None where it shall not
    words_location, words_scale : of the words together; see `Fusion`
    """

    members: dict[str, Member]
    out_of_sample: OutOfSampleScores | None
    surprisal: Surprisal | None
    contamination: ContaminationEstimate
    memory: TrainingMemory | None = None
    words_location: float = 0.0
    words_scale: float = 1.0

    def judging_by(
        self, members: dict[str, Member], out_of_sample: OutOfSampleScores
    ) -> EnsembleState:
        """The same with members that judge otherwise."""
        fusion = Fusion.of(list(members.values()), out_of_sample)
        return replace(
            self,
            members=members,
            out_of_sample=out_of_sample,
            words_location=fusion.location,
            words_scale=fusion.scale,
        )

    @cached_property
    def fusion(self) -> Fusion:
        return Fusion(list(self.members.values()), self.words_location, self.words_scale)

    @cached_property
    def training_scores(self) -> NDArray[np.float32]:
        """Out-of-sample scores of all members, ``(n,)``; NaN of what is not judged."""
        if self.out_of_sample is None:
            return np.empty(0, np.float32)
        scores, n_known = self.fusion.fuse(self.out_of_sample.columns)
        return np.where(n_known > 0, scores, np.float32(np.nan))

    def embed(self, texts: Sequence[str]) -> dict[str, Embedded]:
        """Texts as each member takes them, cut once for all."""
        detectors = {name: one.detector for name, one in self.members.items() if name not in LABELS}
        names, index, tokenizer = self._shared
        cut = CutTexts(texts, tokenizer)
        packed = dict(zip(names, [] if index is None else index.pack(texts), strict=True))
        embedded = {
            name: detector._space.embed_packed(packed[name], cut)
            if name in packed
            else detector._embed(texts)
            for name, detector in detectors.items()
        }
        return {name: embedded[LABELS.get(name, name)] for name in self.members}

    @cached_property
    def _shared(self) -> tuple[list[str], SharedIndex | None, Tokenizer | None]:
        """Members whose words are looked up together, and what does it."""
        spaces = {
            name: member.detector._space
            for name, member in self.members.items()
            if not member.is_term and not isinstance(member.detector._space, ContextSpace)
        }
        if len({space.tokenizer.name for space in spaces.values()}) != 1:
            return [], None, None
        tokenizer = next(iter(spaces.values())).tokenizer
        index = SharedIndex([space.words for space in spaces.values()], tokenizer)
        return list(spaces), index, tokenizer

    def to_files(self) -> ModelFiles:
        facts = {
            "members": {},
            "contamination": list(self.contamination),
            "words_scale": [self.words_location, self.words_scale],
        }
        files = ModelFiles(facts, {})
        for name, member in self.members.items():
            part = part_of_files(member.detector, name + ".")
            if name in LABELS:  # whose words and vectors are those of a density
                shared = _vectorizer_of(self.members[LABELS[name]]).to_files().arrays
                part = replace(part, arrays=_without(part.arrays, name, shared))
            files.facts["members"][name] = {
                "weight": member.weight,
                "location": member.location,
                "scale": member.scale,
                **part.facts,
            }
            files.arrays.update(part.arrays)
        if self.surprisal is not None:
            surprisal = self.surprisal.to_files()
            files.facts["surprisal"] = surprisal.facts
            files.arrays |= {_SURPRISAL + name: array for name, array in surprisal.arrays.items()}
        if self.out_of_sample is not None:
            scores = self.out_of_sample.to_files().arrays
            files.arrays |= {_HELD_OUT + name: array for name, array in scores.items()}
        if self.memory is not None:
            memory = self.memory.to_files().arrays
            files.arrays |= {_MEMORY + name: array for name, array in memory.items()}
        return files

    @classmethod
    def from_files(cls, files: ModelFiles) -> EnsembleState:
        """Inverse of `to_files`.

        Raises
        ------
        FormatError
        """
        members: dict[str, Member] = {}
        for name, facts in files.fact("members", dict).items():
            arrays = files.arrays
            if LABELS.get(name) in members:
                shared = _vectorizer_of(members[LABELS[name]]).to_files().arrays
                arrays = {**{f"{name}.{key}": array for key, array in shared.items()}, **arrays}
            detector = detector_from_part(facts, arrays, name + ".", sorted({*_MEMBERS.values()}))
            if type(detector).__name__ != _MEMBERS.get(name):
                raise FormatError(f"its member {name!r} is a {type(detector).__name__}.")
            members[name] = Member(
                detector,
                check_number("weight", facts.get("weight"), 0, low_open=True),
                check_number("location", facts.get("location")),
                check_number("scale", facts.get("scale"), 0, low_open=True),
            )
        if "density" not in members:
            raise FormatError("it has no density.")
        out_of_sample, memory = _out_of_sample_from(files, members), None
        arrays = _arrays_of(files, _MEMORY)
        if arrays and out_of_sample is not None:
            memory = TrainingMemory.from_files(ModelFiles({}, arrays), len(out_of_sample.scores))
        return cls(
            members,
            out_of_sample,
            _surprisal_from(files, members),
            _contamination_from(files),
            memory,
            *_words_scale_from(files, members),
        )


def _vectorizer_of(member: Member) -> DocumentVectorizer:
    """What makes points of texts."""
    return cast(DocumentVectorizer, cast(PooledDetector, member.detector).state_.vectorizer)


def _without(
    arrays: Mapping[str, NDArray[Any]], member: str, names: Iterable[str]
) -> dict[str, NDArray[Any]]:
    """Arrays of a ``member`` but for those with these ``names``."""
    left_out = {f"{member}.{name}" for name in names}
    return {name: array for name, array in arrays.items() if name not in left_out}


def word_member(members: Mapping[str, Member]) -> str | None:
    """Name of a member with static vectors; None where there is none."""
    name = "contexts" if "contexts" in members else "density"
    return name if isinstance(members[name].detector._space, WordSpace) else None


def _surprisal_from(files: ModelFiles, members: Mapping[str, Member]) -> Surprisal | None:
    """What a model holds of it; none holds it that was saved before there was any."""
    name, facts = word_member(members), files.facts.get("surprisal")
    if name is None or facts is None:
        return None
    if not isinstance(facts, dict):
        raise FormatError("its surprisal is not consistent.")
    space = cast(WordSpace, members[name].detector._space)
    arrays = _arrays_of(files, _SURPRISAL)
    return Surprisal.from_files(ModelFiles(facts, arrays), len(space.vocabulary))


def _out_of_sample_from(
    files: ModelFiles, members: Mapping[str, Member]
) -> OutOfSampleScores | None:
    """What a model holds of it; none holds it that was saved before it was kept."""
    arrays = _arrays_of(files, _HELD_OUT)
    if not arrays:
        return None
    contexts = members.get("contexts")
    r = 0 if contexts is None else len(cast(CVDD, contexts.detector).contexts_)
    return OutOfSampleScores.from_files(ModelFiles({}, arrays), len(members), r)


def _contamination_from(files: ModelFiles) -> ContaminationEstimate:
    """What a model holds of it; none holds it that was saved before it was estimated."""
    values = files.facts.get("contamination", [0.0, 0.0])
    if not isinstance(values, list) or len(values) != 2:
        raise FormatError("its contamination must be two numbers: an estimate, and a lower bound.")
    share, at_least = (check_number("contamination", value, 0, 1) for value in values)
    return ContaminationEstimate(share, at_least)


def _words_scale_from(files: ModelFiles, members: Mapping[str, Member]) -> tuple[float, float]:
    """Location and scale of the words together; older models, which see no form, have none."""
    sees_form = any(member.detector.sees_form for member in members.values())
    values = files.facts.get("words_scale", None if sees_form else [0.0, 1.0])
    if not isinstance(values, list) or len(values) != 2:
        raise FormatError("its words_scale must be two numbers: a location, and a scale.")
    location, scale = values
    return (
        check_number("words_location", location),
        check_number("words_scale", scale, 0, low_open=True),
    )


def _arrays_of(files: ModelFiles, prefix: str) -> dict[str, NDArray[Any]]:
    return {
        name.removeprefix(prefix): array
        for name, array in files.arrays.items()
        if name.startswith(prefix)
    }
