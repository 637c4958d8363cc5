"""The numbers of decoded frames, among all frames of a stream."""

import heapq

# Frames by which one may come out late: more than any codec reorders.
_LATEST = 64


class Ordinals:
    """Numbers decoded frames among all frames of a stream, those that do not decode included.

    A frame leaves the decoder when every packet that is shown before it has been read. So its
    number is how many of the packets read so far have a smaller time stamp; counting the frames
    that come out would go wrong behind each one that is missing::

        packets read, in decoding order   0  3  1  2  6  4  5      (1 is damaged)
        frames that come out              0     2  3  4  5  6
        their numbers                     0     2  3  4  5  6

    Attributes:
        left_out: How many frames did not come out that need not.
        only_counts: Whether stamps no longer tell the order, so that frames are counted as they
            come out.
    """

    def __init__(self) -> None:
        self.left_out = 0
        self.only_counts = False
        self._optional: set[int] = set()
        self._ahead: list[int] = []
        self._waiting: set[int] = set()
        self._passed = 0
        self._skipped: dict[int, int] = {}

    def read(self, stamp: int, *, optional: bool = False) -> None:
        """Take note of a packet's presentation time stamp.

        Args:
            stamp: In any unit.
            optional: Whether it only counts if it comes out: it may refer to what was cut away.
        """
        if stamp in self._waiting:
            self.count()  # two frames are not shown at once: the stamps are made up
        if self.only_counts:
            return
        heapq.heappush(self._ahead, stamp)
        self._waiting.add(stamp)
        if optional:
            self._optional.add(stamp)

    def count(self) -> None:
        """From here on, count the frames that come out."""
        self.only_counts = True
        self._ahead.clear()
        self._waiting.clear()
        self._skipped.clear()

    def number(self, stamp: int | None) -> int:
        """Return the number of the next frame that came out; None only counts."""
        # Behind a damaged keyframe, some frames come out late.
        if stamp is not None and stamp in self._skipped:
            return self._skipped.pop(stamp)
        while stamp is not None and self._ahead and self._ahead[0] < stamp:
            skipped = self._next()
            if skipped in self._optional:
                self.left_out += 1
                continue
            self._skipped[skipped] = self._passed
            self._passed += 1
        if stamp is not None and self._ahead and self._ahead[0] == stamp:
            self._next()
        while len(self._skipped) > _LATEST:
            del self._skipped[next(iter(self._skipped))]
        self._passed += 1
        return self._passed - 1

    def _next(self) -> int:
        """Take the earliest stamp that waits for its frame."""
        stamp = heapq.heappop(self._ahead)
        self._waiting.discard(stamp)
        return stamp
