"""Runs the command line in a process of its own, on the fake network.

``python tests/fake_cli.py [--delay S] COMMAND ARG …``; the delay is per batch, so that a test can
interrupt a build in the middle.
"""

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import fake_network

from nearframe.embeddings import embedder
from nearframe.scripts.main import nearframe


class SlowBackbone(fake_network.FakeBackbone):
    """Waits before each batch."""

    delay_s = 0.0

    def __call__(self, pixels):
        time.sleep(self.delay_s)
        return super().__call__(pixels)


if __name__ == "__main__":
    if sys.argv[1] == "--delay":
        SlowBackbone.delay_s = float(sys.argv[2])
        del sys.argv[1:3]
    fake_network.FakeBackbone = SlowBackbone
    embedder.load_backbone = fake_network.load_fake_backbone
    nearframe()
