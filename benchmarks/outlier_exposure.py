"""What documents of a general corpus, given as anomalies, add: Outlier Exposure.

The other corpus stands for general language: 20 Newsgroups for a Reuters topic, Reuters for a group.
No anomaly of the task itself is shown in training.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
from protocol import THESIS_GLOVE_R3, environment, one_vs_rest, read_corpus, write_result

from textocl.core.exceptions import TextoclWarning
from textocl.core.factory import make_detector
from textocl.evaluation import evaluate

OTHER = {"reuters": "20ng", "20ng": "reuters"}
# name -> model of `textocl.core.factory.MODELS` and its parameters
MODELS = {
    "auto": ("auto", {}),
    "kde": ("kde", {}),
    "cvdd, HSC": ("cvdd", {}),
    "cvdd, Deep SAD": ("cvdd", {"objective": "deep-sad"}),
    "hypersphere, HSC": ("hypersphere", {}),
    "hypersphere, Deep SAD": ("hypersphere", {"objective": "deep-sad"}),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exposed", type=int, default=500, help="documents of the other corpus")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", TextoclWarning)
    corpora = {name: read_corpus(name) for name in OTHER}
    parts = []
    for name, classes in THESIS_GLOVE_R3.items():
        general = [d.text for d in corpora[OTHER[name]] if d.split == "train"]
        drawn = np.random.default_rng(0).choice(len(general), arguments.exposed, replace=False)
        exposed = [general[i] for i in drawn]
        rows = []
        for title, (model, parameters) in MODELS.items():
            for anomalies in ([], exposed):
                aucs = []
                for label in classes:
                    texts, test, is_anomaly = one_vs_rest(corpora[name], label)
                    detector = make_detector(model, **parameters)
                    labels = [0] * len(texts) + [-1] * len(anomalies)
                    detector.fit(texts + anomalies, labels)
                    aucs.append(100 * evaluate(detector.anomaly_score(test), is_anomaly).auc)
                    print(name, title, len(anomalies), label, aucs[-1], flush=True)
                cells = " | ".join(f"{auc:.1f}" for auc in (np.mean(aucs), *aucs))
                rows.append(f"| {title} | {len(anomalies)} | {cells} |")
        head = " | ".join(["model", "exposed", "mean", *classes])
        rule = "| --- " * (3 + len(classes)) + "|"
        parts.append("\n".join([f"## {name}\n", f"| {head} |", rule, *rows]))
    write_result(
        "outlier_exposure",
        f"""# Outlier Exposure

`python benchmarks/outlier_exposure.py`; AUC in % on the test split, wordllama, seed 0. {arguments.exposed}
training documents of the other corpus are given to `fit` as anomalies (y = -1); none of the task's
own anomalies are.
{environment("wordllama")}

"""
        + "\n\n".join(parts)
        + "\n",
    )


if __name__ == "__main__":
    main()
