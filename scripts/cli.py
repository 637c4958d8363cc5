"""What all commands share: errors and exit codes, progress, options, and how things are shown.

Imports of the library stand inside functions, here and in the commands: ``--help`` must answer
before numpy and torch are loaded.
"""

import errno
import json
import logging
import os
import shlex
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nearframe.common import DEVICES, FITS, PRECISIONS, RUNTIMES

from .options_in_text import with_options

if TYPE_CHECKING:
    from nearframe.common import Device, Fit, Precision, ProgressBar, Runtime
    from nearframe.embeddings import Embedder, Fingerprint, MakeEmbedder, Unreadable

F = TypeVar("F", bound=Callable[..., Any])

# More names than these would push the answer off the screen; --json has them all.
_LISTED = 20
_SOME = 3
_NAME_SHOWN = 300


class Command(click.Command):
    """A command that shows the library's errors as one line and exit code 1."""

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Read the arguments."""
        with _errors_as_lines(self.params):
            return super().make_context(*arguments, **options)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse an empty argument: as a path it would be the current folder."""
        given = list(args)
        rest = super().parse_args(ctx, args)
        if "" in given:
            raise click.UsageError("an argument is empty; has a variable of the shell no value?")
        return rest

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        from nearframe.common import second_interrupt_ends

        ctx.with_resource(second_interrupt_ends())
        handler = _StderrNotes()
        logger = logging.getLogger("nearframe")
        logger.addHandler(handler)
        try:
            with warnings.catch_warnings(), _errors_as_lines(self.params):
                # Pillow's remarks on odd files; those that it cannot decode are listed as skipped.
                warnings.filterwarnings("ignore", module=r"PIL\b")
                # numpy's on single values, with which a user can do nothing.
                warnings.filterwarnings("ignore", category=RuntimeWarning)
                return super().invoke(ctx)
        finally:
            logger.removeHandler(handler)


@contextmanager
def _errors_as_lines(params: Sequence[click.Parameter]) -> Iterator[None]:
    """Turn what the library raises, and what it leaves to the system, into one line each."""
    try:
        yield
    except click.ClickException:
        raise
    except MemoryError as error:
        raise click.ClickException("there is not enough memory for this") from error
    except OSError as error:
        if error.errno == errno.EPIPE:  # click knows it
            raise
        if error.filename is not None:
            raise click.ClickException(f"{_name(error.filename)}: {error.strerror}") from error
        with suppress(OSError):
            sys.stdout.close()  # or else Python would try once more at its end
        raise click.ClickException(f"cannot write the output: {error.strerror}") from error
    except Exception as error:
        from nearframe.common import NearframeError

        if not isinstance(error, NearframeError):
            raise
        raise click.ClickException(with_options(str(error), params)) from error


def _name(path: Any) -> str:
    """Return the name of a file of an error of the system, which may be too long a one."""
    from nearframe.common import shown

    name = shown(os.fsdecode(path)) if isinstance(path, (str, bytes)) else "a file"
    return name if len(name) <= _NAME_SHOWN else f"{name[:_NAME_SHOWN]}…"


class Cosine(click.FloatRange):
    """A similarity from -1 to 1; ``95%`` is 0.95."""

    name = "COSINE"

    def __init__(self) -> None:
        super().__init__(-1, 1)

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        """Return a number in [-1, 1]."""
        if isinstance(value, str):
            number = value.strip().removesuffix("%")
            try:
                value = float(number) / (100 if value.strip().endswith("%") else 1)
            except ValueError:
                self.fail(f"{value!r} is no similarity; expected 0.95 or 95%", param, ctx)
        return super().convert(value, param, ctx)


class _StderrNotes(logging.Handler):
    """Shows the library's warnings on a terminal, without tearing a progress bar.

    Elsewhere, only those marked as ``about_results`` or ``takes_long``.
    """

    def emit(self, record: logging.LogRecord) -> None:
        marked = any(getattr(record, mark, False) for mark in ("about_results", "takes_long"))
        if not sys.stderr.isatty() and not marked:
            return
        from tqdm import tqdm

        tqdm.write(f"Note: {record.getMessage()}", file=sys.stderr)


