import os
import shutil
import time
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from nearframe.embeddings import Embedder, Preprocessing, embedder, known_files
from nearframe.embeddings.sources import open_source
from nearframe.query import COPY_EDITS, DedupOptions, calibrate, plan_dedup

LIGHT = {"mirror": COPY_EDITS["mirror"]}


@pytest.fixture
def computed(fake_network, monkeypatch, tmp_path):
    """How many pictures each call of the network was given; a network whose vectors are kept."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    load, calls = embedder.load_backbone, []

    class Network:
        at_once = 1

        def __init__(self, identity, network):
            self.identity, self._network = identity, network

        def __call__(self, pixels):
            calls.append(len(pixels))
            return self._network(pixels)

    def load_kept(weights, preprocessing, **options):
        fingerprint, network = load(weights, preprocessing, **options)
        return fingerprint, Network(weights, network)

    monkeypatch.setattr(embedder, "load_backbone", load_kept)
    return calls


@pytest.fixture
def folder(make_folder):
    folder = make_folder(20)
    settle()
    return folder


def settle():
    """What was written this moment is not kept: it may change while it is read."""
    time.sleep(0.08)


def embed(folder, **options):
    found = {}
    source = open_source(folder) if isinstance(folder, os.PathLike) else folder
    for batch in Embedder(**options).embed_source(source, reuse=True):
        for frame, vector, small in zip(batch.frames, batch.vectors, batch.thumbnails, strict=True):
            found[frame] = (vector.tobytes(), small.tobytes())
    return found


def test_a_folder_is_embedded_once(folder, computed):
    first = embed(folder)
    assert sum(computed) == 20
    assert embed(folder) == first
    assert sum(computed) == 20


def test_only_with_reuse(folder, computed):
    for _ in range(2):
        assert sum(len(batch.frames) for batch in Embedder().embed_source(folder)) == 20
    assert sum(computed) == 40
    assert not (known_files.folder()).exists()


def test_what_is_new_or_changed_is_embedded_among_the_others(folder, computed, picture):
    embed(folder)
    picture(50).save(folder / "000007.png")
    picture(51).save(folder / "000007 b.png")
    settle()
    del computed[:]
    found = embed(folder)
    assert sum(computed) == 2
    expected = {}
    for batch in Embedder().embed_source(folder):
        expected.update(zip(batch.frames, batch.vectors, strict=True))
    assert list(found) == list(expected)
    for frame, (vector, _) in found.items():
        # Other frames in a batch move the last digit.
        np.testing.assert_allclose(np.frombuffer(vector, np.float32), expected[frame], atol=1e-6)


def test_the_content_counts_and_not_name_place_or_time(folder, computed, tmp_path):
    embed(folder)
    shutil.copytree(folder, tmp_path / "copy", copy_function=shutil.copyfile)
    (tmp_path / "copy" / "000001.png").rename(tmp_path / "copy" / "z.PNG")
    settle()
    embed(tmp_path / "copy")
    assert sum(computed) == 20


def test_another_content_of_equal_size_and_time_is_another_picture(folder, computed, picture):
    embed(folder)
    path = folder / "000003.png"
    before = path.stat()
    picture(3).save(path, compress_level=0)
    content = bytearray(path.read_bytes())
    path.write_bytes(content.ljust(before.st_size, b"\0")[: max(before.st_size, len(content))])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    settle()
    embed(folder)
    assert sum(computed) == 21


@pytest.mark.parametrize(
    "options",
    [
        {"weights": "random"},
        {"preprocessing": Preprocessing(size=128, fit="crop")},
        {"preprocessing": Preprocessing(size=128, decoding="exact")},
        {"preprocessing": Preprocessing(size=112)},
    ],
)
def test_another_network_or_preprocessing_knows_nothing_of_it(folder, computed, options):
    embed(folder)
    del computed[:]
    other = embed(folder, **options)
    assert sum(computed) == 20
    assert embed(folder, **options) == other
    assert sum(computed) == 20


def test_a_newer_decoder_knows_nothing_of_it(folder, computed, monkeypatch):
    embed(folder)
    monkeypatch.setattr(known_files, "_versions", lambda: {"pillow": "999"})
    embed(folder)
    assert sum(computed) == 40


def test_a_network_of_unknown_identity_is_always_asked(folder, computed, monkeypatch):
    load = embedder.load_backbone

    def load_nameless(*arguments, **options):
        fingerprint, network = load(*arguments, **options)
        network.identity = ""
        return fingerprint, network

    monkeypatch.setattr(embedder, "load_backbone", load_nameless)
    embed(folder)
    embed(folder)
    assert sum(computed) == 40


def test_with_skip_still_nothing_is_kept(folder, computed):
    assert embed(folder, skip_still=True) == embed(folder, skip_still=True)
    assert not known_files.folder().exists()


def test_what_does_not_decode_is_said_each_time(folder, computed):
    (folder / "000004.png").write_bytes((folder / "000004.png").read_bytes()[:200])
    (folder / "000005.png").write_text("no image")
    (folder / "000006.png").unlink()
    os.mkfifo(folder / "000006.png")
    settle()
    for _ in range(2):
        batches = list(Embedder().embed_source(folder, reuse=True))
        unreadable = [entry.number for batch in batches for entry in batch.unreadable]
        assert unreadable == [3, 4, 5]
        assert sum(len(batch.frames) for batch in batches) == 17
    assert sum(computed) == 17


def test_a_file_that_is_replaced_while_it_is_read_is_not_kept(folder, computed, picture):
    class Replaced:
        path, kind, frame_count = str(folder), "folder", 1

        def decoders(self):
            def decode():
                frame = open_source(folder / "000001.png").files[0].decode()
                picture(77).save(folder / "000001.png")
                return frame

            yield decode

    embed(Replaced())
    settle()
    found = embed(open_source(folder / "000001.png"))
    assert sum(computed) == 2
    (vector,) = Embedder().embed([picture(77)])
    ((kept, _),) = found.values()
    assert kept == vector.tobytes()


def test_a_cache_that_cannot_be_written_changes_nothing(folder, computed, tmp_path):
    (tmp_path / "cache").write_text("a file is in the way")
    assert embed(folder) == embed(folder)
    assert sum(computed) == 40


@pytest.mark.parametrize(
    "options",
    [
        DedupOptions(threshold=0.9),
        DedupOptions(threshold=0.9, keep="sharpest"),
        DedupOptions(threshold=0.9, method="hybrid"),
    ],
)
def test_plans_are_equal_with_and_without(make_folder, picture, computed, tmp_path, options):
    folder = make_folder([0, 1, 0, 2, 3])
    picture(2, (640, 480)).save(folder / "000003 copy.jpg", quality=70)
    Image.new("RGB", (96, 64), "black").save(folder / "black.png")
    Image.new("RGB", (96, 64), (1, 1, 1)).save(folder / "nearly black.png")
    settle()
    plans = [plan_dedup(folder, options) for _ in range(3)]
    shutil.rmtree(tmp_path / "cache")
    plans.append(plan_dedup(folder, options))
    assert len({str(replace(plan, created="")) for plan in plans}) == 1
    assert sum(computed) == 16


def test_full_and_reduced_decoding_are_not_mixed(make_folder, picture, computed):
    # A large JPEG that is only embedded is decoded at a fraction of its size.
    folder = make_folder([])
    for seed in range(3):
        picture(seed, (1600, 1200)).save(folder / f"{seed}.jpg", quality=50)
    settle()
    alone = plan_dedup(folder, DedupOptions(method="hybrid", threshold=0.9))
    plan_dedup(folder, DedupOptions(method="embedding", threshold=0.9))
    assert sum(computed) == 6
    again = plan_dedup(folder, DedupOptions(method="hybrid", threshold=0.9))
    assert sum(computed) == 6
    assert replace(alone, created=again.created) == again


def test_calibrate_does_not_take_copies_for_their_originals(folder, computed):
    first, second = (
        calibrate(folder, rate=0.1, embedder=Embedder(), edits=LIGHT, frames=5) for _ in range(2)
    )
    assert first.found == second.found
    assert first.found["mirror"] < 1
    assert sum(computed) == 20 + 5 + 5


def test_vectors_are_those_of_embed(folder, computed):
    embed(folder)
    kept = np.stack([np.frombuffer(vector, np.float32) for vector, _ in embed(folder).values()])
    np.testing.assert_allclose(kept, Embedder().embed(sorted(folder.iterdir())), atol=1e-6)
