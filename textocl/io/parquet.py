"""Records of .parquet files, by pyarrow, a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO
from typing import IO, Any

from textocl.core.exceptions import DataError, MissingExtraError
from textocl.io.records import Reading, Record, Records, checked_columns, plain

_ROWS = 4096


def read_parquet(file: IO[bytes], reading: Reading) -> Records:
    """Rows with all their columns: dates in ISO form, null and NaN as None.

    Raises
    ------
    DataError
        It is no .parquet file, or damaged; two columns have one name.
    MissingExtraError
        pyarrow is missing.
    """
    try:
        from pyarrow.parquet import ParquetFile
    except ImportError:
        raise MissingExtraError("pyarrow", "tables", "reading .parquet") from None
    try:
        table = ParquetFile(file if reading.rereadable else BytesIO(file.read()))
        names = table.schema_arrow.names
    except Exception as error:  # whatever a parser makes of a damaged file
        raise _damage(reading, error) from error
    columns = checked_columns(names, reading.name)
    return Records(_rows(table, columns, reading), columns)


def _rows(table: Any, columns: tuple[str, ...], reading: Reading) -> Iterator[Record]:
    number = 0
    try:
        for batch in table.iter_batches(batch_size=_ROWS):
            for row in zip(*map(_values, batch.columns), strict=True):
                number += 1
                fields = dict(zip(columns, map(plain, row), strict=True))
                yield Record(number, f"{reading.name}, row {number}", fields)
    except Exception as error:  # as above; what reads the rows raises elsewhere
        raise _damage(reading, error) from error


def _values(column: Any) -> list[Any]:
    """Cells as Python has them; times to the microsecond, which is as far as Python goes."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)
    elif pa.types.is_duration(kind) and kind.unit == "ns":
        column = column.cast(pa.duration("us"), safe=False)
    elif pa.types.is_time64(kind) and kind.unit == "ns":
        column = column.cast(pa.time64("us"), safe=False)
    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError):  # a year that Python has no date for
        return list(column.cast("string").to_pylist())


def _damage(reading: Reading, error: Exception) -> DataError:
    return DataError(f"{reading.name} cannot be read as .parquet: {error or type(error).__name__}")
