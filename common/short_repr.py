"""The `repr` of results that may be long: it fits on a screen."""

import reprlib
from dataclasses import fields
from typing import Any, TypeVar

C = TypeVar("C", bound=type)

_ITEMS = 3


class _Short(reprlib.Repr):
    """As `reprlib`, besides: how many items are not shown, and arrays by dtype and shape."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = 200
        self.maxlevel = 4

    def repr_tuple(self, x: tuple[Any, ...], level: int) -> str:
        if len(x) <= _ITEMS:
            return super().repr_tuple(x, level)
        shown = ", ".join(self.repr1(item, level - 1) for item in x[:_ITEMS])
        return f"({shown}, … {len(x) - _ITEMS} more)"

    def repr_ndarray(self, x: Any, _: int) -> str:
        return f"<{x.dtype} array of shape {x.shape}>"


def short_repr(cls: C) -> C:
    """Give a dataclass a `repr` with a few items of a long tuple, and the shape of an array."""

    def __repr__(self: Any) -> str:  # noqa: N807  # it is one
        short = _Short()
        shown = (
            f"{field.name}={short.repr(getattr(self, field.name))}"
            for field in fields(self)
            if field.repr
        )
        return f"{type(self).__name__}({', '.join(shown)})"

    cls.__repr__ = __repr__  # type: ignore[assignment, method-assign]
    return cls
