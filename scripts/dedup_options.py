"""The options that say how dedup compares frames."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nearframe.common import AGAINST, KEEP, METHODS

from .change_options import change_options, take_change_settings
from .cli import Cosine
from .naming import naming_of, naming_options

if TYPE_CHECKING:
    from nearframe.query import DedupOptions, Target, Window

F = TypeVar("F", bound=Callable[..., Any])

MIN_SIDE = 64
_SAME_NAMES = (
    *("method", "threshold", "against", "across_cameras", "keep", "protect", "recursive"),
    "min_side",
)


class WindowText(click.ParamType):  # type: ignore[type-arg]  # not generic at run time before click 8.4
    """How far back: a time (``90s``, ``30m``, ``1h``, ``2d``) or a number of frames."""

    name = "TIME|N"

    def convert(self, value: Any, param: Any, ctx: Any) -> "Window":
        """Return the window."""
        from nearframe.common import NearframeError
        from nearframe.query import Window

        if isinstance(value, Window):
            return value
        try:
            return Window.parse(value)
        except NearframeError as error:
            self.fail(str(error), param, ctx)


class TargetText(click.ParamType):  # type: ignore[type-arg]  # not generic at run time before click 8.4
    """How many frames are to stay: ``20%`` or ``500``."""

    name = "N|P%"

    def convert(self, value: Any, param: Any, ctx: Any) -> "Target":
        """Return the target."""
        from nearframe.common import NearframeError
        from nearframe.query import Target

        if isinstance(value, Target):
            return value
        try:
            return Target.parse(value)
        except NearframeError as error:
            self.fail(str(error), param, ctx)


def take_options(options: dict[str, Any]) -> "DedupOptions":
    """Take the options of this module out of those that a command received."""
    from nearframe.query import ANY_DISTANCE, DedupOptions

    names = [options.pop(name, None) for name in ("name_pattern", "time_format", "time_zone")]
    return DedupOptions(
        **{name: options.pop(name) for name in _SAME_NAMES if name in options},
        change=take_change_settings(options),
        window=options.pop("window") or ANY_DISTANCE,
        naming=naming_of(*names) if any(names) else None,
    )


def decision_options(command: F) -> F:
    """Add the options that say when a frame repeats another; `take_options` takes them."""
    command = change_options(command)
    for option in (
        click.option(
            "--window",
            type=WindowText(),
            help="Compare only with frames of this time before (90s, 30m, 1h, 2d), or with this "
            "many frames before; default: any.",
        ),
        click.option(
            "--against",
            "--compare",
            "against",
            type=click.Choice(AGAINST),
            default="kept",
            show_default=True,
            help="Compare with the kept frames before it, with all, or with the previous kept one.",
        ),
        click.option(
            "--threshold",
            type=Cosine(),
            help="Similarity from which frames are alike; default of method embedding: that of "
            "the weights for so many images, or the one calibrated for the index (nearframe "
            "calibrate) where that is higher.",
        ),
        click.option(
            "--method",
            type=click.Choice(METHODS),
            help="Compare embeddings, look for changed regions, or look for those against the "
            "frames with the nearest embeddings; default: hybrid for videos and where file names "
            "tell cameras, else embedding.",
        ),
    ):
        command = option(command)
    return command


def folder_options(command: F) -> F:
    """Add the options that say which images of a folder are compared; `take_options` takes them."""
    command = naming_options(command)
    for option in (
        click.option(
            "--min-side",
            type=click.IntRange(min=1),
            default=MIN_SIDE,
            show_default=True,
            help="Pictures with a side of fewer pixels are listed and left alone.",
        ),
        click.option("--recursive", is_flag=True, help="Search the folder with its sub-folders."),
        click.option(
            "--protect",
            multiple=True,
            type=click.Path(path_type=Path),
            metavar="DIR",
            help="A folder whose images the others are compared with, and that is never touched; "
            "may be given several times.",
        ),
        click.option(
            "--across-cameras",
            is_flag=True,
            help="Compare frames of different cameras, too.",
        ),
    ):
        command = option(command)
    return command


def keep_option(command: F) -> F:
    """Add the option that says which of several repeats stays; `take_options` takes it."""
    return click.option(
        "--keep",
        type=click.Choice(KEEP),
        help="Which frame of a run of repeats is kept; default: the largest, and with method "
        "hybrid the first.",
    )(command)
