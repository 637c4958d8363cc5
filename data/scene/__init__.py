"""The rendered scene: a yard at a gate, seen by a camera that does not move."""

from scene.film import SEED, Film
from scene.painter import HEIGHT, WIDTH
from scene.timeline import FPS, FRAME_COUNT

__all__ = ["FPS", "FRAME_COUNT", "HEIGHT", "SEED", "WIDTH", "Film"]
