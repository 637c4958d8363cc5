"""All benchmarks under one name: ``python -m benchmarks NAME [ARGS]``; without a name, a list."""

import ast
import os
import subprocess
import sys
from pathlib import Path

FOLDER = Path(__file__).parent
_STARTED_BY_OTHERS = {"__main__", "peer_programs"}


def programs() -> dict[str, str]:
    """Return what can be run: name -> what it asks, the first line of its text."""
    found = {}
    for file in sorted(FOLDER.glob("*.py")):
        source = file.read_text("utf-8")
        if file.stem not in _STARTED_BY_OTHERS and '__name__ == "__main__"' in source:
            found[file.stem] = (
                (ast.get_docstring(ast.parse(source)) or "").partition("\n")[0].replace("``", "")
            )
    return found


def main() -> int:
    """Run the program that the first argument names; return its exit code."""
    name, arguments = next(iter(sys.argv[1:]), None), sys.argv[2:]
    known = programs()
    if name in (None, "-h", "--help"):
        width = max(map(len, known))
        print("Usage: python -m benchmarks NAME [ARGS]; NAME --help says what ARGS are\n")
        print("\n".join(f"  {program:<{width}}  {line}" for program, line in known.items()))
        return 0
    name = name.removesuffix(".py")
    if name not in known:
        print(f"There is no benchmark {name!r}; python -m benchmarks lists them", file=sys.stderr)
        return 2
    # Some take the tests' fake network.
    path = os.pathsep.join(filter(None, (str(FOLDER.parent), os.environ.get("PYTHONPATH"))))
    command = [sys.executable, str(FOLDER / f"{name}.py"), *arguments]
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
