"""The numbers of frames as packets tell them, for those who decode only some of the frames."""

import logging
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import av
import av.container
import av.video.stream

from nearframe.common import shown

from .container import opened
from .stretches import Stretches

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a frame is shown: its `number`, and its `stamp` in the stream's time base."""

    number: int
    stamp: int


@dataclass(slots=True)
class _Survey:
    """What the packets of a stream say.

    Attributes:
        stamps: Presentation time stamps of the frames that are shown, in the order of the file.
        dates: The stamps that are told of them: as a rule, the same.
        optional: Those of `stamps` whose frames need not come out of a decoder.
        torn: Whether a recording in the middle refers to what was cut away before it.
    """

    stamps: list[int] = field(default_factory=list)
    dates: list[int] = field(default_factory=list)
    optional: set[int] = field(default_factory=set)
    torn: bool = False


def places_of(
    path: str | os.PathLike[str],
    decoded_stamps: Callable[[], Iterator[int | None]],
) -> dict[int, Place] | None:
    """Map the time stamp that each packet carries to its place in presentation order.

    Reads the packets without decoding them; where the container breaks off, the rest is missing.
    Only frames that need not come out are decoded, and those before them.

    Args:
        path: The video.
        decoded_stamps: Decodes it from its start, and yields the time stamps of the frames.

    Returns:
        None where packets do not tell the order: only decoding all of them does.
    """
    survey = _survey(path)
    stamps, dates, optional = survey.stamps, survey.dates, survey.optional
    if not stamps or survey.torn or len(set(stamps)) < len(stamps):
        return None
    if optional:
        optional -= _that_come_out(optional, decoded_stamps())
        stamps = dates = [stamp for stamp in stamps if stamp not in optional]
    numbered = enumerate(zip(sorted(stamps), sorted(dates), strict=True))
    return {stamp: Place(number, date) for number, (stamp, date) in numbered}


def _survey(path: str | os.PathLike[str]) -> _Survey:
    survey = _Survey()
    with opened(path) as (container, stream):
        undated, codec = is_undated(container, stream), stream.codec_context.name
        stretches = Stretches(stream.time_base, container.format.name)
        try:
            for packet in container.demux(stream):
                if packet.size and not undated:
                    stretches.lay(packet)
                if packet.pts is None or not is_shown(packet, codec):
                    continue
                survey.stamps.append(packet.pts)
                date = packet.dts if undated else None
                survey.dates.append(packet.pts if date is None else date)
                if stretches.leading:
                    survey.optional.add(packet.pts)
        except av.FFmpegError as error:
            logger.debug("%s: packets end early: %s", shown(path), error)
        survey.torn = stretches.torn
    return survey


def _that_come_out(stamps: set[int], decoded: Iterator[int | None]) -> set[int]:
    """Decode up to the last of some frames; return those that come out."""
    last, found = max(stamps), set()
    for stamp in decoded:
        if stamp in stamps:
            found.add(stamp)
        if stamp is not None and stamp >= last:
            break
    return found


def is_undated(container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> bool:
    """Tell whether the presentation time stamps are made up.

    AVI has none. FFmpeg finds the order of MPEG-4 frames, but takes H.264 for one without
    reordering. The frames come out in the right order all the same, and the n-th of them is shown
    at the n-th decoding time stamp.
    """
    context = stream.codec_context
    return (
        "avi" in container.format.name.split(",")
        and context.name in ("h264", "hevc")
        and bool(context.has_b_frames)
    )


def is_shown(packet: "av.Packet[Any]", codec: str) -> bool:
    """Tell whether a packet holds a frame that a player shows; empty ones hold none.

    Args:
        packet: The packet.
        codec: The name of its stream's decoder, asked for before anything was decoded: one that
            could not be opened has none, and PyAV 19 ends the process when it is asked.
    """
    if packet.is_discard or not packet.size:
        return False
    # VP8 sends frames that others only refer to as packets of their own (RFC 6386, 9.1).
    return codec != "vp8" or bool(memoryview(packet)[0] & 0x10)
