"""The library's messages in the words of the command line.

A message names a parameter of the library in backticks: ```` `gap_factor` must be over 1 ````, or
with a value: ```` `precision=fp32` ````. A command shows the option that sets it.
"""

import re
from collections.abc import Iterable

import click

_PARAMETER = re.compile(r"`(\w+)(?:=(\S+?))?`")

# Options that are not called as the parameters that they set.
ALIASES = {
    "blur_radii": "blur_radius",
    "pattern": "name_pattern",
    "replace_anything": "force",
}


def with_options(message: str, parameters: Iterable[click.Parameter]) -> str:
    """Return a message with the options of a command in place of the library's parameters.

    Args:
        message: What the library says.
        parameters: Those of the command; what it has no option for keeps its name.
    """
    options = {
        parameter.name: parameter for parameter in parameters if isinstance(parameter, click.Option)
    }

    def shown(found: re.Match[str]) -> str:
        name, value = found[1], found[2]
        option = options.get(ALIASES.get(name, name))
        if option is None:
            return name if value is None else f"{name} {value}"
        spelling = max(option.opts, key=len)
        return spelling if value is None or option.is_flag else f"{spelling} {value}"

    return _PARAMETER.sub(shown, message)


def message_of(error: Exception) -> str:
    """Return what an error of the library says, in the options of the command that runs."""
    return with_options(str(error), click.get_current_context().command.params)
