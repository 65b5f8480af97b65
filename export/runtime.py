"""Scoring with an exported file: numpy and ONNX Runtime, neither torch nor the detector."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from textocl.core.assessment import judged_labels, status_of
from textocl.core.exceptions import DataError, FormatError, MissingExtraError
from textocl.core.validation import check_documents, check_features

if TYPE_CHECKING:
    from textocl.export.tokens import TextCutter

_READS_UP_TO = 1  # the newest format_version
_JSON_FACTS = (
    "format_version", "threshold", "false_alarm_rate", "contexts", "sample_shape", "words",
    "language_model",
)  # fmt: skip
# a graph pads the documents of a run to the longest: few at once, and of like length
_DOCUMENTS_AT_ONCE = 32
_CHARACTERS_AT_ONCE = 1 << 18
_VALUES_AT_ONCE = 1 << 19  # of images; networks hold some hundred times as many
_SURROGATES = re.compile("[\ud800-\udfff]")

# in the order of WordExplanation
_OF_WORDS = ("word", "word_count", "word_contribution", "word_evidence", "word_attention")


@dataclass(frozen=True)
class WordExplanation:
    """What the known words of one document have to do with its score.

    Attributes
    ----------
    words : w distinct words
    counts : (w,) how often each occurs
    contributions : (w,) what each adds; they sum to the score
    evidence : (w,) positive speaks for an anomaly, negative for a normal document; they sum to
        score - threshold
    attention : (w, r) weight of each word in each context; columns sum to 1
    """

    words: list[str]
    counts: NDArray[np.int64]
    contributions: NDArray[np.float32]
    evidence: NDArray[np.float32]
    attention: NDArray[np.float32]

    def __repr__(self) -> str:
        words = [word for word, _ in self.anomalous_words(3)]
        return f"WordExplanation({len(self.words)} words, anomalous_words={words})"

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, one entry a word, as `textocl.Explanation` has them."""
        words = [
            {
                "word": word,
                "count": int(self.counts[i]),
                "contribution": float(self.contributions[i]),
                "evidence": float(self.evidence[i]),
                "attention": self.attention[i].tolist(),
            }
            for i, word in enumerate(self.words)
        ]
        return {"words": words}

    def anomalous_words(self, n: int = 10) -> list[tuple[str, float]]:
        """Return up to ``n`` words that speak most for an anomaly, with their evidence."""
        order = np.argsort(-self.evidence, kind="stable")[:n]
        return [(self.words[i], float(self.evidence[i])) for i in order if self.evidence[i] > 0]

    def normal_words(self, n: int = 10) -> list[tuple[str, float]]:
        """Return up to ``n`` words that speak most for normal, with their (negative) evidence."""
        order = np.argsort(self.evidence, kind="stable")[:n]
        return [(self.words[i], float(self.evidence[i])) for i in order if self.evidence[i] < 0]


