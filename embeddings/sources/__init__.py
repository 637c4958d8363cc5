"""Where pixels come from: image files, folders of them, videos."""

from .animation import Animation
from .beyond_rgb import ContentBeyondRgb, content_beyond_rgb, content_may_repeat
from .folder import ImageFile, ImageSequence
from .image import read_image, to_rgb, to_rgb_array
from .kinds import IMAGE_SUFFIXES, RAW_SUFFIXES, VIDEO_SUFFIXES, kind_of
from .left_out import LeftOut
from .limits import LIMITS
from .open import Source, is_video, open_source, open_sources
from .rules import DECODING_RULES, reads_otherwise
from .sampling import Sampling
from .seeking import frames_at
from .video import VideoSource
from .walk import INDEX_FILE, File, left_out_noted, list_folder, natural_key

__all__ = [
    "DECODING_RULES",
    "IMAGE_SUFFIXES",
    "INDEX_FILE",
    "LIMITS",
    "RAW_SUFFIXES",
    "VIDEO_SUFFIXES",
    "Animation",
    "ContentBeyondRgb",
    "File",
    "ImageFile",
    "ImageSequence",
    "LeftOut",
    "Sampling",
    "Source",
    "VideoSource",
    "content_beyond_rgb",
    "content_may_repeat",
    "frames_at",
    "is_video",
    "kind_of",
    "left_out_noted",
    "list_folder",
    "natural_key",
    "open_source",
    "open_sources",
    "read_image",
    "reads_otherwise",
    "to_rgb",
    "to_rgb_array",
]
