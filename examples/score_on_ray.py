"""Score JSON lines on Ray Data: one session in each actor, Parquet out.

python examples/score_on_ray.py MODEL.onnx DOCUMENTS SCORED [ACTORS]

Each of the ACTORS, by default one, takes a core; leave one for reading and writing, or all wait for
each other. On a cluster the paths must lead somewhere from every node.
"""

import sys
from pathlib import Path

import pandas
import ray

from textocl.export import score_frame


class Scorer:
    def __init__(self, model: str) -> None:
        self.model = model

    def __call__(self, frame: pandas.DataFrame) -> pandas.DataFrame:
        return score_frame(frame, self.model)  # opens the model once in a process


def main(model: str, source: str, out: str, n_actors: str = "1") -> None:
    documents = ray.data.read_json(source)
    scored = documents.map_batches(
        Scorer,
        fn_constructor_args=[str(Path(model).resolve())],
        compute=ray.data.ActorPoolStrategy(size=int(n_actors)),
        num_cpus=1,
        batch_size=1024,
        batch_format="pandas",
    )
    scored.write_parquet(out)


if __name__ == "__main__":
    main(*sys.argv[1:])
