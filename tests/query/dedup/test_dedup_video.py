from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from nearframe.common import DiskFullError, NearframeError, OutputError, SourceError, holding
from nearframe.embeddings.sources import Sampling, read_image
from nearframe.query import ChangeSettings, DedupOptions, Window, dedup_video, mask_files
from nearframe.query.dedup import frame_folder, pictures, video_frames

HERE, THERE = (10, 10), (100, 50)


@pytest.fixture
def film(tmp_path, yard):
    """Make a lossless video: ``film([None, (10, 10), …])``, one frame a second."""

    def make(blocks, name="gate.mkv"):
        with av.open(tmp_path / name, "w") as container:
            stream = container.add_stream("ffv1", rate=1)
            stream.width, stream.height, stream.pix_fmt = 160, 90, "bgr0"
            stream.time_base = Fraction(1, 1000)
            for number, block in enumerate(blocks):
                frame = av.VideoFrame.from_image(yard.picture(block))
                frame.pts, frame.time_base = number * 1000, Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        return tmp_path / name

    return make


def numbers(found):
    return [frame.number for frame in found.kept]


def test_the_new_frames_of_a_video_are_written_and_no_others(film, fake_embedder, tmp_path):
    video = film([None, None, HERE, HERE, None, THERE, HERE])
    found = dedup_video(video, to=tmp_path / "new", embedder=fake_embedder)
    assert (numbers(found), found.total) == ([0, 2, 5], 7)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [
        "gate_000000_0h00m00.000s.jpg",
        "gate_000002_0h00m02.000s.jpg",
        "gate_000005_0h00m05.000s.jpg",
    ]
    assert [frame.nearest for frame in found.kept] == [None, 0, 0]
    assert [Path(frame.file).name for frame in found.kept] == sorted(
        path.name for path in (tmp_path / "new").iterdir()
    )
    assert all(frame.change > 0.02 for frame in found.kept[1:])


def test_the_new_frames_of_an_animation_are_written(yard, fake_embedder, tmp_path):
    pictures = [yard.picture(block) for block in (None, HERE, None, THERE)]
    path = tmp_path / "gate.webp"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=500, lossless=True)
    found = dedup_video(path, to=tmp_path / "new", embedder=fake_embedder)
    assert (numbers(found), found.total) == ([0, 1, 3], 4)
    assert [frame.time_s for frame in found.kept] == [0, 0.5, 1.5]
    assert len(list((tmp_path / "new").iterdir())) == 3


def test_what_is_written_is_the_frame(film, yard, fake_embedder, tmp_path):
    found = dedup_video(film([HERE]), to=tmp_path / "new", embedder=fake_embedder)
    wanted = np.asarray(yard.picture(HERE))
    difference = np.abs(read_image(found.kept[0].file).astype(int) - wanted)
    assert difference.mean() < 3


def test_without_a_folder_nothing_is_written(film, fake_embedder, tmp_path):
    video = film([None, HERE])
    found = dedup_video(video, embedder=fake_embedder)
    assert (numbers(found), found.kept[0].file) == ([0, 1], None)
    assert [path.name for path in tmp_path.iterdir()] == [video.name]


@pytest.mark.parametrize(
    ("blocks", "vectors"),
    [
        ([None] * 20 + [HERE] * 20, 2),
        # The first frame of the empty scene finds it again, and those behind follow that one.
        ([None] * 20 + [HERE] + [None] * 20, 3),
    ],
)
def test_still_stretches_need_no_vectors(film, fake_embedder, monkeypatch, blocks, vectors):
    embedded = []
    embed = fake_embedder.embed
    monkeypatch.setattr(
        fake_embedder, "embed", lambda images: embedded.append(len(images)) or embed(images)
    )
    dedup_video(film(blocks), embedder=fake_embedder)
    assert sum(embedded) == vectors


@pytest.mark.parametrize(("held", "batches"), [(1 << 30, [16, 16, 8]), (0, [1] * 40)])
def test_method_embedding_embeds_in_batches_as_far_as_whole_frames_fit_into_memory(
    film, fake_embedder, monkeypatch, held, batches
):
    monkeypatch.setattr(video_frames, "_HELD_BYTES", held)
    sizes = []
    backbone = fake_embedder._backbone

    def counted(pixels):
        sizes.append(len(pixels))
        return backbone(pixels)

    counted.at_once = 1
    monkeypatch.setattr(fake_embedder, "_backbone", counted)
    blocks = [(n, 10) for n in range(0, 100, 5)]
    choice = DedupOptions(method="embedding", threshold=0.9999)
    found = dedup_video(film(blocks + blocks), choice, embedder=fake_embedder)
    assert sizes == batches
    assert (numbers(found), found.total) == (list(range(20)), 40)


