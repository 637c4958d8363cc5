"""What is installed, and which way imports point."""

import ast
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parent.parent
PACKAGES = ("common", "embeddings", "index", "query", "scripts")  # lowest first
if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text("utf-8"))


def sources(package):
    return sorted((REPOSITORY / package).rglob("*.py"))


@pytest.mark.parametrize("package", ["common", "embeddings", "index", "query"])
def test_importing_a_package_does_not_load_torch(package):
    program = f"import sys, nearframe.{package}; print('torch' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert result.stdout == "False\n"


@pytest.mark.parametrize("package", PACKAGES)
def test_static_tools_find_the_package(package):
    link = REPOSITORY / ".typing" / "nearframe" / package
    assert link.is_symlink()
    assert not link.readlink().is_absolute()
    assert link.resolve() == REPOSITORY / package


@pytest.mark.parametrize("package", PACKAGES)
def test_the_package_is_typed(package):
    assert (REPOSITORY / package / "py.typed").is_file()


def test_every_package_is_named_in_the_project():
    folders = {
        path.parent.relative_to(REPOSITORY)
        for package in PACKAGES
        for path in (REPOSITORY / package).rglob("__init__.py")
    }
    expected = {f"nearframe.{'.'.join(folder.parts)}": folder.as_posix() for folder in folders}
    expected["nearframe"] = "nearframe"
    assert PROJECT["tool"]["setuptools"]["package-dir"] == expected
    assert sorted(PROJECT["tool"]["setuptools"]["packages"]) == sorted(expected)


@pytest.mark.parametrize("package", PACKAGES)
def test_all_is_what_the_package_gives(package):
    stub = REPOSITORY / package / "__init__.pyi"  # where names are loaded when they are used
    path = stub if stub.exists() else stub.with_suffix(".py")
    module = ast.parse(path.read_text("utf-8"))
    imports = {
        alias.asname or alias.name
        for node in module.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    listed = [
        ast.literal_eval(node.value)
        for node in module.body
        if isinstance(node, ast.Assign) and node.targets[0].id == "__all__"
    ]
    assert set(listed[0] if listed else []) == imports


def test_the_version_is_the_newest_in_the_changelog():
    changelog = REPOSITORY / "CHANGELOG.md"
    if not changelog.exists():
        pytest.skip("there is no CHANGELOG.md")
    versions = re.findall(r"^## \[?v?(\d+\.\d+\S*?)\]?(?:\s|$)", changelog.read_text("utf-8"), re.M)
    assert versions[0] == PROJECT["project"]["version"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build a wheel; return the names of all its files, and its entry points.

    From a copy of what git knows, so that nothing is left in the tree.
    """
    if not (REPOSITORY / ".git").exists():
        pytest.skip("needs the git repository, to tell which files belong to the project")
    copy, output = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (REPOSITORY / name).exists():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(REPOSITORY / name, copy / name, follow_symlinks=False)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index",
         "--wheel-dir", output, copy],
        check=True,
        capture_output=True,
    )  # fmt: skip
    (path,) = output.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return archive.namelist(), archive.read(
            next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
        ).decode()


@pytest.mark.slow
def test_the_wheel_holds_the_package_and_nothing_else(wheel):
    names, _ = wheel
    version = PROJECT["project"]["version"]
    tops = {name.split("/")[0] for name in names}
    assert tops == {"nearframe", f"nearframe-{version}.dist-info"}
    front_door = {path.name for path in (REPOSITORY / "nearframe").iterdir() if path.is_file()}
    assert {name.split("/")[1] for name in names if name.startswith("nearframe/")} == {
        *PACKAGES,
        *front_door,
    }


@pytest.mark.slow
def test_the_wheel_holds_every_module_page_and_marker(wheel):
    names, _ = wheel
    expected = {
        f"nearframe/{path.relative_to(REPOSITORY).as_posix()}"
        for package in PACKAGES
        for path in [
            *sources(package),
            *(REPOSITORY / package).rglob("templates/*"),
            REPOSITORY / package / "py.typed",
        ]
    }
    assert expected <= set(names)


@pytest.mark.slow
def test_the_wheel_holds_the_built_in_weights_and_their_card(wheel):
    names, _ = wheel
    folder = "nearframe/embeddings/weights"
    assert {f"{folder}/builtin.safetensors", f"{folder}/builtin.md"} <= set(names)


@pytest.mark.slow
def test_the_wheel_holds_no_tests_and_no_data(wheel):
    names, _ = wheel
    folders = {part for name in names for part in Path(name).parts[:-1]}
    assert not folders & {"tests", "benchmarks", "data", "docs", "__pycache__"}
    assert not [name for name in names if name.endswith((".mp4", ".png", ".jpg", ".pyc"))]


@pytest.mark.slow
def test_the_wheel_has_the_programs(wheel):
    _, entry_points = wheel
    for name, target in PROJECT["project"]["scripts"].items():
        assert f"{name} = {target}" in entry_points
