"""Find the frame you mean, and drop the frames you already have.

How alike are two pictures?

>>> import nearframe
>>> nearframe.similarity("a.jpg", "b.jpg")
0.9333198070526123

Which frame of my footage is this picture? An index holds the vectors of images and videos:

>>> nearframe.build_index(["talk.mp4", "holiday/"], "my.index", progress=True)
>>> with nearframe.open_index("my.index") as index:
...     answer = index.search("still.jpg", k=5).results[0]
...     answer.matches[0].frame, answer.nearest, answer.verdict

Which pictures of a folder repeat an earlier one? A plan changes nothing until it is applied, and
what was applied can be taken back:

>>> plan = nearframe.plan_dedup("holiday/")
>>> done = nearframe.apply_plan(plan, action="move", to="repeats", journal="holiday.journal.jsonl")
>>> nearframe.undo(done.journal)

Whatever a user can act on is raised as a `NearframeError`, whose message is one line. Networks are
loaded when the first vector is needed, and once per process. Importing this package imports nothing
heavy: each name is loaded when it is first used.
"""

from pkgutil import extend_path as _extend_path
from typing import Any as _Any

import lazy_loader as _lazy

# In the root of a checkout, this folder hides the installed package that has the other parts.
__path__ = _extend_path(__path__, __name__)

_get, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)


def __getattr__(name: str) -> _Any:
    if name != "__version__":
        return _get(name)
    from importlib.metadata import version

    return version(__name__)
