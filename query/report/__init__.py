"""Pages and pictures that show what was found."""

from .contact_sheet import draw_contact_sheet, save_contact_sheet
from .dedup_page import save_report
from .explain_picture import draw_picture, save_picture
from .overview_page import render_page, save_page
from .query_page import save_query_report
from .query_table import COLUMNS as QUERY_COLUMNS
from .query_table import describe_verdict, query_rows, save_query_table
from .sweep_page import save_sweep_report, threshold_text

__all__ = [
    "QUERY_COLUMNS",
    "describe_verdict",
    "draw_contact_sheet",
    "draw_picture",
    "query_rows",
    "render_page",
    "save_contact_sheet",
    "save_page",
    "save_picture",
    "save_query_report",
    "save_query_table",
    "save_report",
    "save_sweep_report",
    "threshold_text",
]
