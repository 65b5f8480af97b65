"""Columns to a DataFrame of pandas, which is asked for only then."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from textocl.core.exceptions import MissingExtraError

if TYPE_CHECKING:
    import pandas as pd


def frame_of(columns: Mapping[str, Any], asked_by: str) -> pd.DataFrame:
    """Return a DataFrame of these columns; ``asked_by`` is what a message names.

    Raises
    ------
    MissingExtraError
        pandas is not installed.
    """
    try:
        import pandas as pd
    except ImportError:
        raise MissingExtraError("pandas", "pandas", asked_by) from None
    return pd.DataFrame(columns)
