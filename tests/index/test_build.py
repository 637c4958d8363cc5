import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nearframe.common import FingerprintMismatchError, NearframeError, SourceError
from nearframe.embeddings import Embedder, FrameRef, Preprocessing
from nearframe.embeddings.sources import Sampling
from nearframe.index import FrameIndex, FrameIndexError, build_index, open_index, verify

pytestmark = pytest.mark.usefixtures("fake_network")


@pytest.fixture
def index(tmp_path):
    return tmp_path / "my.index"


def frames_of(path):
    with FrameIndex.open(path) as index:
        return [
            (Path(frame.ref.source).name, frame.ref.number)
            for block in index.blocks()
            for frame in block.frames
        ]


def no_embedder(_):
    raise AssertionError("the network is loaded")


class TestSources:
    def test_a_folder(self, make_folder, index, contents, fake_embedder):
        folder = make_folder(5)
        report = build_index([folder], index)
        assert frames_of(index) == [(f"{n + 1:06d}.png", n) for n in range(5)]
        vectors = fake_embedder.embed(sorted(folder.iterdir()))
        stored = [np.frombuffer(vector, np.float32) for vector in contents(index).values()]
        np.testing.assert_allclose(stored, vectors, atol=1e-6)
        assert (report.embedded, report.unchanged, report.total) == (5, 0, 5)
        assert [(s.path, s.kind, s.embedded) for s in report.sources] == [
            (str(folder), "folder", 5)
        ]

    def test_an_animation_alone_is_a_video_and_in_a_folder_an_image(self, make_folder, index):
        folder = make_folder(3)
        pictures = [Image.open(path).convert("P") for path in sorted(folder.iterdir())]
        path = folder / "moving.gif"
        pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=100)
        (source,) = build_index([path], index).sources
        assert (source.kind, source.embedded) == ("video", 3)
        with FrameIndex.open(index) as opened:
            refs = [frame.ref for block in opened.blocks() for frame in block.frames]
        assert [(ref.number, ref.time_s) for ref in refs] == [(0, 0.0), (1, 0.1), (2, 0.2)]
        assert build_index([path], index).embedded == 0
        build_index([folder], index)
        assert frames_of(index)[-1] == ("moving.gif", 3)
        assert len(frames_of(index)) == 4

    def test_a_single_image(self, make_folder, index, contents):
        image = make_folder(3) / "000002.png"
        report = build_index([image], index)
        assert list(contents(index)) == [FrameRef(str(image), 0, None)]
        assert [(s.path, s.kind) for s in report.sources] == [(str(image), "image")]

    def test_a_video(self, sample_video, index, contents):
        report = build_index([sample_video], index)
        refs = list(contents(index))
        assert [ref.number for ref in refs] == list(range(300))
        assert [ref.time_s for ref in refs] == pytest.approx([n / 30 for n in range(300)])
        assert {ref.source for ref in refs} == {str(sample_video)}
        assert [(s.kind, s.embedded) for s in report.sources] == [("video", 300)]

    def test_a_sampled_video_keeps_the_numbers_of_the_stream(self, sample_video, index):
        build_index([sample_video], index, sampling=Sampling(every=100))
        assert frames_of(index) == [("yard.mp4", n) for n in (0, 100, 200)]

    def test_several_inputs_come_in_their_order(self, make_folder, sample_video, index):
        b, a = make_folder(2, name="b"), make_folder([7, 8], name="a")
        build_index([b, sample_video, a], index, sampling=Sampling(every=200))
        with FrameIndex.open(index) as opened:
            assert [(s.path, s.kind, s.frames) for s in opened.sources()] == [
                (str(b), "folder", 2),
                (str(sample_video), "video", 2),
                (str(a), "folder", 2),
            ]
        assert [name for name, _ in frames_of(index)] == [
            *("000001.png", "000002.png", "yard.mp4", "yard.mp4", "000001.png", "000002.png")
        ]

    def test_a_folder_with_images_and_a_video(self, make_folder, sample_video, index):
        folder = make_folder(2)
        shutil.copy(sample_video, folder / "film.mp4")
        report = build_index([folder], index, sampling=Sampling(every=100))
        assert [(s.kind, s.embedded) for s in report.sources] == [("folder", 2), ("video", 3)]
        assert frames_of(index) == [
            *[("000001.png", 0), ("000002.png", 1)],
            *[("film.mp4", 0), ("film.mp4", 100), ("film.mp4", 200)],
        ]

    def test_sub_folders_only_when_asked_for(self, make_folder, index):
        folder = make_folder(2)
        make_folder(3, name="frames/deep")
        build_index([folder], index)
        assert len(frames_of(index)) == 2
        build_index([folder], index, recursive=True)
        assert len(frames_of(index)) == 5

    def test_a_missing_input_is_an_error_and_makes_nothing(self, make_folder, index, tmp_path):
        with pytest.raises(SourceError, match=r"nothing\.png: no such file"):
            build_index([make_folder(2), tmp_path / "nothing.png"], index)
        assert not index.exists()

    def test_a_file_in_two_sources_is_one_frame_of_the_first(self, make_folder, index):
        folder = make_folder(4)
        report = build_index([folder, folder / "000003.png"], index)
        assert frames_of(index) == [(f"{n + 1:06d}.png", n) for n in range(4)]
        assert (report.embedded, report.total) == (4, 4)
        assert [source.embedded for source in report.sources] == [4, 0]

    def test_an_image_of_an_indexed_folder_keeps_its_number(self, make_folder, index):
        folder = make_folder(4)
        build_index([folder], index)
        build_index([folder / "000003.png"], index)
        assert frames_of(index) == [(f"{n + 1:06d}.png", n) for n in range(4)]

    def test_the_folder_of_an_indexed_image_numbers_it(self, make_folder, index):
        folder = make_folder(4)
        build_index([folder / "000003.png"], index)
        build_index([folder], index)
        assert frames_of(index) == [(f"{n + 1:06d}.png", n) for n in range(4)]

    def test_overlapping_folders_do_not_take_files_from_each_other_again_and_again(
        self, make_folder, index, snapshot
    ):
        folder = make_folder(2)
        deep = make_folder(3, name="frames/deep")
        build_index([folder, deep], index, recursive=True)
        before = snapshot(index)
        report = build_index([folder, deep], index, recursive=True)
        assert snapshot(index) == before
        assert (report.embedded, report.unchanged, report.total) == (0, 5, 5)

    def test_the_same_video_twice_is_read_once(self, sample_video, index, embedded):
        video = [sample_video, sample_video]
        report = build_index(video, index, sampling=Sampling(every=100))
        assert (len(embedded), report.total) == (3, 3)

    def test_relative_and_absolute_paths_are_the_same_file(
        self, make_folder, index, embedded, monkeypatch, tmp_path
    ):
        folder = make_folder(3)
        build_index([folder], index)
        embedded.clear()
        monkeypatch.chdir(tmp_path)
        build_index(["frames"], index)
        monkeypatch.chdir(folder)
        build_index(["."], index)
        build_index(["../frames/000002.png"], "../my.index")
        assert embedded == []
        assert len(frames_of(index)) == 3

    def test_the_index_may_stand_in_the_folder(self, make_folder, embedded):
        folder = make_folder(3)
        for _ in range(2):
            build_index([folder], folder / "index", recursive=True)
        assert len(frames_of(folder / "index")) == len(embedded) == 3

    def test_names_that_are_no_utf8_or_hold_a_newline(self, tmp_path, picture, index, embedded):
        folder = tmp_path / "odd"
        folder.mkdir()
        names = [b"a\nb.png", b"caf\xe9.png", b"%41 'q\" ;--.png"]
        for seed, name in enumerate(names):
            picture(seed).save(tmp_path / "x.png")
            (tmp_path / "x.png").rename(folder / os.fsdecode(name))
        build_index([folder], index)
        with FrameIndex.open(index) as opened:
            stored = {Path(frame.ref.source).name for frame in opened.catalog.frames()}
        assert stored == set(map(os.fsdecode, names))
        embedded.clear()
        build_index([folder], index)
        assert embedded == []


