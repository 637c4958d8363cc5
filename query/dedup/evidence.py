"""Whether one image may be dropped for another, besides how alike their vectors or pictures are."""

from nearframe.embeddings import NearframeError
from nearframe.embeddings.sources import ContentBeyondRgb, content_beyond_rgb, content_may_repeat

from .images import OrderedImage


class Evidence:
    """Tells which images may be dropped for which; what it learns of a file it remembers.

    A picture is compared as 8-bit RGB. A file that holds more (alpha, further frames or pages,
    deeper samples) is dropped only for one that holds the same.
    """

    def __init__(self) -> None:
        self._contents: dict[str, ContentBeyondRgb | None] = {}

    def admits(self, kept: OrderedImage, dropped: OrderedImage) -> bool:
        """Whether an image may be dropped for another that stays.

        What cannot be read any more is no evidence: then the image stays.
        """
        try:
            return content_may_repeat(self._content(dropped), self._content(kept))
        except NearframeError:
            return False

    def _content(self, image: OrderedImage) -> ContentBeyondRgb | None:
        path = image.file.path
        if path not in self._contents:
            self._contents[path] = content_beyond_rgb(path)
        return self._contents[path]
