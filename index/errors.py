"""What can be wrong with an index on disk."""

from nearframe.common import NearframeError


class FrameIndexError(NearframeError):
    """An index that does not exist, is not one, or is in the way."""


class IndexLockedError(FrameIndexError):
    """Another process is writing to the index."""


class IndexDamagedError(FrameIndexError):
    """A file of the index is missing or does not have the content it was committed with."""


class IndexVersionError(FrameIndexError):
    """The index was written by a newer nearframe."""
