"""The version of textocl."""

__version__ = "0.1.0"
