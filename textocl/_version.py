"""The version of textocl."""

__version__ = "0.2.0.dev0"
