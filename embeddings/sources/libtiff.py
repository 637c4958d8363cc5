"""libtiff, with which Pillow decodes many TIFFs, prints what is wrong with a file, besides."""

import ctypes
import functools

from PIL import _imaging


@functools.cache
def silence_libtiff() -> None:
    """Let Pillow's libtiff print nothing, in this process; Pillow raises its errors all the same.

    Pillow does so with its warnings. Where libtiff is a part of Pillow that cannot be reached, as
    on Windows, nothing is changed.
    """
    try:
        # What Pillow's own library is linked with is found through it.
        set_handler = ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler
    except (AttributeError, OSError):
        return
    set_handler.argtypes, set_handler.restype = [ctypes.c_void_p], ctypes.c_void_p
    set_handler(None)
