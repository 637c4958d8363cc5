"""Change detection on real footage of fixed cameras, whose exposure follows what passes."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from nearframe.embeddings.sources import VideoSource
from nearframe.query import ChangeDetection

# What car-detection.mp4 shows, seen by eye: frames without a car, and cars wholly in the picture.
EMPTY = (0, 30, 120, 135, 150, 165, 250, 265, 280, 295)
# After a white car: the road is as empty as before, and up to half as bright.
EMPTY_AND_DARK = (350, 355, 360, 370)
CARS = (65, 70, 75, 80, 85, 200, 205, 210, 215, 325, 330, 335)


@pytest.fixture(scope="module")
def frames(shared_data):
    """Decode some frames of a shared video: ``frames(name, numbers) -> {number: image}``."""
    videos = shared_data / "videos"

    def decode(name: str, numbers) -> dict[int, np.ndarray]:
        found = {}
        for number, decoder in enumerate(VideoSource.open(Path(videos, name)).decoders()):
            if number in numbers:
                found[number] = decoder().image
            if number >= max(numbers):
                break
        return found

    return decode


@pytest.fixture(scope="module")
def road(frames):
    return frames("car-detection.mp4", {*EMPTY, *EMPTY_AND_DARK, *CARS})


def test_still_frames_have_not_changed(road):
    detection = ChangeDetection()
    for number in EMPTY[1:]:
        assert detection.compare(road[EMPTY[0]], road[number]).score == 0


def test_passing_cars_have_changed_the_picture(road):
    detection = ChangeDetection()
    for number in CARS:
        change = detection.compare(road[0], road[number])
        assert change.changed
        # One or two cars, and not the whole road.
        assert 1 <= len(change.regions) <= 2
        assert change.score < 0.3


def test_the_camera_adapting_to_the_light_is_no_change(road):
    plain = ChangeDetection(light_compensation=False)
    for number in EMPTY_AND_DARK:
        assert ChangeDetection().compare(road[0], road[number]).score == 0
    assert plain.compare(road[0], road[350]).score > 0.9


def test_a_car_is_as_large_in_any_resolution(road):
    detection = ChangeDetection()
    score = detection.compare(road[0], road[75]).score
    for scale in (0.5, 2):
        scaled = [cv2.resize(road[number], None, fx=scale, fy=scale) for number in (0, 75)]
        assert detection.compare(*scaled).score == pytest.approx(score, rel=0.2)


@pytest.mark.parametrize("factor", [0.6, 1.5])
def test_another_brightness_is_no_change_and_a_car_in_it_is(road, factor):
    detection = ChangeDetection()
    for number in (0, 75, 210):
        lit = np.clip(road[number] * factor, 0, 255).astype(np.uint8)
        assert detection.compare(road[number], lit).score == 0
    lit = np.clip(road[75] * factor, 0, 255).astype(np.uint8)
    expected = detection.compare(road[0], road[75]).score
    assert detection.compare(road[0], lit).score == pytest.approx(expected, rel=0.2)


@pytest.mark.slow
def test_neighbouring_frames_have_not_changed_where_nothing_moves(frames):
    # Bottles that nobody touches, and then a hand that takes one.
    bottles = frames("bottle-detection.mp4", {*range(100), 190, 240})
    detection = ChangeDetection()
    prepared = {number: detection.prepare(image) for number, image in bottles.items()}
    for number in range(29):
        assert detection.compare(prepared[number], prepared[number + 1]).score == 0
    assert detection.compare(prepared[0], prepared[190]).changed