@contextmanager
def progress_bar() -> Iterator["ProgressBar"]:
    """Give a bar on stderr, which nobody sees unless it is a terminal."""
    from nearframe.common import ProgressBar

    bar = ProgressBar(sys.stderr)
    try:
        yield bar
    finally:
        bar.close()


@dataclass(frozen=True)
class EmbedderOptions:
    """The options that say how pixels become vectors; None is what an index says, or default."""

    weights: str | None
    fit: "Fit | None"
    device: "Device"
    runtime: "Runtime"
    precision: "Precision"
    batch_size: int
    exact_decode: bool
    skip_still: bool = False

    def make(self, fingerprint: "Fingerprint | None" = None) -> "Embedder":
        """Load the network: the one that an index was made with, unless the options differ."""
        from nearframe.embeddings import DEFAULT_WEIGHTS, Embedder, default_preprocessing

        weights = self.weights or (fingerprint.weights if fingerprint else DEFAULT_WEIGHTS)
        preprocessing = fingerprint.preprocessing if fingerprint else default_preprocessing(weights)
        if self.fit is not None:
            preprocessing = replace(preprocessing, fit=self.fit)
        if self.exact_decode:
            preprocessing = replace(preprocessing, decoding="exact")
        return Embedder(
            weights,
            device=self.device,
            runtime=self.runtime,
            precision=self.precision,
            batch_size=self.batch_size,
            preprocessing=preprocessing,
            skip_still=self.skip_still,
            like=fingerprint.arithmetic if fingerprint else None,
        )

    def embedder(self) -> "Embedder | MakeEmbedder":
        """Return a function that loads the network when it is needed.

        What the user asked for by name is loaded at once, so that a mismatch is always said.
        """
        return self.make if self.weights is None and self.fit is None else self.make()


def embedder_options(command: F) -> F:
    """Add the options of `EmbedderOptions`; the command receives them as ``**options``."""
    for option in (
        click.option(
            "--batch-size",
            type=click.IntRange(min=1),
            default=16,
            show_default=True,
            metavar="N",
            help="Images per step.",
        ),
        click.option(
            "--precision",
            type=click.Choice(PRECISIONS),
            default="auto",
            show_default=True,
            help="Number type of the network; auto is the fastest that agrees with fp32.",
        ),
        click.option(
            "--runtime",
            type=click.Choice(RUNTIMES),
            default="auto",
            show_default=True,
            help="What computes the network; auto is onnxruntime on a CPU, torch elsewhere.",
        ),
        click.option(
            "--device",
            type=click.Choice(DEVICES),
            default="auto",
            show_default=True,
            help="Where the network runs; auto takes a GPU where there is one.",
        ),
        click.option(
            "--exact-decode",
            is_flag=True,
            help="Decode large JPEGs at full size; they are read at a fraction of it otherwise.",
        ),
        click.option(
            "--fit",
            type=click.Choice(FITS),
            help="stretch (default) shows the network the whole frame, crop its centre.",
        ),
        click.option(
            "--weights",
            metavar="NAME|FILE",
            help=(
                "builtin (default), imagenet, imagenet-v2, random, or a .pth, .pt or "
                ".safetensors file."
            ),
        ),
    ):
        command = option(command)
    return command


