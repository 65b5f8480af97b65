"""Where the vectors of words come from; see `textocl.load_embedding`."""

from textocl.text.embeddings import *  # noqa: F403
from textocl.text.embeddings import __all__ as __all__
