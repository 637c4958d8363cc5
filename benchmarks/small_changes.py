"""Which method keeps small events without keeping everything? A frontier per method.

``python -m benchmarks small_changes VIDEO_DIR --plot small-changes.webp``

The frames of a video in which nothing happens, with their codec noise, unrest and drift of light,
in order. Into some of them, a thing that moves in the same video is pasted: cut out where change
detection finds it, scaled to a fifth, at a place of its own in each. Each method goes through them
with a range of its own thresholds; `hybrid` has two. A small event is kept when its frame is.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click
import cv2
import numpy as np
import numpy.typing as npt

from nearframe.common import Against
from nearframe.embeddings import Embedder, Preprocessing, RgbImage
from nearframe.embeddings.frame import Frame
from nearframe.embeddings.sources import VideoSource
from nearframe.query import ChangeDetection, ChangeSettings, GreedyDedup, usual_threshold

# Frames of each video that show the same scene, and nothing that happens in it.
STILL = {
    "car-detection": [*range(51), *range(118, 174), *range(248, 310), *range(355, 377)],
    "bottle-detection": [*range(165)],
}
# Of each video: a frame without and a frame with something that moves; whole and without shadow.
MOVING = {
    "car-detection": [(46, 81), (165, 205), (250, 222), (300, 332)],
    "bottle-detection": [(162, 190), (310, 350), (640, 672), (800, 826), (900, 938), (1010, 1060)],
}
SCALE = 0.2
GRID = (5, 8)
DEFAULT = ChangeSettings().change_threshold
SMALLEST = 0.001
AGAINST: dict[Against, str] = {"previous": "from previous", "kept": "from all kept"}
BUDGETS = (0.0, 0.02, 0.05, 0.1, 0.2)


@dataclass(frozen=True, slots=True)
class Cutout:
    """A thing: RGB float32 ``(h, w, 3)`` and its opacity in [0, 1], float32 ``(h, w, 1)``."""

    pixels: npt.NDArray[np.float32]
    opacity: npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Point:
    """What a method keeps at a threshold, and what it costs.

    Attributes:
        threshold: Cosine, or changed area.
        events: Share of the small events that is kept.
        others: Share of the other frames that is kept.
        compared: Pairs of pictures compared, per frame.
    """

    threshold: float
    events: float
    others: float
    compared: float


def decode(video: Path, numbers: set[int]) -> dict[int, RgbImage]:
    """Return the RGB pixels of some frames of a video by their number."""
    frames = (decode_one() for decode_one in VideoSource.open(video).decoders())
    return {f.number: f.image for f in frames if isinstance(f, Frame) and f.number in numbers}


def cut_out(before: RgbImage, frame: RgbImage, scale: float) -> Cutout:
    """Cut out the largest region that changed, and shrink it."""
    (region, *_) = ChangeDetection(motion_tolerance=0).compare(before, frame).regions
    height, width = frame.shape[:2]
    inside = np.zeros((height, width), np.float32)
    corners = np.rint(np.array(region.outline) * (width, height)).astype(np.int32)
    cv2.fillPoly(inside, [corners], 1.0)
    box = (
        slice(int(region.top * height), int(np.ceil(region.bottom * height))),
        slice(int(region.left * width), int(np.ceil(region.right * width))),
    )
    size = [max(1, round(scale * side)) for side in inside[box].shape[::-1]]
    pixels = cv2.resize(frame[box].astype(np.float32), size, interpolation=cv2.INTER_AREA)
    opacity = cv2.resize(inside[box], size, interpolation=cv2.INTER_AREA)
    return Cutout(pixels, opacity[..., None])


def paste(image: RgbImage, thing: Cutout, left: int, top: int) -> RgbImage:
    """Put a thing onto a picture."""
    result = image.astype(np.float32)
    height, width = thing.opacity.shape[:2]
    place = result[top : top + height, left : left + width]
    place += thing.opacity * (thing.pixels - place)
    return np.rint(result).astype(np.uint8)


def small_events(
    video: Path, events: int, generator: np.random.Generator
) -> tuple[list[RgbImage], npt.NDArray[np.bool_]]:
    """Return the still frames of a video in order, and which of them got a small event."""
    still, pairs = STILL[video.stem], MOVING[video.stem]
    frames = decode(video, {*still, *(number for pair in pairs for number in pair)})
    things = [cut_out(frames[before], frames[number], SCALE) for before, number in pairs]
    # Not the first: everything is new there.
    chosen = 1 + np.sort(generator.choice(len(still) - 1, events, replace=False))
    cells = generator.permutation(GRID[0] * GRID[1])[:events]
    images = [frames[number] for number in still]
    height, width = images[0].shape[:2]
    for order, (row, cell) in enumerate(zip(chosen, cells, strict=True)):
        thing = things[order % len(things)]
        thing_height, thing_width = thing.opacity.shape[:2]
        # In the middle of the cell, give or take.
        y, x = (np.array(divmod(cell, GRID[1])) + generator.uniform(0.3, 0.7, 2)) / GRID
        left = int(np.clip(x * width - thing_width / 2, 0, width - thing_width))
        top = int(np.clip(y * height - thing_height / 2, 0, height - thing_height))
        images[row] = paste(images[row], thing, left, top)
    is_event = np.zeros(len(still), np.bool_)
    is_event[chosen] = True
    return images, is_event


class Comparisons:
    """What changed between pairs of pictures, each pair looked at once for all thresholds."""

    def __init__(self, images: list[RgbImage]) -> None:
        settings = ChangeSettings(min_diff_area=0.0)
        self._detection = settings.detection(None)
        self._smallest = ChangeSettings().min_diff_area
        self._pictures = [self._detection.prepare(image) for image in images]
        self._areas: dict[tuple[int, int], list[float]] = {}
        self.count = 0

    def at(self, threshold: float) -> Callable[[int, int], tuple[bool, float]]:
        """Return the comparison with a threshold, below which no region counts."""
        smallest = min(threshold, self._smallest)

        def compare(earlier: int, later: int) -> tuple[bool, float]:
            self.count += 1
            score = sum(area for area in self._regions(earlier, later) if area >= smallest)
            return score > 0 and score >= threshold, score

        return compare

    def _regions(self, earlier: int, later: int) -> list[float]:
        pair = earlier, later
        if pair not in self._areas:
            change = self._detection.compare(*(self._pictures[number] for number in pair))
            self._areas[pair] = [region.area for region in change.regions]
        return self._areas[pair]


@dataclass(frozen=True, slots=True)
class Method:
    """A method's points for a range of its thresholds, and that of its default, if it has one."""

    name: str
    points: list[Point]
    default: Point | None


