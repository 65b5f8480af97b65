"""Weights are learned from what the members say, as the formula has it."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from texts import sentences

from textocl import KDE, Detector
from textocl.core.metrics import evaluate


def weights_of(detector: Detector) -> dict[str, float]:
    return {name: member.weight for name, member in detector.members_.items()}


@pytest.fixture(scope="module")
def fitted() -> Detector:
    """Tests must not change it."""
    return Detector().fit(sentences("ships", 150))


def test_weights_are_those_of_the_formula(fitted: Detector) -> None:
    judged = fitted.state_.out_of_sample
    assert judged is not None
    names, n = list(fitted.members_), len(judged.scores)
    assert judged.is_known.all()
    texts = np.array(sentences("ships", 150))[np.unique(fitted.training_groups_)]
    # a density that was told of nothing, beside the other members
    order = np.random.default_rng(0).permutation(n)
    plain = KDE(calibration="training", unit_length=True).fit(list(texts[order]))
    columns = np.column_stack([plain.training_scores_, judged.scores[order, 1:]])
    correlations = spearmanr(columns).statistic
    share = n / (n + 50)
    agreement = share * correlations[0, names.index("contexts")] + (1 - share) * 0.65
    topic = min(1, 2 * agreement / (1 - agreement) / 3)
    vectors = np.linalg.eigh(np.maximum(correlations, 0))[1]
    parts = abs(vectors[:, -1]) / abs(vectors[:, -1]).max()
    expected = {"density": topic, "contexts": 0.5 * topic, "words": 0.35 * topic}
    for name in ("surface", "characters"):
        part = share * parts[names.index(name)] + (1 - share) * 0.2
        expected[name] = 0.4 * max(0.2, 1 - topic, part)
    assert weights_of(fitted) == pytest.approx(expected, rel=1e-6)


def test_words_without_a_common_topic_count_less_and_form_the_more() -> None:
    random = np.random.default_rng(0)
    words = [word for topic in ("ships", "music", "food") for word in sentences(topic, 400, 1)]
    words = sorted({word for text in words for word in text.split()})
    scattered = [" ".join(random.choice(words, random.integers(2, 7))) for _ in range(400)]
    weights = weights_of(Detector().fit(scattered))
    assert weights["density"] < 0.8
    assert min(weights["surface"], weights["characters"]) >= 0.4 * (1 - weights["density"]) > 0.08
    assert weights["contexts"] == pytest.approx(0.5 * weights["density"])


def test_form_weight_multiplies_what_is_learned_and_0_leaves_form_out(fitted: Detector) -> None:
    ships = sentences("ships", 150)
    doubled, none = (weights_of(Detector(form_weight=w).fit(ships)) for w in (2, 0))
    once = weights_of(fitted)
    assert doubled == {
        name: pytest.approx(weight * (2 if name in ("surface", "characters") else 1))
        for name, weight in once.items()
    }
    assert none == {name: once[name] for name in ("density", "contexts", "words")}


def test_form_that_is_far_out_is_found_though_many_share_it(fitted: Detector) -> None:
    """Their words are alike, so that words alone would take them for the core of the corpus."""
    ships = sentences("ships", 300)
    links = [
        "\n".join(f"http://www.{word}.com/{i}" for word in text.split())
        for i, text in enumerate(sentences("music", 15))
    ]
    detector = Detector().fit(ships + links)
    assert np.isin(np.arange(300, 315), detector.suspected_).all()
    is_odd = np.arange(315) >= 300
    for member in detector.member_scores(links).values():
        assert np.isnan(member).all() or np.nanmedian(member) > 1
    assert evaluate(detector.training_scores_, is_odd).auc > 0.99
    assert (detector.predict(links) == -1).all()
