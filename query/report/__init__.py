"""Pages and pictures that show what was found."""

from .contact_sheet import check_sheet_path, draw_contact_sheet, save_contact_sheet
from .dedup_page import save_report
from .query_page import save_query_report
from .query_table import COLUMNS as QUERY_COLUMNS
from .query_table import describe_verdict, query_rows, save_query_table
from .sweep_page import save_sweep_report, threshold_text

__all__ = [
    "QUERY_COLUMNS",
    "check_sheet_path",
    "describe_verdict",
    "draw_contact_sheet",
    "query_rows",
    "save_contact_sheet",
    "save_query_report",
    "save_query_table",
    "save_report",
    "save_sweep_report",
    "threshold_text",
]
