"""Pages and pictures that show what was found."""

from .dedup_page import save_report

__all__ = ["save_report"]
