"""What is in a pile of documents: kinds of those that stand out."""

from textocl.pile.kinds import Kind, kinds_of

__all__ = ["Kind", "kinds_of"]
