"""A plan as a table, for spreadsheets and data frames."""

import csv
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nearframe.common import output_write, shown, writing_errors
from nearframe.embeddings.sources import natural_key

from .plan import DedupPlan, PlannedFile, name_in

COLUMNS = (
    *("decision", "file", "camera", "time", "nearest", "similarity", "change"),
    *("size", "sha256", "reason"),
)
"""`nearest` is what a dropped file repeats, and what came nearest to a kept one."""


def save_table(plan: DedupPlan, path: str | os.PathLike[str]) -> None:
    r"""Write a plan as CSV in UTF-8: a row of `COLUMNS`, then one per file, camera by camera.

    What a file has no value for is empty. What is no text in a name is written as ``\xff``.

    Raises:
        OutputError: If it cannot be written.
    """
    path = Path(path)
    with writing_errors(path), output_write(path, "w") as file:
        table = csv.DictWriter(file, COLUMNS, restval="", lineterminator="\n")
        table.writeheader()
        for row in sorted(_rows(plan), key=_order):
            table.writerow(row)


def _rows(plan: DedupPlan) -> Iterator[dict[str, Any]]:
    notes = {file.file: file.reason for file in plan.uninformative}
    for decision, files in (
        ("kept", plan.kept),
        ("dropped", plan.dropped),
        ("protected", plan.protected),
    ):
        yield from (_row(decision, file, notes) for file in files)
    for file in plan.tiny:
        yield {"decision": "tiny", "file": shown(file.file), "reason": file.reason}
    for entry in plan.unreadable:
        name = shown(name_in(plan.folder, entry.source))
        yield {"decision": "unreadable", "file": name, "reason": entry.reason}


def _row(decision: str, file: PlannedFile, notes: Mapping[str, str]) -> dict[str, Any]:
    fields = asdict(file)
    if file.file in notes:
        fields["reason"] = f"shows too little: {notes[file.file]}"
    nearest = fields.pop("repeats", None) or fields.pop("nearest", None)
    row = {"decision": decision, **fields, "file": shown(file.file)}
    if nearest is not None:
        row["nearest"] = shown(nearest)
    return {key: value for key, value in row.items() if value is not None}


def _order(row: dict[str, Any]) -> tuple[Any, ...]:
    return (
        row["decision"] == "unreadable",
        row.get("camera", ""),
        row.get("time", ""),
        natural_key(row["file"]),
    )