class TestAgain:
    def test_nothing_is_embedded_and_nothing_changes(self, make_folder, index, snapshot):
        folder = make_folder(5)
        build_index([folder], index)
        before = snapshot(index)
        report = build_index([folder], index, embedder=no_embedder)
        assert (report.embedded, report.unchanged, report.total) == (0, 5, 5)
        assert snapshot(index) == before

    def test_nothing_of_a_video_is_embedded(self, sample_video, index, snapshot):
        build_index([sample_video], index, sampling=Sampling(every=50))
        before = snapshot(index)
        report = build_index(
            [sample_video], index, sampling=Sampling(every=50), embedder=no_embedder
        )
        assert (report.embedded, report.unchanged, report.total) == (0, 6, 6)
        assert snapshot(index) == before

    def test_only_what_is_new_is_embedded(self, make_folder, index, picture, embedded):
        folder = make_folder(3)
        build_index([folder], index)
        embedded.clear()
        picture(9).save(folder / "000004.png")
        report = build_index([folder], index)
        assert embedded == ["000004.png"]
        assert (report.embedded, report.unchanged, report.total) == (1, 3, 4)

    def test_a_new_file_in_the_middle_moves_the_later_ones_up(
        self, make_folder, index, picture, embedded
    ):
        folder = make_folder(3)
        build_index([folder], index)
        embedded.clear()
        picture(9).save(folder / "000001b.png")
        build_index([folder], index)
        assert embedded == ["000001b.png"]
        assert frames_of(index) == [
            *[("000001.png", 0), ("000001b.png", 1), ("000002.png", 2), ("000003.png", 3)]
        ]

    def test_a_changed_file_is_embedded_again_and_its_old_vector_not_found(
        self, make_folder, index, picture, embedded, fake_embedder
    ):
        folder = make_folder(3)
        old = fake_embedder.embed([folder / "000002.png"])
        build_index([folder], index)
        embedded.clear()
        picture(9).save(folder / "000002.png")
        os.utime(folder / "000002.png", ns=(0, 10**18))
        report = build_index([folder], index)
        assert embedded == ["000002.png"]
        assert report.total == 3
        with FrameIndex.open(index) as opened:
            assert opened.nearest(old, 1)[0][0].similarity < 0.99
            new = fake_embedder.embed([folder / "000002.png"])
            assert opened.nearest(new, 1)[0][0].similarity == pytest.approx(1, abs=1e-6)

    def test_a_touched_but_equal_file_is_not_embedded(self, make_folder, index):
        folder = make_folder(3)
        build_index([folder], index)
        os.utime(folder / "000002.png", ns=(0, 10**18))
        report = build_index([folder], index, embedder=no_embedder)
        assert report.unchanged == 3

    def test_a_touched_file_is_hashed_only_once(self, make_folder, index, monkeypatch):
        folder = make_folder(3)
        build_index([folder], index)
        os.utime(folder / "000002.png", ns=(0, 10**18))
        build_index([folder], index)
        monkeypatch.setattr("nearframe.index.file_state.file_sha256", None)
        build_index([folder], index)

    def change_in_secret(self, path, content):
        """Change a file so that size and modification time stay."""
        status = path.stat()
        path.write_bytes(content[: status.st_size].ljust(status.st_size, b"\0"))
        os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    def test_rehash_finds_a_change_that_size_and_time_hide(
        self, make_folder, index, embedded, tmp_path, picture
    ):
        folder = make_folder(3)
        for seed, path in enumerate(sorted(folder.iterdir())):  # BMPs of one size all have one
            picture(seed).save(path.with_suffix(".bmp"))
            path.unlink()
        build_index([folder], index)
        picture(9).save(tmp_path / "other.bmp")
        self.change_in_secret(folder / "000002.bmp", (tmp_path / "other.bmp").read_bytes())
        embedded.clear()
        build_index([folder], index)
        assert embedded == []
        build_index([folder], index, rehash=True)
        assert embedded == ["000002.bmp"]
        build_index([folder], index, rehash=True, embedder=no_embedder)

    def test_rehash_finds_it_in_a_video_too(self, sample_video, index, embedded, tmp_path):
        video = tmp_path / "film.mp4"
        shutil.copy(sample_video, video)
        build_index([video], index, sampling=Sampling(every=100))
        embedded.clear()
        content = bytearray(video.read_bytes())
        content[-1] ^= 1  # in the index at the end; what decodes stays
        self.change_in_secret(video, bytes(content))
        report = build_index([video], index, sampling=Sampling(every=100), rehash=True)
        assert embedded == ["film.mp4"] * 3
        assert (report.embedded, report.unchanged, report.total) == (3, 0, 3)

    def test_rehash_does_not_trust_the_half_of_a_video(
        self, sample_video, index, embedded, tmp_path
    ):
        video, sampling = tmp_path / "film.mp4", Sampling(every=50)
        shutil.copy(sample_video, video)
        embedder = Embedder(batch_size=2)
        embed_source = embedder.embed_source

        def interrupted(source):
            yield next(embed_source(source))
            raise KeyboardInterrupt

        embedder.embed_source = interrupted
        with pytest.raises(KeyboardInterrupt):
            build_index([video], index, sampling=sampling, embedder=embedder)
        content = video.read_bytes()
        self.change_in_secret(video, content[:-1] + bytes([content[-1] ^ 1]))
        embedded.clear()
        report = build_index([video], index, sampling=sampling, rehash=True)
        assert len(embedded) == report.total == 6

    def test_another_sampling_embeds_a_video_again(self, sample_video, index):
        build_index([sample_video], index, sampling=Sampling(every=100))
        build_index([sample_video], index, sampling=Sampling(every=60))
        assert frames_of(index) == [("yard.mp4", n) for n in (0, 60, 120, 180, 240)]
        build_index([sample_video], index)
        assert len(frames_of(index)) == 300

    def test_a_changed_video_is_embedded_again(self, sample_video, index, tmp_path):
        video = tmp_path / "film.mp4"
        shutil.copy(sample_video, video)
        build_index([video], index, sampling=Sampling(every=100))
        with video.open("ab") as file:
            file.write(b"\0\0\0\x08free")
        report = build_index([video], index, sampling=Sampling(every=100))
        assert (report.embedded, report.unchanged, report.total) == (3, 0, 3)

    def test_a_file_that_changed_while_it_was_read_is_read_again(
        self, make_folder, index, picture, embedded, monkeypatch
    ):
        folder = make_folder(2)
        embed_source = Embedder.embed_source

        def change_meanwhile(self, source, **options):
            for batch in embed_source(self, source, **options):
                picture(9).save(folder / "000002.png")
                os.utime(folder / "000002.png", ns=(0, 10**18))
                yield batch

        with monkeypatch.context() as patch:
            patch.setattr(Embedder, "embed_source", change_meanwhile)
            build_index([folder], index)
        embedded.clear()
        build_index([folder], index)
        assert embedded == ["000002.png"]
        build_index([folder], index, embedder=no_embedder)


