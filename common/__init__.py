"""The ground floor: what every package needs, and what needs none of them.

Errors, files that are written whole or not at all, locks, hashes, progress, work ahead of its user,
and JSON with types. It imports nothing heavy.
"""

from .atomic import TEMPORARY_SUFFIX, atomic_path, atomic_write, remove_leftovers, sync_directory
from .budget import DECODED, Budget
from .clock import show_time
from .errors import (
    DeviceError,
    DiskFullError,
    FingerprintMismatchError,
    NearframeError,
    OutputError,
    PastLimitsError,
    SourceError,
    UnreadableImageError,
    WeightsError,
    reading_errors,
    shown,
    writing_errors,
)
from .file_lock import directory_lock, hold, holding, is_held
from .hashing import file_sha256
from .interrupts import interrupts_held, second_interrupt_ends
from .numbered import free_path, numbered_paths
from .outputs import (
    GENERATOR,
    is_own_output,
    output_path,
    output_write,
    picture_mark,
    replace_anything,
    require_replaceable,
)
from .paths import absolute
from .prefetch import cores, in_batches, run_ahead
from .progress import Progress, ProgressBar, ProgressOption, Silent, as_progress
from .rename import rename_new
from .short_repr import short_repr
from .temporary import temporary_errors, temporary_file
from .typed_json import parsed, read_object, require_path, typed, typed_fields

__all__ = [
    "DECODED",
    "GENERATOR",
    "TEMPORARY_SUFFIX",
    "Budget",
    "DeviceError",
    "DiskFullError",
    "FingerprintMismatchError",
    "NearframeError",
    "OutputError",
    "PastLimitsError",
    "Progress",
    "ProgressBar",
    "ProgressOption",
    "Silent",
    "SourceError",
    "UnreadableImageError",
    "WeightsError",
    "absolute",
    "as_progress",
    "atomic_path",
    "atomic_write",
    "cores",
    "directory_lock",
    "file_sha256",
    "free_path",
    "hold",
    "holding",
    "in_batches",
    "interrupts_held",
    "is_held",
    "is_own_output",
    "numbered_paths",
    "output_path",
    "output_write",
    "parsed",
    "picture_mark",
    "read_object",
    "reading_errors",
    "remove_leftovers",
    "rename_new",
    "replace_anything",
    "require_path",
    "require_replaceable",
    "run_ahead",
    "second_interrupt_ends",
    "short_repr",
    "show_time",
    "shown",
    "sync_directory",
    "temporary_errors",
    "temporary_file",
    "typed",
    "typed_fields",
    "writing_errors",
]
