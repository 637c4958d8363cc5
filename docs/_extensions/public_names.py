"""The directive ``public-names``: every public name of a package, documented where it is made.

``.. public-names:: nearframe.query`` takes the names of ``__all__``. Names that the front door has
as well stand on its page, and are linked from here.
"""

import ast
import importlib
import importlib.util
import inspect
from pathlib import Path
from types import ModuleType
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.application import Sphinx

import nearframe


class PublicNames(Directive):
    """Document all public names of the package that is the argument."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the documentation of the names."""
        package = importlib.import_module(self.arguments[0])
        names = [name for name in package.__all__ if not name.startswith("__")]
        at_front = set() if package is nearframe else set(nearframe.__all__)
        elsewhere = [name for name in names if name in at_front]
        lines = []
        if elsewhere:
            links = ", ".join(f":py:obj:`~nearframe.{name}`" for name in elsewhere)
            lines += [f"Also here, and described with :doc:`nearframe <nearframe>`: {links}.", ""]
        for kind, title in (("function", "Functions"), ("class", "Classes"), ("data", "Values")):
            here = [name for name in names if name not in elsewhere]
            found = [name for name in here if _kind(getattr(package, name)) == kind]
            if found:
                lines += [f".. rubric:: {title}", ""]
            for name in sorted(found, key=str.lower):
                lines += _described(package, name, kind)
        node = nodes.container()
        self.state.nested_parse(StringList(lines, self.arguments[0]), self.content_offset, node)
        return node.children


def _kind(value: object) -> str:
    if inspect.isclass(value):
        return "class"
    return "function" if inspect.isroutine(value) else "data"


def _described(package: ModuleType, name: str, kind: str) -> list[str]:
    if kind == "data":
        # What a value means stands in the module that makes it.
        text = _value(package.__name__, name)
        value = getattr(package, name)
        if isinstance(value, tuple | str | int | float):
            text = f"{text.partition('``')[0]}``{value!r}``"
        return [f".. py:data:: {package.__name__}.{name}", "", f"   {text}", ""]
    members = ["   :members:"] if kind == "class" else []
    return [f".. auto{kind}:: {package.__name__}.{name}", *members, ""]


def _value(module: str, name: str) -> str:
    """Follow a value to the module that makes it; return what it means there, and its source."""
    imported = importlib.import_module(module)
    file = Path(imported.__file__ or "")
    stub = file.with_suffix(".pyi")  # of a package that imports its names when they are used
    tree = ast.parse((stub if stub.exists() else file).read_text("utf-8"))
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(node, ast.ImportFrom):
            origin = "." * node.level + (node.module or "")
            for alias in node.names:
                if name == (alias.asname or alias.name):
                    package = imported.__package__ or ""
                    return _value(importlib.util.resolve_name(origin, package), alias.name)
        if name in _assigned(node):
            documented = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            text = str(after.value.value) if documented else ""
            value = f"``{ast.unparse(node.value)}``"
            return " ".join(f"{text} {value}".split())
    raise LookupError(f"{module} does not make {name}")


def _assigned(node: ast.stmt) -> list[str]:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


_properties: dict[str, list[str]] = {}


def _keep(_: Sphinx, what: str, name: str, *arguments: Any) -> None:
    lines: list[str] = arguments[-1]
    if what == "property" and not any(line.endswith(":") for line in lines):
        _properties[name] = lines.copy()


def _restore(_: Sphinx, __: str, name: str, *arguments: Any) -> None:
    if name in _properties:
        arguments[-1][:] = _properties.pop(name)


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive, and how properties are read."""
    app.add_directive("public-names", PublicNames)
    # napoleon takes what stands before a colon in the text of a property for its type.
    app.connect("autodoc-process-docstring", _keep, priority=400)
    app.connect("autodoc-process-docstring", _restore, priority=600)
    return {"parallel_read_safe": True}