class TestGone:
    @pytest.fixture
    def folder(self, make_folder, index):
        folder = make_folder(4)
        build_index([folder], index)
        (folder / "000002.png").unlink()
        return folder

    def test_frames_stay_and_are_counted(self, folder, index):
        report = build_index([folder], index)
        assert (report.gone, report.pruned, report.total) == (1, False, 4)
        assert ("000002.png", 1) in frames_of(index)

    def test_prune_drops_them(self, folder, index):
        report = build_index([folder], index, prune=True)
        assert (report.gone, report.pruned, report.total) == (1, True, 3)
        assert frames_of(index) == [("000001.png", 0), ("000003.png", 1), ("000004.png", 2)]
        assert build_index([folder], index).gone == 0

    def test_all_frames_of_a_video_count(self, sample_video, make_folder, index, tmp_path):
        video = tmp_path / "film.mp4"
        shutil.copy(sample_video, video)
        folder = make_folder(2)
        build_index([folder, video], index, sampling=Sampling(every=50))
        video.unlink()
        assert build_index([folder], index).gone == 6

    def test_a_file_that_comes_back_is_not_embedded_again(self, folder, index, picture):
        report = build_index([folder], index)
        picture(1).save(folder / "000002.png")
        report = build_index([folder], index, embedder=no_embedder)
        assert (report.gone, report.total) == (0, 4)

    def test_a_folder_that_cannot_be_entered_is_not_gone(self, folder, index, monkeypatch):
        real = Path.stat

        def stat(self, **options):
            if self.name == "000001.png":
                raise PermissionError(13, "Permission denied")
            return real(self, **options)

        other = folder / "000003.png"
        monkeypatch.setattr(Path, "stat", stat)
        report = build_index([other], index, prune=True)
        assert (report.gone, report.total) == (1, 3)


