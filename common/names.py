"""Whether two names are of one file, as the file systems of this system see it."""

import os
import sys
import unicodedata


def name_key(path: str | os.PathLike[str]) -> str:
    """Return what paths have in common that lead to one file, links aside.

    Usual file systems of Windows and macOS do not tell upper from lower case, and those of macOS
    give back another form of an accented letter than they were given (NFD for NFC). On Linux each
    name is another one. No file is touched on the strength of this: names that are already taken
    are for the file system to find.
    """
    text = os.fspath(path)
    if sys.platform == "darwin":
        return unicodedata.normalize("NFC", text).casefold()
    if sys.platform == "win32":
        return os.path.normcase(text)
    return text
