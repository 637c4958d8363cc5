"""What a plan put below its own folder is no source of the next run over it."""

import json

import pytest

from nearframe.embeddings.sources import ImageSequence, list_folder
from nearframe.embeddings.sources.moved import MOVED_LIST
from nearframe.index import FrameIndex, build_index
from nearframe.query import DedupOptions, apply_plan, plan_dedup, undo

ACTIONS = ["move", "copy-unique", "hardlink"]


@pytest.fixture
def folder(make_folder):
    return make_folder([1, 1, 2, 2, 3])


@pytest.fixture
def plan(folder, fake_embedder):
    def make(place=folder):
        return plan_dedup(
            place, DedupOptions(threshold=0.9999, recursive=True), embedder=fake_embedder
        )

    return make


@pytest.fixture
def apply(plan, folder, tmp_path):
    def apply(action, to="repeats", journal="x.jsonl"):
        return apply_plan(plan(), action=action, to=folder / to, journal=tmp_path / journal)

    return apply


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("to", ["repeats", "deep/er/repeats"])
def test_a_second_plan_does_not_find_it(apply, plan, folder, action, to):
    first = plan()
    assert apply(action, to).done
    second = plan()
    still_there = first.kept if action == "move" else (*first.kept, *first.dropped)
    assert {file.file for file in (*second.kept, *second.dropped)} == {
        file.file for file in still_there
    }


@pytest.mark.parametrize("action", ACTIONS)
def test_a_second_build_does_not_find_it(apply, folder, tmp_path, fake_embedder, action):
    output = tmp_path / "x.index"
    build_index([folder], output, embedder=fake_embedder, recursive=True)
    assert apply(action).done
    build_index([folder], output, embedder=fake_embedder, recursive=True, prune=True)
    with FrameIndex.open(output) as index:
        sources = {frame.ref.source for frame in index.catalog.frames()}
    assert sources == {str(path) for path in folder.glob("*.png")}


def test_neither_does_a_run_over_a_folder_above(apply, folder, tmp_path):
    apply("move")
    found = ImageSequence.of_folder(tmp_path, recursive=True)
    assert {file.path for file in found.files} == {str(path) for path in folder.glob("*.png")}
    assert found.left_out.moved == 2


def test_the_folder_that_received_it_is_one_like_any_other(apply, folder):
    apply("move")
    assert len(ImageSequence.of_folder(folder / "repeats").files) == 2


def test_what_else_is_there_counts(apply, folder, picture):
    apply("move")
    picture(9).save(folder / "repeats" / "own.png")
    found = ImageSequence.of_folder(folder, recursive=True)
    assert str(folder / "repeats" / "own.png") in {file.path for file in found.files}
    # Another file of the same name is another file.
    picture(10, (200, 100)).save(folder / "repeats" / "000002.png")
    found = ImageSequence.of_folder(folder, recursive=True)
    assert str(folder / "repeats" / "000002.png") in {file.path for file in found.files}


def test_its_sub_folder_is_not_offered(apply, folder):
    apply("move")
    left_out = list_folder(str(folder), recursive=False).left_out
    assert not left_out
    assert left_out.files_in_folders() == 0


@pytest.mark.parametrize("action", ACTIONS)
def test_undo_leaves_nothing_of_it(apply, folder, tmp_path, snapshot, action):
    before = snapshot(folder)
    apply(action)
    assert (folder / MOVED_LIST).is_file()
    undo(tmp_path / "x.jsonl")
    assert snapshot(folder) == before
    assert sorted(path.name for path in folder.iterdir()) == sorted(before)


def test_undo_of_one_of_two_keeps_the_list_of_the_other(apply, folder, tmp_path):
    apply("move", "a", "a.jsonl")
    apply("copy-unique", "b", "b.jsonl")
    undo(tmp_path / "a.jsonl")
    listed = json.loads((folder / MOVED_LIST).read_text())["files"]
    assert set(listed) == {"b/000001.png", "b/000003.png", "b/000005.png"}


def test_a_target_elsewhere_leaves_no_list(apply, folder, tmp_path):
    apply("move", tmp_path / "elsewhere")
    assert not list(tmp_path.rglob(MOVED_LIST))


DEEP = "[" * 100_000
ENDLESS = '{"nearframe": "moved", "version": 1, "files": {"b/000001.png": 1e999}}'


def test_a_list_that_is_damaged_hides_nothing(apply, folder):
    apply("move")
    for content in (
        "",
        "[]",
        "{}",
        '{"nearframe": "moved", "version": 1, "files": [1]}',
        "\0",
        DEEP,
        ENDLESS,
    ):
        (folder / MOVED_LIST).write_text(content)
        assert len(ImageSequence.of_folder(folder, recursive=True).files) == 5


def test_a_folder_reached_by_a_link_has_the_list_too(folder, tmp_path, fake_embedder):
    (tmp_path / "link").symlink_to(folder)
    options = DedupOptions(threshold=0.9999, recursive=True)
    plan = plan_dedup(tmp_path / "link", options, embedder=fake_embedder)
    apply_plan(plan, action="move", to=folder / "repeats", journal=tmp_path / "x.jsonl")
    for place in (folder, tmp_path / "link"):
        assert len(ImageSequence.of_folder(place, recursive=True).files) == 3


def test_the_command_says_what_it_left_out(run, folder):
    run("dedup", "frames", "--recursive", "--apply", "move", "--to", "frames/repeats")
    result = run("dedup", "frames", "--recursive")
    assert "Would drop 0 of 3 frames" in result.stdout
    assert "Left out of frames: 2 files put there by dedup\n" in result.stderr