class TestUnreadable:
    @pytest.fixture
    def folder(self, make_folder):
        folder = make_folder(4)
        (folder / "000002.png").write_bytes(b"no image at all")
        return folder

    def test_it_is_reported_each_time_and_never_in_the_index(self, folder, index):
        for _ in range(3):
            report = build_index([folder], index)
            assert [(Path(u.source).name, u.number) for u in report.unreadable] == [
                ("000002.png", 1)
            ]
            assert frames_of(index) == [("000001.png", 0), ("000003.png", 2), ("000004.png", 3)]

    def test_once_it_is_whole_it_is_embedded(self, folder, index, picture, embedded):
        build_index([folder], index)
        embedded.clear()
        picture(1).save(folder / "000002.png")
        assert build_index([folder], index).unreadable == []
        assert embedded == ["000002.png"]

    def test_a_file_that_broke_is_not_found_any_more(self, make_folder, index):
        folder = make_folder(3)
        build_index([folder], index)
        (folder / "000002.png").write_bytes(b"no image any more")
        for _ in range(2):
            report = build_index([folder], index)
            assert [Path(u.source).name for u in report.unreadable] == ["000002.png"]
            assert frames_of(index) == [("000001.png", 0), ("000003.png", 2)]

    def test_a_video_that_broke_is_not_found_any_more(self, sample_video, make_folder, index):
        folder = make_folder(2)
        shutil.copy(sample_video, folder / "film.mp4")
        build_index([folder], index, sampling=Sampling(every=100))
        (folder / "film.mp4").write_bytes(b"no film any more")
        report = build_index([folder], index, sampling=Sampling(every=100))
        assert [Path(u.source).name for u in report.unreadable] == ["film.mp4"]
        assert frames_of(index) == [("000001.png", 0), ("000002.png", 1)]

    def test_a_link_to_a_disk_that_is_away_keeps_its_frame(self, make_folder, index):
        folder = make_folder(2)
        away = make_folder([7], name="away")
        (folder / "link.png").symlink_to(away / "000001.png")
        build_index([folder], index)
        away.rename(away.with_name("unmounted"))
        report = build_index([folder], index)
        assert (report.gone, report.total) == (1, 3)
        assert [Path(u.source).name for u in report.unreadable] == ["link.png"]

    def test_a_broken_video_in_a_folder_hides_nothing(self, make_folder, index):
        folder = make_folder(2)
        (folder / "film.mp4").write_bytes(b"no film")
        report = build_index([folder], index)
        assert [Path(u.source).name for u in report.unreadable] == ["film.mp4"]
        assert report.total == 2

    def test_a_broken_video_among_several_inputs_stops_nothing(self, make_folder, index, tmp_path):
        broken = tmp_path / "film.mp4"
        broken.write_bytes(b"no film")
        report = build_index([broken, make_folder(2)], index)
        assert [u.source for u in report.unreadable] == [str(broken)]
        assert report.total == 2

    def test_a_video_that_breaks_during_the_build_stops_nothing(
        self, sample_video, make_folder, index, tmp_path, monkeypatch
    ):
        video = tmp_path / "film.mp4"
        shutil.copy(sample_video, video)
        resolve = Embedder.embed_source

        def vanish(self, source, **options):
            video.unlink(missing_ok=True)
            return resolve(self, source, **options)

        monkeypatch.setattr(Embedder, "embed_source", vanish)
        report = build_index([video, make_folder(2)], index)
        assert [u.source for u in report.unreadable] == [str(video)]
        assert report.total == 2

    def test_a_cut_video_is_reported_each_time_and_read_once(self, sample_video, index, tmp_path):
        video = tmp_path / "film.mkv"
        remux_cut(sample_video, video)
        first = build_index([video], index)
        second = build_index([video], index, embedder=no_embedder)
        assert 0 < first.total == second.total
        assert [u.source for u in first.unreadable] == [str(video)]
        assert second.unreadable == first.unreadable

    def test_a_sub_folder_that_cannot_be_entered_is_reported_each_time(
        self, make_folder, index, monkeypatch
    ):
        folder = make_folder(2)
        (folder / "locked").mkdir()
        listdir = os.listdir

        def refuse(path):
            if Path(path).name == "locked":
                raise PermissionError(13, "Permission denied")
            return listdir(path)

        monkeypatch.setattr(os, "listdir", refuse)
        for _ in range(2):
            report = build_index([folder], index, recursive=True)
            assert [Path(u.source).name for u in report.unreadable] == ["locked"]

    def test_when_nothing_is_readable_no_index_is_made(self, folder, index):
        for path in folder.iterdir():
            path.write_bytes(b"no image at all")
        report = build_index([folder], index)
        assert report.total == 0
        assert len(report.unreadable) == 4
        assert not index.exists()

    @pytest.mark.parametrize("suffix", [".json", ".faiss"])
    def test_when_nothing_is_readable_a_single_file_stays_as_it_was(
        self, folder, tmp_path, suffix, listing
    ):
        output = tmp_path / f"x{suffix}"
        build_index([folder], output)
        before = {path.name: path.read_bytes() for path in tmp_path.glob("x.*")}
        for path in folder.iterdir():
            path.write_bytes(b"no image at all")
        assert build_index([folder], output).total == 0
        assert {path.name: path.read_bytes() for path in tmp_path.glob("x.*")} == before
        assert listing(tmp_path) == sorted(["frames", *before])


