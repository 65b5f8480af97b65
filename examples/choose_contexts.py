"""Read the contexts of a corpus, and let only some of them decide.

python examples/choose_contexts.py DOCUMENTS 0,2
"""

import sys

from textocl import CVDD, read_documents


def main(path: str, chosen: str) -> None:
    texts = [document.text for document in read_documents(path)]
    detector = CVDD(n_contexts=3).fit(texts)
    for context in detector.contexts_:
        words = ", ".join(word.word for word in context.words[:8])
        print(f"context {context.context} ({context.share:.0%}): {words}")
    weights = [0.0, 0.0, 0.0]
    for index in chosen.split(","):
        weights[int(index)] = 1.0
    print(f"threshold with all contexts {detector.threshold_:.3f}, with {chosen} only ", end="")
    detector.recalibrate(aggregation=weights)  # nothing is fitted again
    print(f"{detector.threshold_:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