class OnnxDetector:
    """A detector from a file that `textocl.export.to_onnx` wrote.

    Use it where torch is too much to install. Its members are those of the detector; fitting is
    missing, and `explain` needs a file that was written with ``words``, or one of an FCDD or a
    PatchKNN.

    Parameters
    ----------
    path : the ``.onnx`` file
    providers : names of ONNX Runtime's execution providers in order of preference, or None
        None is CUDA where this build of ONNX Runtime has it, then the CPU.
    n_threads : int ≥ 0, default 0
        Threads of one run; 0 is one for each core.

    Attributes
    ----------
    metadata : dict, what the file says of itself
    provider : str, the execution provider that serves
    threshold_, false_alarm_rate : as the detector had them

    Raises
    ------
    FormatError
        No such file, or it is damaged, foreign, or written by a newer textocl.
    MissingExtraError
        ONNX Runtime is not installed.
    """

    def __init__(
        self,
        path: str | PathLike[str],
        *,
        providers: Sequence[str] | None = None,
        n_threads: int = 0,
    ) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            raise MissingExtraError("onnxruntime", "onnx", "OnnxDetector") from error
        file = Path(path)
        if not file.is_file():
            raise FormatError(f"no ONNX file at {str(file)!r}.")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = n_threads
        options.log_severity_level = 3
        if providers is None:
            available = onnxruntime.get_available_providers()
            wanted = ("CUDAExecutionProvider", "CPUExecutionProvider")
            providers = [name for name in wanted if name in available]
        # convolutions in float32: CUDA's default is TF32, of 10 bits, and scores would differ
        exact = {"CUDAExecutionProvider": {"use_tf32": "0"}}
        chosen = [(name, exact.get(name, {})) for name in providers]
        try:
            self._session = _session(file, options, chosen)
        except MissingExtraError:
            raise
        except Exception as error:  # onnxruntime's own classes have no common base
            reason = str(error).strip().split("\n")[0][:300]
            raise FormatError(f"{file} cannot be read as an ONNX model: {reason}") from None
        self.metadata = _metadata(file, self._session.get_modelmeta().custom_metadata_map)
        self.provider = str(self._session.get_providers()[0])
        self.threshold_ = float(self.metadata["threshold"])
        self.false_alarm_rate = float(self.metadata["false_alarm_rate"])
        names = [output.name for output in self._session.get_outputs()]
        self._outputs = [name for name in names if name not in (*_OF_WORDS, "heatmap")]
        self._says_words = set(_OF_WORDS) <= set(names)
        self._has_heatmaps = "heatmap" in names
        inputs = [value.name for value in self._session.get_inputs()]
        if self.metadata["input"] not in ("text", *inputs):
            raise FormatError(f"{file}: its metadata are damaged: no such input.")
        self._takes_strings = "text" in inputs
        # strings cannot be bound
        self._binds = self.provider == "CUDAExecutionProvider" and not self._takes_strings
        self._cutter: TextCutter | None = None
        if "input_ids" in inputs:
            from textocl.export.tokens import TextCutter

            facts = self.metadata["language_model"]
            self._cutter = TextCutter(file, facts, with_words="word_ids" in inputs)

    def __repr__(self) -> str:
        return f"OnnxDetector({self.metadata['detector']}, {self.provider})"

    def assess(self, X: Any) -> dict[str, NDArray[Any]]:
        """Scores and what else the file says of each of ``X``, by the names of its outputs.

        A text without a known word is not judged: its ``label`` is 0, where the file itself has
        the worst score and -1. ``status`` says what the label means, as in `textocl.Assessment`.

        Parameters
        ----------
        X : texts, features ``(n, d)``, or images
            Images are arrays ``(n, h, w)`` or ``(n, h, w, c)``, a list of paths, or a folder, as in
            `textocl.vision.images.read_arrays`.

        Raises
        ------
        DataError
            ``X`` is not what the file takes.
        """
        found = self._outputs_of(X)
        label = judged_labels(found["label"], found.get("n_known_words", np.ones(1, np.int64)))
        return {**found, "label": label, "status": status_of(label)}

    def _outputs_of(self, X: Any) -> dict[str, NDArray[Any]]:
        """What the file says of each of ``X``."""
        if self.metadata["input"] == "images":
            return self._run_images(X, self._outputs)
        if self.metadata["input"] == "features":
            features = check_features(X)
            expected = self._session.get_inputs()[0].shape[1]
            if features.shape[1] != expected:
                raise DataError(f"expected {expected} features, got {features.shape[1]}.")
            return self._run({"features": features})
        texts = check_documents(X)
        batches = list(self._batches(texts or [""]))
        parts = [self._run(inputs) for _, inputs in batches]
        back = np.argsort(np.concatenate([numbers for numbers, _ in batches]), kind="stable")
        return {
            name: np.concatenate([part[name] for part in parts])[back][: len(texts)]
            for name in self._outputs
        }

    def _batches(
        self, texts: list[str]
    ) -> Iterator[tuple[NDArray[np.int64], dict[str, NDArray[Any]]]]:
        """Numbers of texts ``(b,)`` of like length, with what the graph takes for them."""
        # onnxruntime cannot encode lone surrogates; no letter is among them
        array = np.array([_SURROGATES.sub("\ufffd", text) for text in texts], object)
        if self._cutter is None:
            for chosen in _alike(np.fromiter(map(len, texts), np.int64, len(texts))):
                yield chosen, {"text": array[chosen]}
            return
        on_gpu = self.provider != "CPUExecutionProvider"
        for tokens in self._cutter.batches(texts, on_gpu=on_gpu):
            strings = {"text": array[tokens.texts]} if self._takes_strings else {}
            yield tokens.texts, {**tokens.inputs, **strings}

    def _run_images(self, X: Any, outputs: Sequence[str]) -> dict[str, NDArray[Any]]:
        from textocl.vision.folders import is_labelled_folder, read_folder
        from textocl.vision.images import check_shape, read_arrays

        if isinstance(X, (str, PathLike)) and is_labelled_folder(X):
            X = read_folder(X).paths
        images = read_arrays(X)
        shape = tuple(self._session.get_inputs()[0].shape[1:])
        images = images if len(images) else np.empty((0, *shape), np.float32)
        check_shape(images, shape)
        at_once = max(1, _VALUES_AT_ONCE // math.prod(shape))
        parts = [
            self._run({"images": images[start : start + at_once]}, outputs)
            for start in range(0, max(1, len(images)), at_once)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in outputs}

    def explain(self, X: Any) -> list[WordExplanation] | NDArray[np.float32]:
        """Say what each known word of each text adds to its score, or where images are anomalous.

        Returns
        -------
        One `WordExplanation` for each text; or heatmaps ``(n, h, w)`` of images.

        Raises
        ------
        DataError
            The file was written without ``words``, or takes no texts and has no heatmaps.
        """
        if self.metadata["input"] != "text":
            if not self._has_heatmaps:
                raise DataError(
                    f"the file of a {self.metadata['detector']} explains nothing; that of an FCDD "
                    "or a PatchKNN has heatmaps."
                )
            return np.asarray(self._run_images(X, ["heatmap"])["heatmap"])
        if not self._says_words:
            raise DataError("the file says nothing of words; export with words=True (CVDD only).")
        explanations: dict[int, WordExplanation] = {}
        for numbers, inputs in self._batches(check_documents(X)):
            outputs = self._run(inputs, ["n_known_words", *_OF_WORDS])
            for row, number in enumerate(numbers.tolist()):
                n = int(outputs["n_known_words"][row])  # known words come before padding
                explanations[number] = WordExplanation(
                    outputs["word"][row, :n].tolist(),
                    *(outputs[name][row, :n] for name in _OF_WORDS[1:]),
                )
        return [explanations[number] for number in range(len(explanations))]

    def anomaly_score(self, X: Any) -> NDArray[np.float32]:
        """Score texts, features or images, ``(n,)``; higher is more anomalous."""
        return np.asarray(self._outputs_of(X)["score"])

    def p_value(self, X: Any) -> NDArray[np.float32]:
        """Probability that a normal sample scores at least as high, ``(n,)``."""
        return np.asarray(self._outputs_of(X)["p_value"])

    def predict(self, X: Any) -> NDArray[np.int64]:
        """+1 for normal, -1 for anomalous, and without a known word, ``(n,)``."""
        return np.asarray(self._outputs_of(X)["label"])

    def decision_function(self, X: Any) -> NDArray[np.float32]:
        """``threshold_ - anomaly_score(X)``: positive is normal, ``(n,)``."""
        return np.float32(self.threshold_) - self.anomaly_score(X)

    def score_samples(self, X: Any) -> NDArray[np.float32]:
        """``-anomaly_score(X)``, scikit-learn's sign."""
        return -self.anomaly_score(X)

    def context_distances(self, X: Any) -> NDArray[np.float32]:
        """Distance of each text to each context, ``(n, r)``."""
        if "context_distance" not in self._outputs:
            raise DataError(f"a {self.metadata['detector']} has no contexts.")
        return np.asarray(self._outputs_of(X)["context_distance"])

    def _run(
        self, inputs: dict[str, NDArray[Any]], outputs: Sequence[str] = ()
    ) -> dict[str, NDArray[Any]]:
        outputs = outputs or self._outputs
        if not self._binds:
            return dict(zip(outputs, self._session.run(outputs, inputs), strict=True))
        binding = self._session.io_binding()
        for name, values in inputs.items():
            binding.bind_cpu_input(name, np.ascontiguousarray(values))
        for name in outputs:
            binding.bind_output(name)
        self._session.run_with_iobinding(binding)
        return dict(zip(outputs, binding.copy_outputs_to_cpu(), strict=True))


def _session(file: Path, options: Any, providers: list[tuple[str, dict[str, str]]]) -> Any:
    import onnxruntime

    try:
        return onnxruntime.InferenceSession(file, options, providers=providers)
    except Exception as error:
        if "ai.onnx.contrib" not in str(error):
            raise
    try:
        import onnxruntime_extensions
    except ImportError as error:
        raise MissingExtraError(
            "onnxruntime-extensions", "onnx-text", f"OnnxDetector({str(file)!r})"
        ) from error
    options.register_custom_ops_library(onnxruntime_extensions.get_library_path())
    return onnxruntime.InferenceSession(file, options, providers=providers)


def _alike(lengths: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Group what is of like length into batches of bounded size; yields numbers ``(b,)``."""
    order = np.argsort(lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = lengths[order[start : start + _DOCUMENTS_AT_ONCE]]
        sizes = longest * np.arange(1, len(longest) + 1)  # characters with padding
        fitting = max(1, int(np.searchsorted(sizes, _CHARACTERS_AT_ONCE, side="right")))
        yield order[start : start + fitting]
        start += fitting


def _metadata(file: Path, stored: dict[str, str]) -> dict[str, Any]:
    if stored.get("format") != "textocl-onnx":
        raise FormatError(f"{file} is an ONNX model, but none that textocl exported.")
    try:
        facts: dict[str, Any] = dict(stored)
        facts |= {name: json.loads(stored[name]) for name in _JSON_FACTS if name in stored}
        version = int(facts["format_version"])
        float(facts["threshold"]), float(facts["false_alarm_rate"])
        facts["detector"], facts["input"], facts["contexts"]
        if "language_model" in facts:
            facts["language_model"]["tokenizer_sha256"], facts["language_model"]["content_words"]
    except (KeyError, ValueError, TypeError) as error:
        raise FormatError(f"{file}: its metadata are damaged: {error}") from None
    if version > _READS_UP_TO:
        raise FormatError(f"{file} was written by a newer textocl. Upgrade: pip install -U textocl")
    return facts
