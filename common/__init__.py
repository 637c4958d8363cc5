"""The ground floor: what every package needs, and what needs none of them.

Errors, files that are written whole or not at all, locks, hashes, progress, work ahead of its user,
and JSON with types. It imports nothing heavy, and each module only when a name of it is first used.
"""

import lazy_loader as _lazy

__getattr__, __dir__, __all__ = _lazy.attach_stub(__name__, __file__)
