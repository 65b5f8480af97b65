"""A report: what a detector makes of documents or images, and why, as one page for a browser."""

from __future__ import annotations

from textocl.report.contents import ReportLimits
from textocl.report.images import ImageReportLimits, write_image_report
from textocl.report.writer import WrittenReport, write_report

__all__ = [
    "ImageReportLimits",
    "ReportLimits",
    "WrittenReport",
    "write_image_report",
    "write_report",
]