def remux_cut(source, target):
    """Write the first half of a video as Matroska, which plays up to where it is cut."""
    import av

    with av.open(str(source)) as film, av.open(str(target), "w") as output:
        stream = output.add_stream_from_template(film.streams.video[0])
        for packet in film.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    os.truncate(target, target.stat().st_size // 2)


class TestFingerprint:
    def test_a_new_index_has_that_of_the_embedder(self, make_folder, index):
        build_index([make_folder(2)], index, embedder=Embedder("imagenet"))
        with FrameIndex.open(index) as opened:
            assert opened.fingerprint.weights == "imagenet"

    def test_an_index_goes_on_with_its_own(self, make_folder, index):
        folder = make_folder(2)
        embedder = Embedder("imagenet", preprocessing=Preprocessing(fit="crop"))
        build_index([folder], index, embedder=embedder)
        (folder / "000001.png").unlink()
        build_index([folder], index)
        with FrameIndex.open(index) as opened:
            assert opened.fingerprint == embedder.fingerprint

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            ({"weights": "imagenet"}, r"weights builtin .* but this run has weights imagenet"),
            (
                {"preprocessing": Preprocessing(fit="crop")},
                r"\d stretch, .* but this run has .*\d crop, .*; their cosines",
            ),
        ],
        ids=["weights", "fit"],
    )
    def test_another_is_refused_with_both_named(self, make_folder, index, snapshot, options, words):
        folder = make_folder(2)
        build_index([folder], index)
        before = snapshot(index)
        with pytest.raises(FingerprintMismatchError, match=words):
            build_index([folder], index, embedder=Embedder(**options))
        assert snapshot(index) == before

    def test_it_is_refused_also_when_a_function_makes_the_embedder(
        self, make_folder, index, picture
    ):
        folder = make_folder(2)
        build_index([folder], index)
        picture(9).save(folder / "000003.png")
        with pytest.raises(FingerprintMismatchError, match=r"my\.index has weights builtin"):
            build_index([folder], index, embedder=lambda _: Embedder("imagenet"))

    def test_the_same_weights_under_another_name_are_the_same(self, make_folder, index):
        embedder = Embedder()
        build_index([make_folder(2)], index, embedder=embedder)
        embedder.fingerprint = replace(embedder.fingerprint, weights="/copy/of/weights.pth")
        build_index([index.parent / "frames"], index, embedder=embedder)


