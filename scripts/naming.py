"""The options that say how file names tell camera and time."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from nearframe.query import Naming

F = TypeVar("F", bound=Callable[..., Any])


name_pattern_option = click.option(
    "--name-pattern",
    metavar="REGEX",
    help="Matches whole file names without their suffix, with the groups (?P<camera>…) and "
    "(?P<time>…). Default: names like c23-1616694872510 and c21_2021_03_26__16_44_04.",
)


def naming_options(command: F) -> F:
    """Add all options on names; the command hands them to `naming_of`."""
    for option in (
        click.option(
            "--time-zone",
            metavar="ZONE",
            help="Wall clock for times that are points in time (seconds since 1970, EXIF with an "
            "offset, modification times), like Europe/Berlin; default: this computer's.",
        ),
        click.option(
            "--time-format",
            metavar="FORMAT",
            help="What the group time looks like: a format of strptime like %Y%m%d%H%M%S, or "
            "epoch or epoch_ms.",
        ),
        name_pattern_option,
    ):
        command = option(command)
    return command


def naming_of(
    name_pattern: str | None, time_format: str | None = None, time_zone: str | None = None
) -> "Naming":
    """Make a naming of the options."""
    from nearframe.query import Naming

    return Naming.of(pattern=name_pattern, time_format=time_format, time_zone=time_zone)