skip_still_option = click.option(
    "--skip-still",
    is_flag=True,
    help="Embed a still stretch of a video or of a camera's images only once.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
strict_option = click.option(
    "--strict", is_flag=True, help="Exit with 1 when a file could not be read."
)


def print_json(value: Any) -> None:
    """Print a JSON value."""
    click.echo(json.dumps(value, indent=2))


def show_path(path: str | os.PathLike[str]) -> str:
    """Return a path as the user knows it: relative where it lies below the current folder."""
    from nearframe.common import shown

    relative = os.path.relpath(path)
    return shown(path if relative.startswith("..") else relative)


def show_argument(path: str | os.PathLike[str]) -> str:
    """Return a path as it is typed in a command: as `show_path`, in quotes where it needs them."""
    return shlex.quote(show_path(path))


def report_skipped(skipped: Iterable["Unreadable"], *, strict: bool = False) -> None:
    """List files that were left out on stderr; with `strict`, end with exit code 1."""
    from nearframe.common import shown

    entries = list(skipped)
    if not entries:
        return
    click.echo(f"Skipped {count(len(entries), 'file')}:", err=True)
    for entry in entries[:_LISTED]:
        click.echo(f"  {show_path(entry.source)}: {shown(entry.reason)}", err=True)
    if len(entries) > _LISTED:
        click.echo(f"  and {len(entries) - _LISTED} more", err=True)
    if strict:
        raise SystemExit(1)


def report_unfinished(index: str | os.PathLike[str], inputs: Iterable[str]) -> None:
    """Say on stderr that an index is incomplete, where something is not read to its end."""
    paths = list(inputs)
    if not paths:
        return
    some = ", ".join(map(show_path, paths[:_SOME])) + (", …" if len(paths) > _SOME else "")
    click.echo(
        f"Note: {show_path(index)} is incomplete: building it from {some} was interrupted, or is "
        "still running; the same buildIndex goes on from there",
        err=True,
    )


def report_older_rules(index: str | os.PathLike[str], files: int) -> None:
    """Say on stderr that files of an index were read by older rules of decoding."""
    if files:
        click.echo(
            f"Note: {count(files, 'file')} of {show_path(index)} "
            f"{'was' if files == 1 else 'were'} read by older rules of decoding; "
            "the same buildIndex reads again what they concern",
            err=True,
        )


def report_unfinished_index(path: Path) -> bool:
    """Say so where a path is an incomplete or old index; of anything else, say nothing.

    Returns:
        Whether it is complete, as is what is no index.
    """
    from nearframe.index import FrameIndex, files_of_older_rules, unfinished_inputs

    if not FrameIndex.exists(path):
        return True
    with FrameIndex.open(path) as index:
        unfinished = unfinished_inputs(index)
        report_unfinished(path, unfinished)
        report_older_rules(path, files_of_older_rules(index))
    return not unfinished


def skipped_json(skipped: Iterable["Unreadable"]) -> list[dict[str, Any]]:
    """Return files that were left out as JSON values."""
    return [{"source": entry.source, "reason": entry.reason} for entry in skipped]


def count(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 frame``, ``2 frames``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def require_page(context: click.Context, option: click.Parameter, page: Path | None) -> Path | None:
    """Refuse a page that is named like an image, before the long work that its content takes."""
    if page is None:
        return None
    if page.suffix.lower() not in (".html", ".htm"):
        raise click.UsageError(
            f"{option.opts[0]} writes a page; expected a name like {page.stem}.html"
        )
    if not page.absolute().parent.is_dir():
        raise click.UsageError(f"{option.opts[0]} {page}: there is no folder {page.parent}")
    return require_output(context, option, page)


def require_output(context: click.Context, _: click.Parameter, path: Path | None) -> Path | None:
    """Refuse to replace a file that nearframe did not write, before the long work.

    The callback of every option that names an output; its command has `force_option`, too.
    """
    from nearframe.common import NearframeError, require_replaceable

    if path is not None:
        try:
            require_replaceable(path)
        except NearframeError as error:
            message = with_options(str(error), context.command.params)
            raise click.ClickException(message) from error
    return path


def _force(context: click.Context, _: click.Parameter, given: bool) -> None:
    if given:
        from nearframe.common import replace_anything

        context.with_resource(replace_anything())


# Eager, so that the outputs' callbacks know of it wherever it stands.
force_option = click.option(
    "--force",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_force,
    help="Let outputs replace files that nearframe did not write.",
)


def path_argument(name: str, **options: Any) -> Callable[[F], F]:
    """Add an argument that is a path; whether it exists is for the library to say."""
    return click.argument(name, type=click.Path(path_type=Path), **options)