def sweep(
    images: list[RgbImage], is_event: npt.NDArray[np.bool_], embedder: Embedder
) -> Iterator[Method]:
    """Yield the methods one by one."""
    vectors = embedder.embed(images)
    comparisons = Comparisons(images)
    cosines = (1 - np.geomspace(1e-6, 0.5, 60)).tolist()
    areas = np.geomspace(0.0003, 0.05, 40).tolist()
    usual = usual_threshold(None, embedder.fingerprint)

    def point(threshold: float, greedy: GreedyDedup, *, with_vectors: bool = True) -> Point:
        comparisons.count = 0
        decisions = greedy.add(vectors if with_vectors else len(images))
        keep = np.array([decision.keep for decision in decisions])
        # The first frame is always kept, whatever the method.
        others = keep[1:][~is_event[1:]].mean()
        return Point(threshold, keep[is_event].mean(), others, comparisons.count / len(images))

    def by_embedding(threshold: float) -> Point:
        return point(threshold, GreedyDedup(threshold))

    def by_change(threshold: float, against: Against) -> Point:
        greedy = GreedyDedup(None, compare=comparisons.at(threshold), against=against)
        return point(threshold, greedy, with_vectors=False)

    def by_both(threshold: float, cosine: float = -1.0) -> Point:
        return point(threshold, GreedyDedup(cosine, compare=comparisons.at(threshold)))

    points = [by_embedding(threshold) for threshold in cosines]
    yield Method("embedding", points, by_embedding(usual.value) if usual else None)
    for against in AGAINST:
        points = [by_change(threshold, against) for threshold in areas]
        yield Method(f"change, {AGAINST[against]}", points, by_change(DEFAULT, against))
    # It has two thresholds: with any cosine, and with any region that is more than noise.
    points = [by_both(threshold) for threshold in areas]
    points += [by_both(SMALLEST, cosine) for cosine in cosines]
    yield Method("hybrid", points, by_both(DEFAULT))


