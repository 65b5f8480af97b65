"""One file with everything in it: what does not belong there, and why?"""

from textocl.pile.decision import Decision
from textocl.pile.findings import Findings, find

__all__ = ["Decision", "Findings", "find"]
