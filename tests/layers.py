"""Check which way imports point, as `pyproject.toml` says: ``python tests/layers.py``.

import-linter reads a package as one folder; the folders of this one stand at the top of the
repository, so they are put together in a temporary one first.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

REPOSITORY = Path(__file__).parent.parent
LINT = "from importlinter.cli import lint_imports_command as lint; lint()"


def main() -> int:
    """Run import-linter on all packages; return its exit code."""
    with tempfile.TemporaryDirectory() as folder:
        ignored = shutil.ignore_patterns("*.safetensors", "__pycache__")
        shutil.copytree(REPOSITORY / ".typing/nearframe", Path(folder, "nearframe"), ignore=ignored)
        Path(folder, "nearframe/__init__.py").touch()
        shutil.copy(REPOSITORY / "pyproject.toml", folder)
        return subprocess.run(
            [sys.executable, "-c", LINT, "--no-cache"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": folder},
            check=False,
        ).returncode


if __name__ == "__main__":
    sys.exit(main())
