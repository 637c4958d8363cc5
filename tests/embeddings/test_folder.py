import os
import string

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from nearframe.common import SourceError
from nearframe.embeddings import Unreadable
from nearframe.embeddings.sources import (
    ImageSequence,
    VideoSource,
    natural_key,
    open_source,
    open_sources,
)

NAMES = st.text(st.sampled_from(string.ascii_letters + string.digits + " ._-/éß٣²"), max_size=12)


@pytest.fixture
def place(tmp_path, picture):
    """Save one small picture under each of the names, relative to the test's folder."""

    def place(*names):
        for name in names:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            picture(1, (8, 8)).save(path, "PNG")
        return tmp_path

    return place


def listed(folder, **options):
    sequence = ImageSequence.of_folder(folder, **options)
    assert [file.number for file in sequence.files] == list(range(len(sequence.files)))
    return [os.path.relpath(file.path, folder) for file in sequence.files]


def test_numbers_follow_natural_order(place):
    folder = place("img10.png", "img2.png", "img1.png", "IMG3.png")
    assert listed(folder) == ["img1.png", "img2.png", "IMG3.png", "img10.png"]


def test_a_copy_comes_after_its_original(place):
    folder = place("a (1).png", "a.png", "a-2.png", "a2.png")
    assert listed(folder)[0] == "a.png"


def test_leading_zeros_have_one_order(place):
    folder = place("a1.png", "a01.png", "a001.png")
    assert listed(folder) == ["a001.png", "a01.png", "a1.png"]


def test_unreadable_files_count(place):
    folder = place(*(f"{number:06d}.png" for number in range(1, 6)))
    (folder / "000002.png").write_bytes(b"")
    (folder / "000003.png").write_text("text")
    outcomes = [decode() for decode in ImageSequence.of_folder(folder).decoders()]
    assert [outcome.number for outcome in outcomes] == [0, 1, 2, 3, 4]
    assert [isinstance(outcome, Unreadable) for outcome in outcomes] == [0, 1, 1, 0, 0]


def test_images_have_no_time(place):
    (decode,) = ImageSequence.of_folder(place("a.png")).decoders()
    assert decode().time_s is None


def test_other_files_do_not_count(place):
    folder = place("b.png", "d.JPG")
    for name in ("a.txt", "c.mp4", "e", ".png", "f.png.bak"):
        (folder / name).write_bytes(b"x")
    assert listed(folder) == ["b.png", "d.JPG"]


def test_a_folder_named_like_an_image_is_none(place):
    folder = place("a.png", "b.jpg/inside.png")
    assert listed(folder) == ["a.png"]
    assert listed(folder, recursive=True) == ["a.png", "b.jpg/inside.png"]


def test_sub_folders_are_searched_only_when_asked(place):
    folder = place("b/x.png", "a.png", "c.png", "b/d/1.png")
    assert listed(folder) == ["a.png", "c.png"]
    assert listed(folder, recursive=True) == ["a.png", "b/d/1.png", "b/x.png", "c.png"]


def test_the_files_of_a_sub_folder_stay_together(place):
    folder = place("a/!.png", "a.png", "a/b.png", "a10/c.png", "a2/c.png")
    assert listed(folder, recursive=True) == [
        "a/!.png",
        "a/b.png",
        "a.png",
        "a2/c.png",
        "a10/c.png",
    ]


def test_a_loop_of_folders_ends(place):
    folder = place("a.png", "sub/b.png")
    (folder / "sub" / "up").symlink_to("..")
    assert listed(folder, recursive=True) == ["a.png", "sub/b.png"]


def test_a_folder_with_two_ways_to_it_is_read_once(place):
    folder = place("real/b.png")
    (folder / "link").symlink_to("real")
    assert listed(folder, recursive=True) == ["link/b.png"]


def test_a_link_to_an_image_counts(place):
    folder = place("real.png")
    (folder / "link.png").symlink_to("real.png")
    assert listed(folder) == ["link.png", "real.png"]


def test_paths_start_with_the_folder_as_given(place, monkeypatch):
    monkeypatch.chdir(place("sub/a.png"))
    assert ImageSequence.of_folder("sub").files[0].path == os.path.join("sub", "a.png")  # noqa: PTH118


def test_a_sub_folder_without_permission_is_reported(picture, unprivileged):
    (unprivileged / "locked").mkdir()
    picture(1).save(unprivileged / "a.png")
    (unprivileged / "locked").chmod(0)
    problem, image = [d() for d in ImageSequence.of_folder(unprivileged, recursive=True).decoders()]
    assert problem.source == str(unprivileged / "locked")
    assert problem.number is None
    assert "cannot enter this folder: Permission denied" in problem.reason
    assert image.number == 0