@pytest.mark.parametrize("method", ["hybrid", "change", "embedding"])
def test_a_frame_that_was_there_before_is_known_again(film, fake_embedder, monkeypatch, method):
    # So that every picture must come from the file in between.
    monkeypatch.setattr(pictures, "_HELD_BYTES", 0)
    video = film([None, HERE, THERE, None, HERE, THERE])
    threshold = 0.9999 if method == "embedding" else None
    choice = DedupOptions(method=method, threshold=threshold)
    assert numbers(dedup_video(video, choice, embedder=fake_embedder)) == [0, 1, 2]


@pytest.mark.parametrize("method", ["hybrid", "change"])
@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"against": "previous"}, [0, 1, 2, 3]),
        ({"window": Window.parse("2s")}, [0, 1, 2, 3]),
        ({"window": Window.parse("3s")}, [0, 1, 2, 4]),
        ({"window": Window.parse("4s")}, [0, 1, 2]),
        ({"window": Window.parse("2")}, [0, 1, 2, 3]),
        ({"against": "all"}, [0, 1, 2]),
    ],
)
def test_what_frames_are_compared_with(film, fake_embedder, method, fields, expected):
    video = film([None, HERE, THERE, None, None])
    found = dedup_video(video, DedupOptions(method=method, **fields), embedder=fake_embedder)
    assert numbers(found) == expected


def test_sampling_numbers_frames_as_always(film, fake_embedder):
    video = film([None, HERE, None, HERE, HERE, HERE, THERE])
    found = dedup_video(video, sampling=Sampling(every=3), embedder=fake_embedder)
    assert (numbers(found), found.total) == ([0, 3, 6], 3)


def test_a_folder_that_holds_something_is_refused_before_anything(film, fake_embedder, tmp_path):
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match=r"new exists and is not an empty folder; give a new"):
        dedup_video(film([None]), to=tmp_path / "new", embedder=fake_embedder)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["mine.txt"]


@pytest.mark.parametrize("fields", [{"keep": "sharpest"}, {"protect": ("x",)}, {"recursive": True}])
def test_what_is_for_folders_is_refused(film, fake_embedder, fields):
    with pytest.raises(NearframeError, match="leave those options out"):
        dedup_video(film([None]), DedupOptions(**fields), embedder=fake_embedder)


def test_what_is_no_video_is_refused(tmp_path, picture, fake_embedder):
    picture(1).save(tmp_path / "a.png")
    with pytest.raises(SourceError, match="not a video"):
        dedup_video(tmp_path / "a.png", embedder=fake_embedder)
    (tmp_path / "a.mp4").write_bytes(b"no video")
    with pytest.raises(SourceError, match=r"a\.mp4"):
        dedup_video(tmp_path / "a.mp4", embedder=fake_embedder)


def test_times_in_names():
    assert frame_folder._clock(None) == ""
    assert frame_folder._clock(0.0004) == "_0h00m00.000s"
    assert frame_folder._clock(59.9999) == "_0h01m00.000s"
    assert frame_folder._clock(36_123.4) == "_10h02m03.400s"


def test_the_result_is_a_folder_that_dedup_leaves_alone(film, fake_embedder, tmp_path):
    from nearframe.query import plan_dedup

    video = film([None, None, HERE, None, THERE, HERE])
    dedup_video(video, to=tmp_path / "new", embedder=fake_embedder)
    plan = plan_dedup(tmp_path / "new", DedupOptions(method="hybrid"), embedder=fake_embedder)
    assert plan.dropped == ()


def test_a_mask_is_that_of_all_cameras_or_of_the_video_by_its_name(film, fake_embedder, tmp_path):
    mask = np.full((90, 160), 255, np.uint8)
    mask[:45, :80] = 0
    Image.fromarray(mask).save(tmp_path / "mask.png")
    video = film([None, HERE, THERE])
    for camera in ("", "gate"):
        masks = mask_files({camera: tmp_path / "mask.png"})
        choice = DedupOptions(change=ChangeSettings(masks=masks))
        assert numbers(dedup_video(video, choice, embedder=fake_embedder)) == [0, 2]
    other = DedupOptions(change=ChangeSettings(masks=mask_files({"hall": tmp_path / "mask.png"})))
    with pytest.raises(NearframeError, match="a mask for camera hall, but no image of it"):
        dedup_video(video, other, to=tmp_path / "new", embedder=fake_embedder)
    assert not (tmp_path / "new").exists()


