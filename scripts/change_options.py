"""The options that say what counts as a change in a picture."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from nearframe.query import ChangeSettings

F = TypeVar("F", bound=Callable[..., Any])

_SAME_NAMES = (
    *("resize_to", "black_mask", "diff_threshold", "min_diff_area", "change_threshold"),
    "motion_tolerance",
)


def take_change_settings(options: dict[str, Any]) -> "ChangeSettings":
    """Take the options of `change_options` out of those that a command received."""
    from nearframe.query import ChangeSettings, mask_files

    masks = mask_files(dict(options.pop("masks")))
    given = {
        **{name: options.pop(name) for name in _SAME_NAMES},
        "blur_radii": options.pop("blur_radius") or None,
        "light_compensation": not options.pop("no_light_compensation"),
    }
    values: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return ChangeSettings(**values, masks=masks)


def note_unused_change_options() -> None:
    """Say which options of `change_options` were given to a command whose method compares none."""
    context = click.get_current_context()
    names = (*_SAME_NAMES, "masks", "blur_radius", "no_light_compensation")
    for parameter in context.command.params:
        given = context.get_parameter_source(str(parameter.name)) is ParameterSource.COMMANDLINE
        if given and parameter.name in names:
            click.echo(
                f"Warning: {parameter.opts[0]} does not count for method embedding; for what "
                "changed give --method change or hybrid",
                err=True,
            )


class MaskFile(click.ParamType):  # type: ignore[type-arg]  # not generic at run time before click 8.4
    """A mask image: ``IMAGE`` for every camera, or ``CAMERA=IMAGE`` for one of them."""

    name = "[CAMERA=]IMAGE"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[str, Path]:  # noqa: ARG002
        """Return camera and path; the camera is empty for every one."""
        if isinstance(value, tuple):
            return value
        camera, equals, path = value.partition("=")
        if equals and camera and path and not Path(value).exists():
            return camera, Path(path)
        return "", Path(value)


def change_options(command: F) -> F:
    """Add the options of `ChangeSettings`; the command receives them as ``**options``."""
    for option in (
        click.option(
            "--no-light-compensation",
            is_flag=True,
            help="Let a change of brightness or contrast count as a change.",
        ),
        click.option(
            "--motion-tolerance",
            type=float,
            metavar="SHARE",
            help="Let nothing count that only moved by less than this share of the width; default "
            "0.04.",
        ),
        click.option(
            "--change-threshold",
            type=float,
            metavar="SHARE",
            help="Changed area from which pictures count as changed; default 0.005.",
        ),
        click.option(
            "--min-diff-area",
            type=float,
            metavar="SHARE",
            help="Ignore regions smaller than this share of the picture; default 0.005.",
        ),
        click.option(
            "--diff-threshold",
            type=int,
            metavar="LEVELS",
            help="Grey levels by which a pixel must differ, 0 to 254; default 30.",
        ),
        click.option(
            "--blur-radius",
            type=int,
            multiple=True,
            metavar="PIXELS",
            help="Side of a Gaussian kernel, odd; may be given several times; default 7.",
        ),
        click.option(
            "--mask",
            "masks",
            type=MaskFile(),
            multiple=True,
            help="Picture that is black where nothing counts and white elsewhere; with CAMERA= "
            "only for that camera. May be given several times.",
        ),
        click.option(
            "--black-mask",
            type=float,
            nargs=4,
            metavar="L T R B",
            help="Percent to leave out at the left, top, right and bottom.",
        ),
        click.option(
            "--resize-to",
            type=int,
            nargs=2,
            metavar="H W",
            help="Height and width at which pictures are compared; default 360 640.",
        ),
    ):
        command = option(command)
    return command
