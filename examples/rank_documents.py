"""Rank the documents of one file by how little they fit those of another, and say why.

python examples/rank_documents.py NORMAL NEW    (any format that textocl reads)
"""

import sys

from textocl import CVDD, read_documents


def main(normal: str, new: str) -> None:
    detector = CVDD(false_alarm_rate=0.01).fit([d.text for d in read_documents(normal)])
    documents = list(read_documents(new))
    assessment = detector.assess([d.text for d in documents])
    order = (-assessment.score).argsort()[:10]
    explanations = detector.explain([documents[i].text for i in order])
    for i, explanation in zip(order, explanations, strict=True):
        words = ", ".join(word for word, _ in explanation.anomalous_words(5))
        print(
            f"{assessment.score[i]:.3f}  p={assessment.p_value[i]:.3f}  {documents[i].id}: {words}"
        )


if __name__ == "__main__":
    main(*sys.argv[1:])
