import json
import os
import threading
import time

import pytest

from nearframe.embeddings.backbone import cache, networks, old_networks
from nearframe.embeddings.backbone.cache import Entry, cached
from nearframe.embeddings.backbone.old_networks import is_earlier, remove_old

KEY = {
    "recipe": 5,
    "weights": "ab",
    "versions": {"numpy": "2.2.0", "onnx": "1.17.0", "onnxruntime": "1.20.1"},
}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    folder = tmp_path / "networks"
    monkeypatch.setattr(cache, "folder", lambda: folder)
    return folder


def key(weights="ab", recipe=5, **versions):
    return {"recipe": recipe, "weights": weights, "versions": {**KEY["versions"], **versions}}


def put(key, size=100):
    return cached(key, lambda: Entry({}, b"x" * size)).content


EARLIER = [
    {"recipe": 4},
    {"recipe": 1, "onnx": "9.9"},
    {"numpy": "1.26.4"},
    {"onnxruntime": "1.9.0"},
    {"onnxruntime": "1.20.0", "weights": "cd"},
    {"onnxruntime": "1.20"},
]
NOT_EARLIER = [
    {"weights": "cd"},
    {"recipe": 6},
    {"onnxruntime": "1.20.2"},
    {"onnxruntime": "1.100.0"},
    {"numpy": "1.26.4", "onnxruntime": "1.21.0"},  # of another installation
]


@pytest.mark.parametrize("changes", EARLIER)
def test_those_of_earlier_recipes_and_versions_leave_with_a_new_one(changes):
    old = put(key(**changes))
    new = put(KEY)
    assert (old.exists(), new.exists()) == (False, True)


@pytest.mark.parametrize("changes", NOT_EARLIER)
def test_others_stay(changes):
    other, new = put(key(**changes)), put(KEY)
    assert (other.exists(), new.exists()) == (True, True)


def test_nothing_leaves_where_nothing_is_written():
    new = put(KEY)
    old = put(key(recipe=4))
    put(KEY)
    assert (old.exists(), new.exists()) == (True, True)


def test_what_the_first_versions_wrote_leaves_too(folder):
    folder.mkdir()
    old = folder / f"{'0' * 64}.network"
    old.write_bytes(
        json.dumps({"key": key(recipe=1), "facts": {}}).encode() + b"\n" + b"x" * 200_000
    )
    put(KEY)
    assert not old.exists()


@pytest.mark.parametrize(
    "name",
    ["notes.txt", "mine.network", f"{'0' * 63}.network", f"{'0' * 64}.onnx", f"{'g' * 64}.network"],
)
def test_files_of_other_names_are_left_alone(folder, name):
    content = b"x\n" + json.dumps({"key": key(recipe=1)}).encode()
    folder.mkdir()
    (folder / name).write_bytes(content)
    put(KEY)
    remove_old(put(key("cd")), KEY, limit=0)
    assert (folder / name).read_bytes() == content


def test_links_and_folders_are_left_alone(folder, tmp_path):
    folder.mkdir()
    (folder / f"{'1' * 64}.network").mkdir()
    target = tmp_path / "target"
    target.write_bytes(b"x\n" + json.dumps({"key": key(recipe=1)}).encode())
    (folder / f"{'2' * 64}.network").symlink_to(target)
    put(KEY)
    assert len(list(folder.iterdir())) == 3
    assert target.exists()


def test_what_processes_that_died_left_goes_after_a_day(folder):
    folder.mkdir()
    dead, living = folder / f"{'1' * 64}abc_12.partial", folder / f"{'2' * 64}abc_12.partial"
    for path in (dead, living):
        path.write_bytes(b"x")
    os.utime(dead, (time.time() - 100_000,) * 2)
    put(KEY)
    assert (dead.exists(), living.exists()) == (False, True)


def test_all_together_stay_below_a_limit_and_those_used_longest_ago_go(monkeypatch):
    monkeypatch.setattr(cache, "remove_old", lambda path, key: remove_old(path, key, limit=4000))
    paths = {}
    for age, name in enumerate(["a", "b", "c"]):
        paths[name] = put(key(name), size=1000)
        os.utime(paths[name], (1000 + age,) * 2)
    put(key("a"))  # is used again
    new = put(key("d"), size=1000)
    assert [name for name, path in paths.items() if path.exists()] == ["a", "c"]
    assert new.exists()


def test_a_network_larger_than_the_limit_stays(monkeypatch):
    monkeypatch.setattr(cache, "remove_old", lambda path, key: remove_old(path, key, limit=10))
    old, new = put(key("a")), put(key("b"))
    assert (old.exists(), new.exists()) == (False, True)


def test_a_damaged_file_of_ours_counts_for_the_limit_only(folder):
    folder.mkdir()
    damaged = folder / f"{'3' * 64}.network"
    damaged.write_bytes(b"\xff" * 1000)
    new = put(KEY)
    assert damaged.exists()
    remove_old(new, KEY, limit=500)
    assert (damaged.exists(), new.exists()) == (False, True)


@pytest.mark.parametrize(
    "broken", [{}, {"recipe": "x"}, {"recipe": 5}, {"recipe": 5, "versions": 3}]
)
def test_a_key_that_says_too_little_is_not_earlier(broken):
    assert not is_earlier(broken, KEY)


def test_several_at_once_remove_the_old_and_keep_the_new():
    old = [put(key(f"{number}", recipe=4)) for number in range(20)]
    start, new = threading.Barrier(8), []

    def write(number):
        start.wait()
        new.append(put(key(f"{number}")))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not any(path.exists() for path in old)
    assert len(new) == 8
    assert all(path.exists() for path in new)


def test_a_network_that_was_removed_before_it_is_opened_is_made_again(monkeypatch):
    opened = []

    def removed_meanwhile(content, **_):
        opened.append(content)
        if len(opened) == 1:
            content.unlink()
            raise RuntimeError("File doesn't exist")
        return "network"

    monkeypatch.setattr(networks, "_opened", removed_meanwhile)
    network, _ = networks._network(KEY, lambda: Entry({}, b"content"))
    assert (network, opened[1]) == ("network", b"content")


def test_another_error_is_not_hidden(monkeypatch):
    def refuse(*_, **__):
        raise RuntimeError("no such operator")

    monkeypatch.setattr(networks, "_opened", refuse)
    with pytest.raises(RuntimeError, match="no such operator"):
        networks._network(KEY, lambda: Entry({}, b"content"))


def test_the_names_are_those_that_the_cache_gives():
    assert old_networks._NAME.fullmatch(put(KEY).name)
