"""Score JSON lines on Spark: a partition in each task, Parquet out.

spark-submit examples/score_on_spark.py MODEL.onnx DOCUMENTS SCORED

The executors need textocl and onnxruntime; the model is sent to them.
"""

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pandas
from pyspark import SparkFiles
from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

from textocl.export import SCORE_SCHEMA, score_frames


def main(model: str, source: str, out: str) -> None:
    spark = SparkSession.builder.appName("textocl").getOrCreate()
    spark.sparkContext.addFile(model)
    name = Path(model).name

    def score(frames: Iterable[pandas.DataFrame]) -> Iterator[pandas.DataFrame]:
        return score_frames(frames, SparkFiles.get(name))

    documents = spark.read.json(source)
    added = StructType.fromDDL(SCORE_SCHEMA)
    schema = StructType(documents.schema.fields + added.fields)
    documents.mapInPandas(score, schema).write.mode("overwrite").parquet(out)
    spark.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
