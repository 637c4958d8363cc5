"""Values that a file holds, which people may have edited, as the types that they are to be."""

import json
import os
import re
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, TypeVar, cast

import msgspec

from .errors import NearframeError, reading_errors, shown

T = TypeVar("T")

_MOST = 1e15
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""A number of things, which a column of SQLite can hold."""
Finite = Annotated[float, msgspec.Meta(ge=-_MOST, le=_MOST)]
"""A number that can be reckoned with: neither NaN nor infinite."""


def typed(kind: type[T], value: Any) -> T:
    """Return a value of JSON as a type: a dataclass, a tuple of them, and so on.

    Raises:
        ValueError: If it is none, or has a field more; the message names the field, what came and
            what was expected.
    """
    found = converted(kind, value)
    _require_known(value, msgspec.to_builtins(found), "")
    return found


def converted(kind: type[T], value: Any) -> T:
    """Return a value as `typed` does, and leave out fields that the type does not have."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise ValueError(str(error).replace(" - at `$", " at `")) from error
    except OverflowError as error:
        raise ValueError("a number has too many digits") from error


def typed_fields(kind: type[T], values: Mapping[str, Any]) -> T:
    """Return those fields of an object that a dataclass has as one; raises as `typed` does."""
    known = {field.name for field in fields(cast(Any, kind))}
    return typed(kind, {key: value for key, value in values.items() if key in known})


def typed_whole(kind: type[T], values: Any, **old: Any) -> T:
    """Return an object as a dataclass of which it has every field, also those with a default.

    Args:
        kind: The dataclass.
        values: The object.
        old: What fields are that came later, where the object lacks them.

    Raises:
        ValueError: As `typed`, or if a field is missing.
    """
    if isinstance(values, Mapping):
        values = {**old, **values}
        for field in fields(cast(Any, kind)):
            if field.name not in values:
                raise ValueError(f"Object missing required field `{field.name}`")
    return typed(kind, values)


def _require_known(value: Any, known: Any, place: str) -> None:
    """Refuse fields that were left out of a value when it became one of a type."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in known:
                raise ValueError(f"unknown field `{place}.{key}`".replace("`.", "`"))
            _require_known(inner, known[key], f"{place}.{key}")
    elif isinstance(value, list):
        for number, (inner, inner_known) in enumerate(zip(value, known, strict=True)):
            _require_known(inner, inner_known, f"{place}[{number}]")


def parsed(text: bytes | str) -> Any:
    """Parse JSON.

    Raises:
        ValueError: If it is none, or goes too deep.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("lists or objects lie too deep in each other") from error


def read_object(path: str | os.PathLike[str]) -> Mapping[str, Any]:
    """Read a JSON object, also one with a comma left behind by a line that somebody took out.

    Raises:
        NearframeError: If the file is missing or holds something else.
    """
    with reading_errors(path):
        text = Path(path).read_bytes()
    # Only where a line ends between comma and bracket: no JSON string goes over a line's end.
    text = re.sub(rb",([ \t\r]*\n\s*[\]}])", rb"\1", text)
    try:
        fields = parsed(text)
    except ValueError as error:
        raise NearframeError(f"{shown(path)} is not JSON ({error})") from error
    if not isinstance(fields, dict):
        raise NearframeError(f"{shown(path)} holds a {type(fields).__name__}, expected an object")
    return fields


def require_path(text: str) -> str:
    """Check that a text can be a path.

    Raises:
        ValueError: If it has a character that no path has.
    """
    try:
        fits = "\0" not in text and os.fsencode(text) is not None
    except UnicodeEncodeError:
        fits = False
    if not fits:
        raise ValueError(f"{text[:80]!r} cannot be a path")
    return text
