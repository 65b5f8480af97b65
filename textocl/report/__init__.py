"""A report: what a detector makes of documents, and why, as one page to open in a browser."""

from __future__ import annotations

from textocl.report.contents import ReportLimits
from textocl.report.writing import WrittenReport, write_report

__all__ = ["ReportLimits", "WrittenReport", "write_report"]