def best(points: list[Point], budget: float) -> Point:
    """Return the point that keeps most events among those that keep few enough other frames."""
    allowed = [point for point in points if point.others <= budget] or [
        Point(float("nan"), 0.0, 0.0, 0.0)
    ]
    return max(allowed, key=lambda point: (point.events, -point.others))


def draw(methods: dict[str, list[Method]], path: Path) -> None:
    """Draw the frontiers of all videos; a dot is a method's default."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5 * len(methods), 4.2), layout="constrained")
    axes = figure.subplots(1, len(methods), squeeze=False)[0]
    styles = ("-", ":", "--", "-")
    for axis, (video, curves) in zip(axes, methods.items(), strict=True):
        for method, style, width in zip(curves, styles, (1.5, 1.5, 3, 1.5), strict=True):
            budgets = sorted({0.0, 1.0, *(point.others for point in method.points)})
            events = [best(method.points, budget).events for budget in budgets]
            (line,) = axis.step(
                budgets, events, style, linewidth=width, where="post", label=method.name
            )
            if method.default:
                default = method.default
                axis.plot(default.others, default.events, "o", color=line.get_color())
        axis.set(title=video, xlabel="other frames kept", ylabel="small events kept")
        axis.set_xscale("symlog", linthresh=0.01)
        axis.set(xlim=(-0.001, 1), ylim=(-0.02, 1.03))
        axis.grid(alpha=0.3)
        axis.legend(loc="lower right")
    figure.savefig(path, dpi=120)


@click.command()
@click.argument("videos", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--weights", default="builtin", show_default=True)
@click.option("--size", type=int, help="Input size of the network; default: of the weights.")
@click.option("--events", default=40, show_default=True, help="Small events per video.")
@click.option("--seed", default=0, show_default=True)
@click.option("--plot", type=click.Path(path_type=Path), help="Where to draw the frontiers.")
def main(
    videos: Path, weights: str, size: int | None, events: int, seed: int, plot: Path | None
) -> None:
    """Print what share of the small events each method keeps, at best, for shares of other frames.

    Compared: how many pairs of pictures that takes per frame, where no others are kept.
    """
    embedder = Embedder(weights, preprocessing=Preprocessing(size=size) if size else None)
    methods: dict[str, list[Method]] = {}
    for number, name in enumerate(STILL):
        generator = np.random.default_rng([seed, number])
        images, is_event = small_events(videos / f"{name}.mp4", events, generator)
        print(f"{name}: {is_event.sum()} small events among {len(images)} frames")
        head = "".join(f"{f'others <= {budget:.0%}':>15}" for budget in BUDGETS)
        print(f"{'method':<24}{head}{'compared':>10}  at its default", flush=True)
        methods[name] = []
        for method in sweep(images, is_event, embedder):
            methods[name].append(method)
            cells = [best(method.points, budget) for budget in BUDGETS]
            row = "".join(f"{f'{p.events:.1%}':>15}" for p in cells)
            default = "none"
            if method.default:
                default = f"{method.default.events:.1%}, others {method.default.others:.1%}"
            print(f"{method.name:<24}{row}{cells[0].compared:>10.1f}  {default}", flush=True)
    if plot:
        draw(methods, plot)


if __name__ == "__main__":
    main()