def test_a_window_of_time_goes_on_where_recordings_were_joined(film, fake_embedder, tmp_path):
    first = film([None, HERE, None, THERE], "first.mkv")
    joined = tmp_path / "joined.mkv"
    joined.write_bytes(
        first.read_bytes() + film([THERE, None, HERE, None], "second.mkv").read_bytes()
    )
    options = DedupOptions(window=Window(seconds=2))
    found = dedup_video(joined, options, embedder=fake_embedder)
    # Frames 2 and 7 come 2 s behind what they repeat; frames 5 and 6 come 4 s behind.
    assert (numbers(found), found.total) == ([0, 1, 3, 5, 6], 8)


class TestGoingOn:
    """A folder that a run did not complete is gone on with by the same run, and by no other."""

    BLOCKS = (None, None, HERE, HERE, None, THERE, HERE)

    @pytest.fixture
    def cut_short(self, film, fake_embedder, tmp_path, monkeypatch):
        video = film(self.BLOCKS)
        write = frame_folder._write_new

        def full(path, content):
            if "000005" in path.name:
                raise DiskFullError("the disk is full")
            write(path, content)

        with monkeypatch.context() as patch:
            patch.setattr(frame_folder, "_write_new", full)
            with pytest.raises(DiskFullError):
                dedup_video(video, to=tmp_path / "new", embedder=fake_embedder)
        return video

    def test_the_same_run_comes_to_the_same_end(self, cut_short, fake_embedder, tmp_path, snapshot):
        first = tmp_path / "new" / "gate_000000_0h00m00.000s.jpg"
        written = first.stat().st_mtime_ns
        again = dedup_video(cut_short, to=tmp_path / "new", embedder=fake_embedder)
        straight = dedup_video(cut_short, to=tmp_path / "straight", embedder=fake_embedder)
        assert numbers(again) == numbers(straight)
        assert {name: content for name, (content, _) in snapshot(tmp_path / "new").items()} == {
            name: content for name, (content, _) in snapshot(tmp_path / "straight").items()
        }
        assert first.stat().st_mtime_ns == written

    def test_another_run_is_refused(self, cut_short, film, fake_embedder, tmp_path, snapshot):
        before = snapshot(tmp_path / "new")
        other = film([None, HERE], "other.mkv")
        options = DedupOptions(threshold=0.5)
        for arguments in ((other,), (cut_short, options)):
            with pytest.raises(OutputError, match="frames of another video, or of the same with"):
                dedup_video(*arguments, to=tmp_path / "new", embedder=fake_embedder)
        assert snapshot(tmp_path / "new") == before

    def test_a_file_that_the_user_changed_is_not_replaced(self, cut_short, fake_embedder, tmp_path):
        mine = tmp_path / "new" / "gate_000002_0h00m02.000s.jpg"
        mine.write_text("mine")
        with pytest.raises(OutputError, match="holds something else; it is not replaced"):
            dedup_video(cut_short, to=tmp_path / "new", embedder=fake_embedder)
        assert mine.read_text() == "mine"

    def test_what_another_process_is_writing_is_left_alone(
        self, cut_short, fake_embedder, tmp_path
    ):
        with (
            holding(tmp_path / "new" / ".nearframe-frames.json"),
            pytest.raises(OutputError, match="being written by another process"),
        ):
            dedup_video(cut_short, to=tmp_path / "new", embedder=fake_embedder)

    def test_half_a_frame_of_a_killed_run_goes(self, cut_short, fake_embedder, tmp_path):
        half = tmp_path / "new" / f".gate_000005_0h00m05.000s.jpg.{'0' * 16}.tmp"
        half.write_bytes(b"half")
        dedup_video(cut_short, to=tmp_path / "new", embedder=fake_embedder)
        assert len(list((tmp_path / "new").iterdir())) == 3

    def test_a_run_without_a_frame_leaves_no_folder(
        self, film, fake_embedder, tmp_path, monkeypatch
    ):
        def full(*_):
            raise DiskFullError("the disk is full")

        monkeypatch.setattr(frame_folder, "_write_new", full)
        with pytest.raises(DiskFullError):
            dedup_video(film([None]), to=tmp_path / "new", embedder=fake_embedder)
        assert not (tmp_path / "new").exists()
