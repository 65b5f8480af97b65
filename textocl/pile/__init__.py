"""One file with everything in it: what does not belong there, and why?"""

from textocl.pile.decision import Decision
from textocl.pile.findings import Findings, find, reasons_of

__all__ = ["Decision", "Findings", "find", "reasons_of"]