def test_a_folder_whose_files_may_not_be_looked_at_is_listed(picture, unprivileged):
    folder = unprivileged / "half"
    folder.mkdir()
    picture(1).save(folder / "a.png")
    folder.chmod(0o444)
    (outcome,) = [decode() for decode in ImageSequence.of_folder(folder).decoders()]
    assert outcome.reason == "permission denied"


def test_a_folder_without_permission_is_an_error(unprivileged):
    unprivileged.chmod(0)
    with pytest.raises(SourceError, match="no permission to read it"):
        open_source(unprivileged)


@pytest.mark.parametrize("open_it", [open_source, open_sources])
def test_a_missing_path_is_an_error(tmp_path, open_it):
    with pytest.raises(SourceError, match="no such file or folder; check the spelling"):
        open_it(tmp_path / "gone")


def test_an_empty_path_is_not_the_current_folder():
    with pytest.raises(SourceError, match="no such file or folder"):
        open_source("")


@pytest.mark.parametrize("open_it", [open_source, open_sources])
def test_a_file_of_another_kind_is_an_error(tmp_path, open_it):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(SourceError, match=r"a\.txt: neither a folder nor a known kind"):
        open_it(tmp_path / "a.txt")


@pytest.mark.parametrize("open_it", [open_source, open_sources])
def test_a_folder_without_images_says_what_it_looked_for(tmp_path, open_it):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(SourceError, match=r"no images in this folder .*jpg.*png.*`recursive=True`"):
        open_it(tmp_path)


def test_the_hint_at_sub_folders_is_gone_once_they_were_searched(tmp_path):
    with pytest.raises(SourceError) as caught:
        open_source(tmp_path, recursive=True)
    assert "--recursive" not in str(caught.value)


def test_a_folder_with_only_videos_opens_as_its_videos(make_video, tmp_path):
    make_video("clip10.mp4", 3)
    make_video("clip2.MKV", 3)
    sources = open_sources(tmp_path)
    assert [source.kind for source in sources] == ["video", "video"]
    assert [os.path.basename(source.path) for source in sources] == ["clip2.MKV", "clip10.mp4"]  # noqa: PTH119


def test_images_and_videos_of_a_folder_are_separate_sources(make_video, tmp_path, place):
    make_video("clip.mp4", 3)
    images, video = open_sources(place("a.png", "b.png"))
    assert isinstance(images, ImageSequence)
    assert [file.number for file in images.files] == [0, 1]
    assert isinstance(video, VideoSource)


def test_a_broken_video_of_a_folder_is_in_the_list_as_an_error(make_video, tmp_path):
    make_video("a.mp4", 3)
    (tmp_path / "b.mp4").write_text("no video")
    good, bad = open_sources(tmp_path)
    assert good.kind == "video"
    assert isinstance(bad, SourceError)
    assert "not a video that can be read" in bad.reason


def test_a_locked_sub_folder_is_reported_where_there_are_no_images(unprivileged):
    (unprivileged / "clip.mp4").write_text("no video")
    (unprivileged / "locked").mkdir(mode=0)
    images, video = open_sources(unprivileged, recursive=True)
    assert [problem.source for problem in images.problems] == [str(unprivileged / "locked")]
    assert video.path == str(unprivileged / "clip.mp4")


def test_selecting_files_keeps_their_numbers(place):
    sequence = ImageSequence.of_folder(place("a.png", "b.png", "c.png"))
    selected = sequence.select({sequence.files[0].path, sequence.files[2].path})
    assert [file.number for file in selected.files] == [0, 2]
    assert selected.frame_count == 2


@pytest.mark.parametrize(
    ("first", "second"),
    [("img2", "img10"), ("a.png", "B.png"), ("A2", "a10"), ("9", "a"), ("x/2/a", "x/10/a")],
)
def test_natural_order(first, second):
    assert natural_key(first) < natural_key(second)


@given(st.lists(NAMES))
def test_the_order_of_names_is_total_and_does_not_depend_on_where_they_stood(names):
    expected = sorted(set(names), key=natural_key)
    backwards = expected[::-1]
    assert sorted(backwards, key=natural_key) == expected
    assert len({natural_key(name) for name in expected}) == len(expected)


@given(NAMES, NAMES, NAMES)
def test_the_order_of_names_is_transitive(a, b, c):
    a, b, c = sorted([a, b, c], key=natural_key)
    assert natural_key(a) <= natural_key(b) <= natural_key(c)
    assert natural_key(a) <= natural_key(c)


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_names_that_differ_in_a_number_follow_it(a, b):
    assume(a != b)
    assert (natural_key(f"f{a}x.png") < natural_key(f"F{b}x.png")) == (a < b)
