"""An exported file agrees with its detector, whatever it is given, and is written whole or not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from unicodedata import normalize

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ten_languages import ARTICLE_1, shuffled
from texts import sentences

from textocl import (
    CVDD,
    KDE,
    KNN,
    LOF,
    MVE,
    OCSVM,
    PCA,
    SVDD,
    CharacterLikelihood,
    DataError,
    Detector,
    Gaussian,
    Hypersphere,
    IsolationForest,
    KernelPCA,
    NotFittedError,
    SurfaceProfile,
    WordLikelihood,
)
from textocl.export import OnnxDetector, VerificationError, to_onnx, verify
from textocl.export.inputs import Inputs
from textocl.export.score_graph import Scored, score_graph
from textocl.registry import DETECTORS, detector_class, load_exporter

ON_TEXTS = {
    "cvdd": CVDD(),
    "cvdd-softmin": CVDD(n_contexts=5, aggregation="softmin"),
    "cvdd-min": CVDD(aggregation="min"),
    "cvdd-weights": CVDD(n_contexts=2, aggregation=[0.25, 0.75]),
    "cvdd-weighted-mean": CVDD(context_weights={0: 1, 2: 0.5}),
    "cvdd-weighted-min": CVDD(aggregation="min", context_weights={1: 1, 2: 0.5}),
    "cvdd-weighted-softmin": CVDD(aggregation="softmin", context_weights=[0, 2, 0.5]),
    "words": WordLikelihood(),
    "characters": CharacterLikelihood(),
    "surface": SurfaceProfile(),
    "kde": KDE(),
    "kde-tfidf": KDE(pooling="tfidf"),
    "kde-landmarks": KDE(n_landmarks=25),
    "knn-max": KNN(pooling="max"),
    "ocsvm": OCSVM(),
    "hypersphere": Hypersphere(n_epochs=2),
    "auto": Detector(),
    "auto-robust": Detector(contamination=0.1),
}
ON_FEATURES = {
    "kde": KDE(),
    "kde-landmarks": KDE(n_landmarks=40),
    "knn": KNN(),
    "lof": LOF(),
    "ocsvm-linear": OCSVM(kernel="linear"),
    "ocsvm-rbf": OCSVM(kernel="rbf"),
    "svdd-linear": SVDD(kernel="linear"),
    "svdd": SVDD(),
    "gaussian": Gaussian(),
    "mve": MVE(),
    "pca": PCA(),
    "kernel-pca": KernelPCA(),
    "iforest": IsolationForest(),
    "hypersphere": Hypersphere(n_epochs=2),
}
HARD = [
    "", " ", "12 !?", "of the and", "zzzqqq xxyyzz", "Ünïcödé ship K port İstanbul", "ship\0port",
    "ship\ud800port", "a" * 5000, "ship " * 3000, "ﬁsh ſhip ＳＨＩＰ", "ship\u0301 port\u200bharbor",
]  # fmt: skip


def assert_equal(detector: Any, file: Path, X: Any) -> None:
    own, theirs = detector.assess(X), OnnxDetector(file).assess(X)
    np.testing.assert_allclose(theirs["score"], own.score, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(theirs["label"], own.label)
    np.testing.assert_array_equal(theirs["status"], own.status)
    np.testing.assert_array_equal(theirs["n_known_words"], own.n_known_words)
    # a score may move past one calibration score
    room = 1.01 / (1 + len(detector.calibration_scores_))
    np.testing.assert_allclose(theirs["p_value"], own.p_value, atol=room)


@pytest.mark.filterwarnings("ignore::textocl.core.exceptions.TextoclWarning")
@pytest.mark.parametrize("name", ON_TEXTS)
def test_a_file_scores_texts_as_its_detector_does(
    name: str, ships: list[str], mixed: list[str], tmp_path: Path
) -> None:
    detector = ON_TEXTS[name]
    if name == "hypersphere":
        detector.fit(ships + sentences("music", 20, seed=9), [0] * len(ships) + [-1] * 20)
    else:
        detector.fit(ships)
    file = to_onnx(detector, tmp_path / "model.onnx")
    onnx.checker.check_model(onnx.load(file))
    assert_equal(detector, file, mixed + HARD)
    assert_equal(detector, file, [])
    assert OnnxDetector(file).assess(["", " "])["label"].tolist() == [0, 0]
    assert OnnxDetector(file).predict(["", " "]).tolist() == [-1, -1]
    assert_equal(detector, file, [""])
    if name.startswith(("cvdd", "auto")):
        exported = OnnxDetector(file)
        member = detector if name.startswith("cvdd") else detector.members_["contexts"].detector
        np.testing.assert_allclose(
            exported.context_distances(mixed), member.context_distances(mixed), atol=1e-6
        )
        words = [word.word for word in detector.contexts_[0].words[:10]]
        assert exported.metadata["contexts"][0]["words"] == words
    else:
        with pytest.raises(DataError, match="has no contexts"):
            OnnxDetector(file).context_distances(mixed)


@pytest.mark.parametrize("name", ON_FEATURES)
def test_a_file_scores_features_as_its_detector_does(name: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    detector = ON_FEATURES[name].fit(rng.normal(size=(150, 6)).astype(np.float32))
    X = rng.normal(scale=3, size=(80, 6)).astype(np.float32)
    X[0] = 0
    file = to_onnx(detector, tmp_path / "model.onnx")
    assert_equal(detector, file, X)
    assert_equal(detector, file, X[:0])
    with pytest.raises(DataError, match="expected 6 features, got 5"):
        OnnxDetector(file).predict(X[:, :5])
    with pytest.raises(DataError):
        OnnxDetector(file).predict(["a text"])


def test_a_file_has_the_landmarks_of_known_anomalies(
    ships: list[str], mixed: list[str], tmp_path: Path
) -> None:
    texts, labels = ships + sentences("music", 60, seed=9), [0] * len(ships) + [-1] * 60
    detector = KDE(n_landmarks=40, anomaly_weight=2.0).fit(texts, labels)
    assert detector.state_.learned["anomaly_cells"].shape[1] > 5
    assert_equal(detector, to_onnx(detector, tmp_path / "model.onnx"), mixed)


@pytest.fixture(scope="module")
def exported(detector: CVDD, tmp_path_factory: pytest.TempPathFactory) -> OnnxDetector:
    return OnnxDetector(to_onnx(detector, tmp_path_factory.mktemp("onnx") / "model.onnx"))


@pytest.mark.filterwarnings("ignore::textocl.core.exceptions.TextoclWarning")
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    texts=st.lists(
        st.one_of(
            st.text(max_size=80),
            st.lists(
                st.one_of(st.sampled_from(["ship", "Harbor", "CARGO", "İ"]), st.text(max_size=4))
            ).map("".join),
        ),
        max_size=100,
    )
)
def test_any_unicode_is_cut_and_scored_alike(
    texts: list[str], detector: CVDD, exported: OnnxDetector
) -> None:
    own, theirs = detector.assess(texts), exported.assess(texts)
    np.testing.assert_array_equal(theirs["n_known_words"], own.n_known_words)
    np.testing.assert_allclose(theirs["score"], own.score, atol=1e-6)


@pytest.mark.filterwarnings("ignore:.*have no known word")
@pytest.mark.parametrize("code", ARTICLE_1)
def test_every_language_is_cut_and_scored_alike(code: str, tmp_path: Path) -> None:
    detector = CVDD(n_contexts=2, n_general_words=500, n_epochs=1).fit(shuffled(code, 60))
    exported = OnnxDetector(to_onnx(detector, tmp_path / "model.onnx"))
    texts = shuffled(code, 30, seed=1) + list(ARTICLE_1.values()) + ["", "a ship", "İI Straße ß"]
    texts += [normalize("NFD", text) for text in texts]
    own, theirs = detector.assess(texts), exported.assess(texts)
    assert (own.n_known_words > 0).sum() >= 60
    np.testing.assert_array_equal(theirs["n_known_words"], own.n_known_words)
    np.testing.assert_allclose(theirs["score"], own.score, atol=1e-5)


@pytest.mark.filterwarnings("ignore:.*have no known word")
def test_a_detector_of_another_language_is_exported_whole(tmp_path: Path) -> None:
    detector = Detector(n_contexts=2).fit(shuffled("ja", 60))
    exported = OnnxDetector(to_onnx(detector, tmp_path / "model.onnx"))
    texts = shuffled("ja", 30, seed=1) + list(ARTICLE_1.values())
    np.testing.assert_allclose(
        exported.anomaly_score(texts), detector.anomaly_score(texts), atol=1e-5
    )


def test_a_score_does_not_depend_on_its_batch(mixed: list[str], exported: OnnxDetector) -> None:
    alone = np.concatenate([exported.anomaly_score([text]) for text in mixed])
    np.testing.assert_allclose(exported.anomaly_score(mixed), alone, atol=1e-6)


def test_scikit_learns_members_have_their_signs(mixed: list[str], exported: OnnxDetector) -> None:
    scores = exported.anomaly_score(mixed)
    decisions = exported.decision_function(mixed)
    np.testing.assert_array_equal(exported.predict(mixed), np.where(decisions < 0, -1, 1))
    np.testing.assert_array_equal(exported.score_samples(mixed), -scores)
    assert exported.p_value(mixed).shape == (len(mixed),)


def test_recalibration_is_exported(ships: list[str], mixed: list[str], tmp_path: Path) -> None:
    detector = KDE().fit(ships).recalibrate(false_alarm_rate=0.3)
    file = to_onnx(detector, tmp_path / "model.onnx")
    assert OnnxDetector(file).false_alarm_rate == 0.3
    assert OnnxDetector(file).threshold_ == detector.threshold_
    assert not verify(detector, file, mixed).flipped_labels


def test_the_file_tells_a_stranger_what_it_is(exported: OnnxDetector) -> None:
    metadata = exported.metadata
    assert metadata["detector"] == "CVDD"
    assert metadata["input"] == "text"
    assert metadata["textocl_version"]
    assert "-1 above the threshold" in metadata["description"]
    assert repr(exported) == "OnnxDetector(CVDD, CPUExecutionProvider)"


def test_an_unfitted_detector_is_refused(tmp_path: Path) -> None:
    for detector in (CVDD(), KDE(), WordLikelihood(), Detector()):
        with pytest.raises(NotFittedError):
            to_onnx(detector, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_what_no_graph_can_do_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="object cannot be exported"):
        to_onnx(object(), tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_nothing_half_written_remains(
    detector: CVDD, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "model.onnx"
    old.write_bytes(b"an older file")
    with pytest.raises(DataError, match="cannot write"):
        to_onnx(detector, old / "model.onnx")

    def fails(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", fails)
        with pytest.raises(DataError, match="No space left on device"):
            to_onnx(detector, old)
    assert old.read_bytes() == b"an older file"
    assert list(tmp_path.iterdir()) == [old]


@pytest.mark.filterwarnings("ignore::textocl.core.exceptions.TextoclWarning")
@pytest.mark.parametrize("name", ["cvdd", "cvdd-softmin", "cvdd-min", "cvdd-weights"])
def test_words_are_explained_as_the_detector_does(
    name: str, ships: list[str], mixed: list[str], tmp_path: Path
) -> None:
    detector = ON_TEXTS[name].fit(ships)
    file = to_onnx(detector, tmp_path / "model.onnx", words=True)
    onnx.checker.check_model(onnx.load(file))
    assert_equal(detector, file, mixed + HARD)
    found = OnnxDetector(file).explain(mixed + HARD)
    for own, theirs in zip(detector.explain(mixed + HARD), found, strict=True):
        place = {word: i for i, word in enumerate(theirs.words)}
        assert set(place) == set(own.words)
        at = [place[word] for word in own.words]
        np.testing.assert_array_equal(theirs.counts[at], own.counts)
        np.testing.assert_allclose(theirs.contributions[at], own.contributions, atol=1e-5)
        np.testing.assert_allclose(theirs.evidence[at], own.evidence, atol=1e-5)
        np.testing.assert_allclose(theirs.attention[at], own.attention, atol=1e-5)
        if own.words:
            assert theirs.contributions.sum() == pytest.approx(own.score, abs=1e-5)
            assert theirs.evidence.sum() == pytest.approx(own.score - own.threshold, abs=1e-5)
        assert [word for word, _ in theirs.anomalous_words(3)] == [
            word for word, _ in own.anomalous_words(3)
        ]
    assert OnnxDetector(file).explain([]) == []


def test_words_are_explained_by_cvdd_alone(
    ships: list[str], exported: OnnxDetector, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="export with words=True"):
        exported.explain(ships)
    with pytest.raises(DataError, match=r"members_\['contexts'\]\.detector"):
        to_onnx(Detector().fit(ships), tmp_path / "model.onnx", words=True)


def test_fewer_words_cost_what_verification_says(
    ships: list[str], mixed: list[str], is_anomaly: np.ndarray, tmp_path: Path
) -> None:
    detector = Detector(n_contexts=2).fit(ships)
    whole = to_onnx(detector, tmp_path / "whole.onnx")
    found = verify(detector, whole, mixed)
    assert found.words_kept is None
    assert "words with vectors" not in found.to_markdown()
    sizes, differences = [whole.stat().st_size], [found.largest_difference]
    for n in (1000, 20):
        file = to_onnx(detector, tmp_path / f"{n}.onnx", max_words=n)
        assert OnnxDetector(file).metadata["words"]["kept"] == n
        found = verify(detector, file, mixed, is_anomaly=is_anomaly)
        sizes.append(file.stat().st_size)
        differences.append(found.largest_difference)
        assert f"| words with vectors | {n:,} of {found.words_before:,} |" in found.to_markdown()
    assert sizes == sorted(sizes, reverse=True)
    assert differences == sorted(differences)
    assert differences[1] > 1e-5
    with pytest.raises(VerificationError):
        verify(detector, file, mixed, largest_difference=1e-5)
    same = to_onnx(detector, tmp_path / "same.onnx", max_words=10**9)
    assert same.read_bytes() == whole.read_bytes()
    with pytest.raises(DataError, match="max_words must be an integer of at least 1"):
        to_onnx(detector, tmp_path / "none.onnx", max_words=0)


@pytest.mark.parametrize(("dtype", "bound"), [("float16", 1e-3), ("int8", 2e-2)])
@pytest.mark.parametrize("name", ["cvdd", "auto"])
def test_narrow_numbers_keep_the_scores(
    name: str, dtype: str, bound: float, ships: list[str], mixed: list[str], tmp_path: Path
) -> None:
    detector = ON_TEXTS[name].fit(ships)
    bound *= max(1, np.ptp(detector.calibration_scores_))  # of a few words, scores are far apart
    file = to_onnx(detector, tmp_path / "small.onnx", dtype=dtype)
    found = verify(detector, file, mixed, largest_difference=bound)
    assert 0 < found.largest_difference < bound
    assert OnnxDetector(tmp_path / "small.onnx").metadata["dtype"] == dtype
    whole = to_onnx(detector, tmp_path / "whole.onnx")
    if dtype == "int8":
        assert (tmp_path / "small.onnx").stat().st_size < 0.7 * whole.stat().st_size
    with pytest.raises(DataError, match="dtype"):
        to_onnx(detector, tmp_path / "small.onnx", dtype="float8")


@pytest.mark.filterwarnings("ignore::textocl.core.exceptions.TextoclWarning")
def test_ten_thousand_random_documents(detector: CVDD, exported: OnnxDetector) -> None:
    rng = np.random.default_rng(0)
    words = ["ship", "SHIP", "Harbor", "cargo", "the"]

    def piece() -> str:
        if rng.random() < 0.3:
            return str(rng.choice(words))
        limit = rng.choice([0x80, 0x250, 0x3000, 0x110000])
        return "".join(map(chr, rng.integers(0, limit, rng.integers(0, 6))))

    texts = ["".join(piece() for _ in range(rng.integers(0, 12))) for _ in range(10_000)]
    own, theirs = detector.assess(texts), exported.assess(texts)
    assert (own.n_known_words > 0).sum() > 4000
    np.testing.assert_array_equal(theirs["n_known_words"], own.n_known_words)
    np.testing.assert_allclose(theirs["score"], own.score, atol=1e-6)
    np.testing.assert_array_equal(theirs["label"], own.label)


def test_one_registration_exports_a_new_detector(ships: list[str], tmp_path: Path) -> None:
    class Doubled(CVDD):
        def anomaly_score(self, X: Any) -> Any:
            return 2 * super().anomaly_score(X)

    @score_graph.register(Doubled)
    def _(detector: Doubled, inputs: Inputs) -> Scored:
        single = score_graph.dispatch(CVDD)(detector, inputs)
        return replace(single, score=inputs.graph.scaled(single.score, 2))

    detector = Doubled(n_general_words=0).fit(ships)
    file = to_onnx(detector, tmp_path / "model.onnx")
    scores = OnnxDetector(file).anomaly_score(ships)
    np.testing.assert_allclose(scores, detector.anomaly_score(ships), rtol=1e-5, atol=1e-5)


def test_every_detector_has_an_exporter() -> None:
    for name in DETECTORS:
        kind = detector_class(name)
        load_exporter(kind)
        assert score_graph.dispatch(kind) is not score_graph.dispatch(object)


@pytest.mark.filterwarnings("ignore::textocl.core.exceptions.TextoclWarning")
def test_texts_one_by_one_and_together_score_alike(
    detector: CVDD, mixed: list[str], tmp_path: Path
) -> None:
    file = OnnxDetector(to_onnx(detector, tmp_path / "model.onnx"))
    texts = mixed + HARD
    together = file.assess(texts)
    for name, values in together.items():
        one_by_one = np.concatenate([file.assess([text])[name] for text in texts])
        if name in ("label", "status", "n_known_words"):
            np.testing.assert_array_equal(one_by_one, values)
        else:
            np.testing.assert_allclose(one_by_one, values, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("form", ["frame", "lists", "generator"])
def test_features_are_compared_in_any_form(form: str, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    X = np.random.default_rng(0).normal(size=(60, 3))
    detector = KNN().fit(X)
    file = to_onnx(detector, tmp_path / "model.onnx")
    forms = {"frame": pandas.DataFrame(X), "lists": X.tolist(), "generator": iter(X.tolist())}
    assert verify(detector, file, forms[form]).n_documents == 60
