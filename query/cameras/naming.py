"""What the name of an image file tells: which camera took it, and when."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from nearframe.common import NearframeError, shown

UTC_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)

_CLOCK = "%Y_%m_%d__%H_%M_%S"
_EPOCHS = {"epoch": timedelta(seconds=1), "epoch_ms": timedelta(milliseconds=1)}
# No leading zero, or else frame_0000000017 would be of January 1970: 2001-09-09 is the first.
_EPOCH_NAME = re.compile(r"(?:(?P<camera>.+)[-_])?(?P<time>[1-9][0-9]{9}(?:[0-9]{3})?)", re.DOTALL)
_CLOCK_NAME = re.compile(
    r"(?:(?P<camera>.+)[-_])?"
    r"(?P<time>[0-9]{4}_[0-9]{2}_[0-9]{2}__[0-9]{2}_[0-9]{2}_[0-9]{2})",
    re.DOTALL,
)


RECOGNISED_SHARE = 0.5
"""With more than this share of the names telling a camera, a folder is one of fixed cameras."""


def tell_cameras(cameras: Sequence[str | None]) -> bool:
    """Whether the names of files tell cameras, given what each of them tells."""
    return sum(camera is not None for camera in cameras) > RECOGNISED_SHARE * len(cameras)


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in time as a clock on the wall shows it.

    Attributes:
        time: Without a time zone.
        utc_offset: How far that clock is ahead of UTC, where it is known; None for a time that
            was written down without its zone.
    """

    time: datetime
    utc_offset: timedelta | None = None


@dataclass(frozen=True, slots=True)
class NamedShot:
    """What a file name tells; None where it does not."""

    camera: str | None
    moment: Moment | None


@dataclass(frozen=True, slots=True)
class Naming:
    """How to read the names of files, and which wall clock to show times on.

    Names show the time of a wall clock and no zone, so that is what all times here are. A time
    that is a point in time (seconds since 1970, EXIF with an offset, a modification time) is put
    on the wall clock of `zone`.

    Attributes:
        pattern: Matches the whole name without its suffix; None for the two built-in kinds.
        time_format: Of its group ``time``: for strptime, or ``epoch`` or ``epoch_ms``; None for
            those of the built-in kinds.
        zone: None is that of this computer.
    """

    pattern: re.Pattern[str] | None = None
    time_format: str | None = None
    zone: tzinfo | None = None

    @classmethod
    def of(
        cls,
        *,
        pattern: str | None = None,
        time_format: str | None = None,
        time_zone: str | None = None,
    ) -> "Naming":
        """Make a naming of what a user wrote.

        Args:
            pattern: Regular expression with the group ``camera`` and, if names tell it, ``time``.
            time_format: Of the group ``time``: for strptime, or ``epoch`` or ``epoch_ms``.
            time_zone: Like ``Europe/Berlin``.

        Raises:
            NearframeError: If one of them means nothing.
        """
        compiled = None if pattern is None else _compiled(pattern)
        if time_format is not None:
            if compiled is None or "time" not in compiled.groupindex:
                raise NearframeError(
                    f"`time_format` {shown(time_format)} is for the group time of `pattern`; "
                    "add (?P<time>…) to that"
                )
            _require_date(time_format)
        return cls(compiled, time_format, None if time_zone is None else _zone(time_zone))

    def matches(self, path: str | os.PathLike[str]) -> bool:
        """Tell whether the name of a file is of this kind."""
        return self._match(path) is not None

    def read(self, path: str | os.PathLike[str]) -> NamedShot:
        """Read the name of a file: ``c23-1616694872510.png`` is of camera ``c23``."""
        found = self._match(path)
        if found is None:
            return NamedShot(None, None)
        groups = found.groupdict()
        camera, time = groups["camera"], groups.get("time")
        # Cameras become folders; these would not be one below another.
        if camera in ("", ".", ".."):
            camera = None
        return NamedShot(camera, self._moment(time) if time else None)

    def at(self, instant: datetime) -> Moment:
        """Put a point in time, with its zone, on the wall clock.

        Raises:
            ValueError: If it is too far away; by the system, an OverflowError or OSError instead.
        """
        local = instant.astimezone(self.zone)
        return Moment(local.replace(tzinfo=None, fold=0), local.utcoffset())

    def _match(self, path: str | os.PathLike[str]) -> re.Match[str] | None:
        stem = Path(path).stem
        if self.pattern is not None:
            return self.pattern.fullmatch(stem)
        return _EPOCH_NAME.fullmatch(stem) or _CLOCK_NAME.fullmatch(stem)

    def _moment(self, text: str) -> Moment | None:
        time_format = self.time_format
        if time_format is None:
            time_format = _CLOCK
            if re.fullmatch(r"[0-9]{10}|[0-9]{13}", text):
                time_format = "epoch" if len(text) == 10 else "epoch_ms"
        try:
            if time_format in _EPOCHS:
                if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text):
                    return None
                return self.at(UTC_EPOCH + float(text) * _EPOCHS[time_format])
            time = datetime.strptime(text, time_format)
            return Moment(time) if time.tzinfo is None else self.at(time)
        except (ValueError, OverflowError, OSError):
            return None


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise NearframeError(
            f"`pattern` {shown(pattern)} is not a regular expression ({shown(str(error))})"
        ) from error
    groups = compiled.groupindex
    if "camera" not in groups or not groups.keys() <= {"camera", "time"}:
        raise NearframeError(
            f"`pattern` {shown(pattern)} names {', '.join(groups) or 'no group'}; expected "
            "the groups camera and time, as in (?P<camera>c[0-9]+)-(?P<time>[0-9]+)"
        )
    return compiled


def _require_date(time_format: str) -> None:
    """Refuse a format that does not give a date.

    Raises:
        NearframeError: If it does not.
    """
    if time_format in _EPOCHS:
        return
    example = datetime(2001, 2, 3, 4, 5, 6, tzinfo=timezone.utc)
    try:
        parsed = datetime.strptime(example.strftime(time_format), time_format)
        problem = "" if parsed.date() == example.date() else "gives no year, month and day"
    except (ValueError, re.error) as error:
        problem = f"is not a format of strptime ({shown(str(error))})"
    if problem:
        raise NearframeError(
            f"`time_format` {shown(time_format)} {problem}; expected something like "
            "%Y%m%d%H%M%S, or epoch or epoch_ms"
        )


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    # KeyError, ValueError or OSError, by what is wrong with the name.
    except Exception as error:
        raise NearframeError(
            f"`time_zone` {shown(name)} is unknown here; expected a name like Europe/Berlin or UTC"
        ) from error
