"""Score a file of any size with an exported model, in constant memory and without torch.

python examples/score_large_file.py MODEL.onnx DOCUMENTS.jsonl SCORED.jsonl

DOCUMENTS may be anything that textocl reads (.jsonl .csv .tsv .txt, gzipped or not). One process
takes one core; `textocl score --workers N` takes more, and goes on where it was cut off.
"""

import json
import sys
from pathlib import Path

from textocl.export import OnnxDetector
from textocl.io.corpora import batches_of, read_documents


def main(model: str, source: str, out: str) -> None:
    detector = OnnxDetector(model, n_threads=1)
    partial = Path(f"{out}.partial")
    n_documents = n_anomalous = n_not_judged = 0
    with partial.open("w", encoding="utf-8") as file:
        for batch in batches_of(read_documents(source)):  # bounded in documents and characters
            found = detector.assess([document.text for document in batch])
            columns = [found[name].tolist() for name in ("score", "p_value", "label", "status")]
            for document, score, p_value, label, status in zip(batch, *columns, strict=True):
                result = {"id": document.id, "label": label, "status": status}
                if label:  # else no word is known, and nothing judged
                    result |= {"score": score, "p_value": p_value}
                file.write(json.dumps(result) + "\n")
            n_documents += len(batch)
            n_anomalous += columns[2].count(-1)
            n_not_judged += columns[2].count(0)
    partial.replace(out)  # complete, or not there
    print(
        f"{n_documents:,} documents scored, {n_anomalous:,} anomalous, {n_not_judged:,} not judged"
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
