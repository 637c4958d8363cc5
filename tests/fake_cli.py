"""Runs the command line in a process of its own, on the fake network.

``python tests/fake_cli.py [--delay S] COMMAND ARG …``; the delay is per batch, so that a test can
interrupt a build in the middle. Variables of the environment help with that:
NEARFRAME_TEST_COMMIT_EVERY is the number of frames between commits, NEARFRAME_TEST_STARTED a file
that is made when the first batch is embedded, and NEARFRAME_TEST_HOLD a file during whose presence
no second batch is.
"""

import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import fake_network

from nearframe.embeddings import embedder
from nearframe.index import build
from nearframe.scripts.main import nearframe


class SlowBackbone(fake_network.FakeBackbone):
    """Waits before each batch."""

    delay_s = 0.0
    batches = 0

    def __call__(self, pixels):
        if started := os.environ.get("NEARFRAME_TEST_STARTED"):
            Path(started).touch()
        hold = Path(os.environ.get("NEARFRAME_TEST_HOLD", ""))
        while self.batches and hold.is_file():
            time.sleep(0.01)
        self.batches += 1
        time.sleep(self.delay_s)
        return super().__call__(pixels)


if __name__ == "__main__":
    # A shell that starts pytest in the background lets it and its children ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    build.COMMIT_EVERY = int(os.environ.get("NEARFRAME_TEST_COMMIT_EVERY", build.COMMIT_EVERY))
    if sys.argv[1] == "--delay":
        SlowBackbone.delay_s = float(sys.argv[2])
        del sys.argv[1:3]
    fake_network.FakeBackbone = SlowBackbone
    embedder.load_backbone = fake_network.load_fake_backbone
    nearframe()
