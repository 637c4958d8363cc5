"""What happens in the shared videos, labelled by eye, and how much of it some frames show."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

LABELS = Path(__file__).parents[1] / "tests" / "query" / "dedup" / "events"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens in a video.

    Attributes:
        event: What, in words.
        first: Number of the first frame that shows it.
        last: Number of the last one.
    """

    event: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of a video.

    Attributes:
        video: Name of its file.
        frames: How many it has.
        labelled: How the labels were made.
        events: Everything that happens.
    """

    video: str
    frames: int
    labelled: str
    events: tuple[Event, ...]

    @classmethod
    def load(cls, name: str) -> "Labels":
        """Read the labels of a video, given its name without the suffix."""
        fields = json.loads((LABELS / f"{name}.json").read_text(encoding="utf-8"))
        return cls(**{**fields, "events": tuple(Event(**event) for event in fields["events"])})

    def missed(self, kept: Collection[int]) -> list[Event]:
        """Return the events that none of the kept frames shows, given by their numbers."""
        return [
            event
            for event in self.events
            if not any(event.first <= number <= event.last for number in kept)
        ]