class TestOutput:
    def test_a_file_is_refused_before_the_network_is_loaded(self, make_folder, tmp_path):
        (tmp_path / "notes").write_text("mine")
        with pytest.raises(FrameIndexError, match="notes is a file, but an index is a directory"):
            build_index([make_folder(2)], tmp_path / "notes", embedder=no_embedder)
        assert (tmp_path / "notes").read_text() == "mine"

    def test_a_directory_that_is_no_index_is_refused(self, make_folder, snapshot):
        folder = make_folder(2)
        before = snapshot(folder)
        with pytest.raises(FrameIndexError, match="frames exists and is not empty"):
            build_index([folder], folder, embedder=no_embedder)
        assert snapshot(folder) == before

    @pytest.mark.parametrize("name", ["x.json", "X.FAISS"])
    def test_a_single_file(self, make_folder, tmp_path, name, fake_embedder):
        folder = make_folder(3)
        report = build_index([folder], tmp_path / name)
        assert report.total == 3
        with open_index(tmp_path / name) as index:
            (row,) = index.nearest(fake_embedder.embed([folder / "000002.png"]), 1)
            assert row[0].frame == FrameRef(str(folder / "000002.png"), 1, None)
        assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]

    def test_a_single_file_is_written_anew(self, make_folder, tmp_path):
        build_index([make_folder(3, name="a")], tmp_path / "x.json")
        build_index([make_folder(2, name="b")], tmp_path / "x.json")
        frames = json.loads((tmp_path / "x.json").read_text())["frames"]
        assert [Path(frame["source"]).parent.name for frame in frames] == ["b", "b"]

    def test_a_single_file_holds_nothing_of_an_interrupted_run_with_other_inputs(
        self, make_folder, tmp_path
    ):
        a, b = make_folder(3, name="a"), make_folder(2, name="b")
        build_index([a], tmp_path / ".x.json.partial")  # what an interruption leaves
        build_index([b], tmp_path / "x.json")
        frames = json.loads((tmp_path / "x.json").read_text())["frames"]
        assert [Path(frame["source"]).parent.name for frame in frames] == ["b", "b"]

    def test_a_single_file_holds_nothing_of_an_interrupted_run_with_other_weights(
        self, make_folder, tmp_path
    ):
        folder = make_folder(3)
        partial = tmp_path / ".x.json.partial"  # what an interruption leaves
        build_index([folder], partial, embedder=Embedder("imagenet"))
        report = build_index([folder], tmp_path / "x.json")
        assert (report.embedded, report.unchanged) == (3, 0)
        content = json.loads((tmp_path / "x.json").read_text())
        assert content["fingerprint"]["weights"] == "builtin"

    def test_a_single_file_goes_on_where_it_was_interrupted(self, make_folder, tmp_path):
        folder = make_folder(3)
        build_index([folder / "000002.png"], tmp_path / ".x.json.partial")
        report = build_index([folder], tmp_path / "x.json")
        assert (report.embedded, report.unchanged) == (2, 1)

    def test_a_single_file_derives_no_faiss_file(self, make_folder, tmp_path, monkeypatch):
        monkeypatch.setattr("nearframe.index.search.flat_file.FlatFile.write", None)
        build_index([make_folder(3)], tmp_path / "x.json")

    def test_an_index_whose_name_ends_like_a_file_goes_on_as_an_index(self, make_folder, tmp_path):
        (tmp_path / "films.json").mkdir()
        build_index([make_folder(2)], tmp_path / "films.json")
        assert len(frames_of(tmp_path / "films.json")) == 2
        assert verify(tmp_path / "films.json").damage == ()

    def test_a_place_that_cannot_be_written(self, make_folder, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(NearframeError, match=r"cannot write .*my\.index"):
            build_index([make_folder(2)], tmp_path / "file" / "my.index")


def test_progress_is_told(make_folder, sample_video, index, progress):
    folder = make_folder(3)
    (folder / "000002.png").write_bytes(b"no image")
    build_index([folder, sample_video], index, sampling=Sampling(every=60), progress=progress)
    told = [[Path(label).name, *counts] for label, *counts in progress.stretches]
    assert told == [["frames", 3, 3], ["yard.mp4", 5, 5]]


def test_the_command_says_what_was_done(run, make_folder):
    make_folder(3)
    result = run("buildIndex", "-i", "frames", "-o", "my.index")
    assert result.exit_code == 0
    assert "Processed 3 frames. Index saved to my.index" in result.stdout
    result = run("buildIndex", "-i", "frames", "-o", "my.index")
    assert "3 frames unchanged" in result.stdout


def test_another_sampling_is_said_before_anything_is_read(sample_video, index, fake_embedder):
    build_index([sample_video], index, embedder=fake_embedder, sampling=Sampling(every=30))
    told = []

    def stop(again):
        told.append((again.videos, again.frames))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_index([sample_video], index, embedder=fake_embedder, on_resampling=stop)
    assert told == [((str(sample_video),), 10)]
    with FrameIndex.open(index) as opened:
        assert len(opened) == 10
