"""The options that say how dedup compares frames."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nearframe.common import AGAINST, KEEP, METHODS

from .change_options import ChangeOptions, change_options
from .cli import Cosine
from .naming import naming_of, naming_options

if TYPE_CHECKING:
    from nearframe.common import Against, Keep, Method
    from nearframe.query import DedupOptions, DedupRules, Naming, Target, Window

F = TypeVar("F", bound=Callable[..., Any])

MIN_SIDE = 64


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


@dataclass(frozen=True)
class ComparisonOptions:
    """The options of `comparison_options`; None or empty is the default."""

    method: "Method | None"
    threshold: float | None
    against: "Against"
    window: "Window | None"
    across_cameras: bool
    keep: "Keep | None"
    protect: tuple[Path, ...]
    recursive: bool
    min_side: int
    change: ChangeOptions
    name_pattern: str | None
    time_format: str | None
    time_zone: str | None

    @classmethod
    def take(cls, options: dict[str, Any]) -> "ComparisonOptions":
        """Take these options out of those that a command received."""
        change = {field.name: options.pop(field.name) for field in fields(ChangeOptions)}
        names = (field.name for field in fields(cls) if field.name != "change")
        return cls(**{name: options.pop(name) for name in names}, change=ChangeOptions(**change))

    def make(self) -> "DedupOptions":
        """Return the options as the library takes them."""
        from nearframe.query import ANY_DISTANCE, DedupOptions

        return DedupOptions(
            method=self.method,
            threshold=self.threshold,
            change=self.change.settings(),
            against=self.against,
            window=self.window or ANY_DISTANCE,
            across_cameras=self.across_cameras,
            keep=self.keep,
            protect=self.protect,
            recursive=self.recursive,
            min_side=self.min_side,
            naming=self._naming(),
        )

    def _naming(self) -> "Naming | None":
        given = (self.name_pattern, self.time_format, self.time_zone)
        return naming_of(*given) if any(given) else None

    def gave(self, rules: "DedupRules") -> bool:
        """Whether these options are those that a plan was made with."""
        options = self.make()
        return (
            self.method in (None, rules.method)
            and self.threshold in (None, rules.threshold)
            and options.change == (rules.change or options.change)
            and (options.against, options.window) == (rules.against, rules.window)
            and options.across_cameras == rules.across_cameras
            and options.keep_with(rules.method) == rules.keep
            and options.min_side == rules.min_side
        )


def comparison_options(command: F) -> F:
    """Add the options of `ComparisonOptions`; the command takes them out of its ``**options``."""
    command = naming_options(change_options(command))
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
            "--keep",
            type=click.Choice(KEEP),
            help="Which frame of a run of repeats is kept; default: the largest, and with method "
            "hybrid the first.",
        ),
        click.option(
            "--across-cameras",
            is_flag=True,
            help="Compare frames of different cameras, too.",
        ),
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
