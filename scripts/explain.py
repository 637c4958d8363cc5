"""nearframe explain: why do two pictures count as the same, or not?"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .change_options import change_options, take_change_settings
from .cli import (
    Command,
    EmbedderOptions,
    count,
    embedder_options,
    force_option,
    json_option,
    path_argument,
    print_json,
    show_path,
)

if TYPE_CHECKING:
    from nearframe.query import Explanation, Region

_LISTED = 20


@click.command("explain", cls=Command, short_help="Show what differs between two images.")
@path_argument("a")
@path_argument("b")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="PICTURE",
    help="The picture: .png, .jpg or .webp; default: explain.png, or a free name like it.",
)
@change_options
@force_option
@embedder_options
@json_option
def explain(a: Path, b: Path, output: Path | None, as_json: bool, **options: Any) -> None:
    """Show why images A and B count as the same picture, or not.

    Prints how alike their embeddings are and how much of the area changed, and draws both images,
    their difference and the regions that changed.
    """
    from nearframe.common import free_path
    from nearframe.query import Naming, save_picture
    from nearframe.query import explain as explain_pair
    from nearframe.query.report.explain_picture import check_picture_path

    output = output or free_path(Path("explain.png"))
    check_picture_path(output, a, b)
    settings = take_change_settings(options)
    explanation = explain_pair(
        a,
        b,
        detection=settings.detection(Naming().read(a).camera),
        embedder=EmbedderOptions(**options).make,
    )
    save_picture(explanation, output)
    if as_json:
        print_json(_as_json(explanation, output))
    else:
        _print(explanation, output)


def _print(explanation: "Explanation", output: Path) -> None:
    verdict = explanation.verdict
    click.echo(verdict[0].upper() + verdict[1:])
    for label, text in explanation.facts:
        click.echo(f"{label + ':':<14}{text}")
    _print_regions("Region", explanation.change.regions)
    _print_regions("Moved", explanation.change.moved)
    click.echo(f"{'Picture:':<14}{show_path(output)}")


def _print_regions(label: str, regions: "Sequence[Region]") -> None:
    for number, region in enumerate(regions[:_LISTED], 1):
        click.echo(
            f"{f'{label} {number}:':<14}{region.area:.2%} of the area, "
            f"{region.left:.0%} to {region.right:.0%} from the left, "
            f"{region.top:.0%} to {region.bottom:.0%} from the top"
        )
    if len(regions) > _LISTED:
        click.echo(f"{'':14}and {count(len(regions) - _LISTED, 'smaller region')}")


def _regions_json(regions: "Sequence[Region]") -> list[dict[str, float]]:
    return [
        {
            "left": region.left,
            "top": region.top,
            "right": region.right,
            "bottom": region.bottom,
            "area": region.area,
        }
        for region in regions
    ]


def _as_json(explanation: "Explanation", output: Path) -> dict[str, Any]:
    change, light = explanation.change, explanation.change.light
    threshold = explanation.threshold
    return {
        "a": explanation.a,
        "b": explanation.b,
        "verdict": explanation.verdict,
        "similarity": explanation.similarity,
        "similarity_threshold": None if threshold is None else threshold.value,
        "weights": explanation.weights,
        "changed_area": change.score,
        "change_threshold": explanation.detection.change_threshold,
        "changed": change.changed,
        "light": None if light is None else {"gain": light.gain, "offset": light.offset},
        "masked_area": explanation.masked_share,
        "regions": _regions_json(change.regions),
        "moved": _regions_json(change.moved),
        "content_difference": explanation.content_difference,
        "method": explanation.method,
        "repeats": explanation.repeats,
        "picture": str(output),
    }
