"""Pages and pictures that show what was found."""

from .contact_sheet import check_sheet_path, draw_contact_sheet, save_contact_sheet
from .dedup_page import save_report
from .query_page import save_query_report
from .sweep_page import save_sweep_report, threshold_text

__all__ = [
    "check_sheet_path",
    "draw_contact_sheet",
    "save_contact_sheet",
    "save_query_report",
    "save_report",
    "save_sweep_report",
    "threshold_text",
]
