"""A report: what a detector makes of documents or images, and why, as one page for a browser."""

from __future__ import annotations

from textocl.report.findings import write_findings_report
from textocl.report.images import ImageReportLimits, write_image_report
from textocl.report.texts import ReportLimits, write_report
from textocl.report.writer import WrittenReport

__all__ = [
    "ImageReportLimits",
    "ReportLimits",
    "WrittenReport",
    "write_findings_report",
    "write_image_report",
    "write_report",
]
