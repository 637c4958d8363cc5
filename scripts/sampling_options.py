"""The options that say which frames of a video are read."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from .options_in_text import message_of

if TYPE_CHECKING:
    from nearframe.embeddings.sources import Sampling

F = TypeVar("F", bound=Callable[..., Any])


def sampling_options(command: F, *, hidden: bool = False) -> F:
    """Add the options; the command hands them to `take_sampling`."""
    for option in (
        click.option(
            "--keyframes",
            is_flag=True,
            hidden=hidden,
            help="Of videos, take only keyframes (fast).",
        ),
        click.option(
            "--fps",
            type=float,
            metavar="F",
            hidden=hidden,
            help="Of videos, take F frames per second.",
        ),
        click.option(
            "--every",
            type=click.IntRange(min=1),
            metavar="N",
            hidden=hidden,
            help="Of videos, take every Nth frame.",
        ),
    ):
        command = option(command)
    return command


def hidden_sampling_options(command: F) -> F:
    """Add the options without their help, for a command that has another one for videos."""
    return sampling_options(command, hidden=True)


def take_sampling(options: dict[str, Any]) -> "Sampling":
    """Take these options out of those that a command received.

    Raises:
        click.UsageError: If they exclude each other, or one is out of range.
    """
    from nearframe.common import NearframeError
    from nearframe.embeddings.sources import Sampling

    try:
        return Sampling(**{name: options.pop(name) for name in ("every", "fps", "keyframes")})
    except NearframeError as error:
        raise click.UsageError(message_of(error)) from error
