import sqlite3
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from nearframe.embeddings import DIMENSION, vector_cache
from nearframe.embeddings.vector_cache import Embedded, VectorCache

LIMIT = 2 << 20


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "vectors.sqlite"


def key(number):
    return number.to_bytes(32, "big")


def embedded(number):
    draws = np.random.default_rng(number)
    return Embedded(
        draws.standard_normal(DIMENSION).astype(np.float32),
        draws.integers(0, 65536, (32, 32)).astype(np.uint16),
    )


def fill(path, numbers, **options):
    cache = VectorCache(path, **options)
    for number in numbers:
        cache.add(key(number), embedded(number))
    cache.close()


def known(path, numbers, **options):
    """Say which of some numbers are known, as they were added."""
    cache = VectorCache(path, **options)
    found = {number: cache.get(key(number)) for number in numbers}
    cache.close()
    for number, each in found.items():
        if each is not None:
            np.testing.assert_array_equal(each.vector, embedded(number).vector)
            np.testing.assert_array_equal(each.thumbnail, embedded(number).thumbnail)
    return [number for number, each in found.items() if each is not None]


def size(path):
    return sum(file.stat().st_size for file in path.parent.iterdir())


def test_gives_back_what_was_added_in_another_run(path):
    fill(path, range(3))
    assert known(path, range(5)) == [0, 1, 2]


def test_keeps_what_was_added_before_a_run_was_cut_off(path, monkeypatch):
    monkeypatch.setattr(vector_cache, "_AT_ONCE", 2)
    cache = VectorCache(path)
    for number in range(5):
        cache.add(key(number), embedded(number))
    assert known(path, range(5)) == [0, 1, 2, 3]


def test_never_grows_beyond_its_limit_and_gives_up_what_was_used_longest_ago(path):
    per_run = 40
    for run in range(8):
        fill(path, range(per_run * run, per_run * (run + 1)), limit=LIMIT)
        assert known(path, range(5), limit=LIMIT) == [0, 1, 2, 3, 4], "used in every run"
        assert size(path) <= LIMIT
    last = range(per_run * 7, per_run * 8)
    assert known(path, last, limit=LIMIT) == list(last)
    assert known(path, range(5, per_run), limit=LIMIT) == []


def test_a_run_does_not_push_out_what_it_used_itself(path):
    fill(path, range(1000), limit=LIMIT)
    first = known(path, range(1000), limit=LIMIT)
    assert len(first) > 100
    # A second run over the same folder, which is larger than the cache, finds as much as before.
    cache = VectorCache(path, limit=LIMIT)
    for number in range(1000):
        if cache.get(key(number)) is None:
            cache.add(key(number), embedded(number))
    cache.close()
    assert set(first) <= set(known(path, range(1000), limit=LIMIT))
    assert size(path) <= LIMIT


@pytest.mark.parametrize("limit", [0, 1, 1 << 16])
def test_where_nothing_has_room_nothing_is_kept(path, limit):
    fill(path, range(3), limit=limit)
    assert known(path, range(3), limit=limit) == []


@pytest.mark.parametrize("content", [b"no database", b"", b"SQLite format 3\0" + b"x" * 70_000])
def test_a_file_that_is_damaged_is_made_anew(path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    path.with_name(f"{path.name}-journal").write_bytes(content)
    known(path, range(3))
    fill(path, range(3))
    assert known(path, range(3)) == [0, 1, 2]


def test_bytes_that_changed_on_the_disk_count_as_missing(path):
    fill(path, range(3))
    content = path.read_bytes()
    middle = content.index(embedded(1).vector.tobytes()) + 100
    path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    assert known(path, range(3)) == [0, 2]
    fill(path, [1])
    assert known(path, range(3)) == [0, 1, 2]


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_file_that_was_cut_off_is_no_error(path, share):
    fill(path, range(50))
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    for _ in range(3):
        known(path, range(50))
        fill(path, range(50))
    assert known(path, range(50)) == list(range(50))


def test_a_file_that_cannot_be_written_is_still_read(path, monkeypatch):
    fill(path, range(3))

    def read_only(_):
        return sqlite3.connect(f"file:{path}?mode=ro", uri=True, check_same_thread=False)

    monkeypatch.setattr(VectorCache, "_connected", read_only)
    cache = VectorCache(path)
    for number in range(3, 1000):
        cache.add(key(number), embedded(number))
    assert cache.get(key(1)) is not None
    cache.close()
    monkeypatch.undo()
    assert known(path, range(5)) == [0, 1, 2]


def test_a_full_disk_is_no_error(path, monkeypatch):
    fill(path, range(3))
    connected = VectorCache._connected

    def full(self):
        database = connected(self)
        database.execute("PRAGMA max_page_count = 1")  # SQLite says the disk is full
        return database

    monkeypatch.setattr(VectorCache, "_connected", full)
    fill(path, range(3, 600))
    assert known(path, range(3)) == [0, 1, 2]
    monkeypatch.undo()
    assert known(path, range(3)) == [0, 1, 2]


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    path = tmp_path / "file" / "vectors.sqlite"
    fill(path, range(3))
    assert known(path, range(3)) == []


def test_a_file_that_another_process_holds_is_no_error(path, monkeypatch):
    monkeypatch.setattr(vector_cache, "_PATIENCE_S", 0.01)
    fill(path, range(3))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    fill(path, range(3, 6))
    assert known(path, range(6)) == []
    other.close()
    assert known(path, range(6)) == [0, 1, 2]


def test_threads_share_it(path):
    cache = VectorCache(path)
    threads = [
        threading.Thread(
            target=lambda part=part: [
                (cache.get(key(n)), cache.add(key(n), embedded(n))) for n in part
            ]
        )
        for part in (range(300), range(100, 400), range(200, 500))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cache.close()
    assert known(path, range(500)) == list(range(500))


PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from nearframe.embeddings.vector_cache import Embedded, VectorCache
first, path = int(sys.argv[1]), Path(sys.argv[2])
cache = VectorCache(path)
for n in range(first, first + 600):
    draws = np.random.default_rng(n)
    vector = draws.standard_normal(2048).astype(np.float32)
    small = draws.integers(0, 65536, (32, 32)).astype(np.uint16)
    cache.add(n.to_bytes(32, "big"), Embedded(vector, small))
cache.close()
"""


def test_processes_share_it(path):
    processes = [
        subprocess.Popen([sys.executable, "-c", PROGRAM, str(first), str(path)])
        for first in (0, 300)
    ]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert known(path, range(900)) == list(range(900))


def test_a_use_is_noted_without_writing_the_contents_again(path):
    fill(path, range(300))
    before = time.time()
    known(path, range(300))
    database = sqlite3.connect(path)
    assert database.execute("SELECT count(*) FROM contents").fetchone() == (300,)
    assert database.execute("SELECT min(used) FROM entries").fetchone()[0] >= before
    database.close()
