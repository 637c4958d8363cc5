"""The options that say what counts as a change in a picture."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from nearframe.query import ChangeDetection

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class ChangeOptions:
    """The options of `change_options`; None or empty is the default."""

    resize_to: tuple[int, int] | None
    black_mask: tuple[float, float, float, float] | None
    mask: Path | None
    blur_radius: tuple[int, ...]
    diff_threshold: int | None
    min_diff_area: float | None
    change_threshold: float | None
    no_light_compensation: bool

    def make(self) -> "ChangeDetection":
        """Return the settings, with the mask read."""
        from nearframe.embeddings.sources import read_image
        from nearframe.query import ChangeDetection

        given = {
            "resize_to": self.resize_to,
            "black_mask": self.black_mask,
            "mask": None if self.mask is None else read_image(self.mask),
            "blur_radii": self.blur_radius or None,
            "diff_threshold": self.diff_threshold,
            "min_diff_area": self.min_diff_area,
            "change_threshold": self.change_threshold,
            "light_compensation": not self.no_light_compensation,
        }
        settings: dict[str, Any] = {
            name: value for name, value in given.items() if value is not None
        }
        return ChangeDetection(**settings)


def change_options(command: F) -> F:
    """Add the options of `ChangeOptions`; the command receives them as ``**options``."""
    for option in (
        click.option(
            "--no-light-compensation",
            is_flag=True,
            help="Let a change of brightness or contrast count as a change.",
        ),
        click.option(
            "--change-threshold",
            type=float,
            metavar="SHARE",
            help="Changed area from which pictures count as changed; default 0.025.",
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
            type=click.Path(path_type=Path),
            metavar="IMAGE",
            help="Picture that is black where nothing counts and white elsewhere.",
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
