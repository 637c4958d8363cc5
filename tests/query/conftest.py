"""Fixtures for deduplication plans."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from nearframe.embeddings import Fingerprint, Preprocessing
from nearframe.query import DedupPlan, DroppedFile, PlannedFile


@pytest.fixture
def plan_of() -> Callable[..., DedupPlan]:
    """Make a plan without pixels: ``plan_of(folder, kept=[…], dropped={name: repeats})``."""

    def make(
        folder: Path, *, kept: Sequence[str], dropped: Mapping[str, str], **fields: object
    ) -> DedupPlan:
        def look_at(name: str) -> PlannedFile:
            return PlannedFile.look_at(str(folder), str(folder / name))

        values = {
            "folder": str(folder),
            "kept": tuple(map(look_at, kept)),
            "dropped": tuple(
                DroppedFile(file.file, file.size, file.sha256, repeats=repeats, similarity=0.9995)
                for name, repeats in dropped.items()
                for file in [look_at(name)]
            ),
            "unreadable": (),
            "threshold": 0.999,
            "against": "kept",
            "fingerprint": Fingerprint("builtin", "ab" * 32, Preprocessing()),
            "created": "2024-05-01T12:00:00+02:00",
        }
        return DedupPlan(**{**values, **fields})

    return make
