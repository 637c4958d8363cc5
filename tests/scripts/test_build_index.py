import json
import os
import re
import shutil

import pytest
from click.testing import CliRunner

from nearframe.index import FrameIndex, build
from nearframe.scripts.build_index import build_index


def numbers(path):
    with FrameIndex.open(path) as index:
        return [frame.ref.number for frame in index.catalog.frames()]


def test_a_folder_prints_the_lines_people_know(run, make_folder):
    make_folder(5)
    result = run("buildIndex", "-i", "frames", "-o", "x.index")
    assert result.stdout == (
        "Image sequence processed\nProcessed 5 frames. Index saved to x.index\n"
    )
    assert (result.stderr, result.exit_code) == ("", 0)


def test_a_video_prints_the_lines_people_know(run, sample_video):
    result = run("buildIndex", "-i", sample_video, "-o", "x.index", "--every", "100")
    assert result.stdout == "Video processed\nProcessed 3 frames. Index saved to x.index\n"


def test_an_image_is_indexed_too(run, make_folder):
    make_folder(1)
    result = run("buildIndex", "-i", "frames/000001.png", "-o", "x.index")
    assert result.stdout == "Image processed\nProcessed 1 frames. Index saved to x.index\n"


def test_several_inputs_go_into_one_index(run, make_folder, sample_video, tmp_path):
    make_folder(2, name="a")
    make_folder(3, name="b")
    result = run(
        "buildIndex", "-i", "a", "-i", sample_video, "-i", "b", "-o", "x.index", "--every", 150
    )
    assert result.stdout.splitlines() == [
        "Image sequence processed",
        "Video processed",
        "Image sequence processed",
        "Processed 7 frames. Index saved to x.index",
    ]
    assert numbers(tmp_path / "x.index") == [0, 1, 0, 150, 0, 1, 2]


def test_the_program_is_the_command(make_folder, fake_network, monkeypatch, tmp_path):
    make_folder(2)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(build_index, ["-i", "frames", "-o", "x.index"])
    assert result.stdout.endswith("Processed 2 frames. Index saved to x.index\n")


@pytest.mark.parametrize("name", ["x.json", "x.faiss"])
def test_a_single_file_can_be_the_index(run, make_folder, tmp_path, name):
    make_folder(2)
    result = run("buildIndex", "-i", "frames", "-o", name)
    assert result.stdout.endswith(f"Processed 2 frames. Index saved to {name}\n")
    assert (tmp_path / name).is_file()
    assert run("queryDataset", "-q", "frames/000002.png", "-i", name).exit_code == 0


def test_a_path_outside_the_current_folder_is_shown_as_given(run, make_folder, tmp_path):
    make_folder(1)
    (tmp_path / "here").mkdir()
    os.chdir(tmp_path / "here")
    result = run("buildIndex", "-i", "../frames", "-o", "../x.index")
    assert result.stdout.endswith("Index saved to ../x.index\n")


def test_a_second_run_reads_nothing_again(run, make_folder):
    make_folder(3)
    run("buildIndex", "-i", "frames", "-o", "x.index")
    result = run("buildIndex", "-i", "frames", "-o", "x.index")
    assert result.stdout.splitlines()[1:] == [
        "Processed 0 frames. Index saved to x.index",
        "3 frames unchanged since the last run.",
    ]


def test_recursive_looks_into_sub_folders(run, make_folder, picture, tmp_path):
    folder = make_folder(2)
    (folder / "sub").mkdir()
    picture(9).save(folder / "sub" / "a.png")
    assert "Processed 2 frames" in run("buildIndex", "-i", "frames", "-o", "a").stdout
    assert (
        "Processed 3 frames" in run("buildIndex", "-i", "frames", "-o", "b", "--recursive").stdout
    )


def test_every_takes_each_nth_frame(run, sample_video, tmp_path):
    run("buildIndex", "-i", sample_video, "-o", "x.index", "--every", 120)
    assert numbers(tmp_path / "x.index") == [0, 120, 240]


def test_fps_takes_frames_by_time(run, sample_video, tmp_path):
    run("buildIndex", "-i", sample_video, "-o", "x.index", "--fps", 0.5)
    assert numbers(tmp_path / "x.index") == [0, 60, 120, 180, 240]


def test_keyframes_takes_what_decodes_alone(run, sample_video, tmp_path):
    result = run("buildIndex", "-i", sample_video, "-o", "x.index", "--keyframes")
    taken = numbers(tmp_path / "x.index")
    assert f"Processed {len(taken)} frames" in result.stdout
    assert taken[0] == 0
    assert 1 < len(taken) < 100


@pytest.mark.parametrize(
    "options",
    [("--every", 2, "--fps", 1), ("--every", 2, "--keyframes"), ("--fps", 1, "--keyframes")],
)
def test_samplings_exclude_each_other(run, sample_video, options):
    result = run("buildIndex", "-i", sample_video, "-o", "x.index", *options)
    assert result.exit_code == 2
    assert "--every, --fps and --keyframes exclude each other; give one" in result.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--every", 0),
        ("--every", "two"),
        ("--fps", 0),
        ("--fps", "nan"),
        ("--batch-size", 0),
        ("--device", "tpu"),
        ("--precision", "fp64"),
        ("--fit", "pad"),
        ("--frames", 3),
    ],
)
def test_wrong_options_are_wrong_usage(run, make_folder, options):
    make_folder(1)
    result = run("buildIndex", "-i", "frames", "-o", "x.index", *options)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert str(options[0]) in result.stderr.splitlines()[-1]


@pytest.mark.parametrize("given", [["-o", "x.index"], []])
def test_an_input_is_needed(run, make_folder, given):
    make_folder(1)
    result = run("buildIndex", *given)
    assert result.exit_code == 2
    assert "nothing to index was given" in result.stderr


def test_gone_files_are_counted_and_dropped_on_demand(run, make_folder, tmp_path):
    folder = make_folder(4)
    run("buildIndex", "-i", "frames", "-o", "x.index")
    (folder / "000002.png").unlink()
    result = run("buildIndex", "-i", "frames", "-o", "x.index")
    assert result.stdout.endswith("1 frame of files that are gone; --prune drops them.\n")
    result = run("buildIndex", "-i", "frames", "-o", "x.index", "--prune")
    assert result.stdout.endswith("Dropped 1 frame whose file is gone.\n")
    assert len(numbers(tmp_path / "x.index")) == 3


def test_rehash_finds_what_size_and_time_hide(run, picture, tmp_path):
    path = tmp_path / "frames" / "a.bmp"
    path.parent.mkdir()
    picture(1).save(path)
    status = path.stat()
    run("buildIndex", "-i", "frames", "-o", "x.index")
    picture(2).save(path)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert path.stat().st_size == status.st_size
    assert "Processed 0 frames" in run("buildIndex", "-i", "frames", "-o", "x.index").stdout
    result = run("buildIndex", "-i", "frames", "-o", "x.index", "--rehash")
    assert "Processed 1 frames" in result.stdout


def test_a_broken_file_is_listed_and_the_others_are_indexed(run, make_folder):
    folder = make_folder(4)
    (folder / "000002.png").write_text("no image")
    (folder / "000003.png").write_bytes(b"")
    result = run("buildIndex", "-i", "frames", "-o", "x.index")
    assert "Processed 2 frames" in result.stdout
    assert result.stderr.splitlines() == [
        "Skipped 2 files:",
        "  frames/000002.png: not an image that can be decoded",
        "  frames/000003.png: the file is empty",
    ]
    assert result.exit_code == 0


def test_strict_makes_that_a_failure_though_the_index_is_made(run, make_folder, tmp_path):
    folder = make_folder(3)
    (folder / "000002.png").write_text("no image")
    result = run("buildIndex", "-i", "frames", "-o", "x.index", "--strict")
    assert result.exit_code == 1
    assert "Skipped 1 file:" in result.stderr
    assert numbers(tmp_path / "x.index") == [0, 2]


def test_strict_is_content_when_nothing_was_skipped(run, make_folder):
    make_folder(2)
    assert run("buildIndex", "-i", "frames", "-o", "x.index", "--strict").exit_code == 0


def test_a_long_list_of_broken_files_is_cut(run, make_folder):
    folder = make_folder(1)
    for number in range(25):
        (folder / f"broken{number}.jpg").touch()
    lines = run("buildIndex", "-i", "frames", "-o", "x.index").stderr.splitlines()
    assert lines[0] == "Skipped 25 files:"
    assert len(lines) == 22
    assert lines[-1] == "  and 5 more"


@pytest.mark.parametrize("strict", [[], ["--strict"]])
def test_when_nothing_can_be_read_no_index_is_made(run, make_folder, tmp_path, strict):
    folder = make_folder(1)
    (folder / "000001.png").write_text("no image")
    result = run("buildIndex", "-i", "frames", "-o", "x.index", *strict)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines()[-1] == (
        "Error: frames: nothing in it can be read; no index was made"
    )
    assert not (tmp_path / "x.index").exists()


def test_json_says_what_was_done(run, make_folder, sample_video, tmp_path):
    folder = make_folder(3)
    (folder / "000002.png").write_text("no image")
    result = run(
        "buildIndex", "-i", "frames", "-i", sample_video, "-o", "x.index", "--every", 100, "--json"
    )
    answer = json.loads(result.stdout)
    assert answer["index"] == "x.index"
    assert (answer["embedded"], answer["unchanged"], answer["frames"]) == (5, 0, 5)
    assert [source["kind"] for source in answer["sources"]] == ["folder", "video"]
    assert [entry["source"] for entry in answer["skipped"]] == ["frames/000002.png"]
    assert "Skipped 1 file" in result.stderr


def test_an_interruption_says_that_the_same_command_goes_on(run, make_folder, monkeypatch):
    make_folder(3)
    original = build.FrameIndex.append

    def interrupt(self, *arguments):
        original(self, *arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as interrupted:
        interrupted.setattr(build.FrameIndex, "append", interrupt)
        result = run("buildIndex", "-i", "frames", "-o", "x.index", "--batch-size", 1)
    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert re.match("Error: interrupted; .*the same command goes on", line)
    assert "Index saved" in run("buildIndex", "-i", "frames", "-o", "x.index").stdout


def test_a_single_file_has_no_approximate_search(run, make_folder):
    make_folder(2)
    result = run("buildIndex", "-i", "frames", "-o", "x.json", "--ann", "ivf")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: x.json is one file, which is always searched exactly; expected the name of an "
        "index directory for an approximate search\n"
    )


def test_an_input_needs_no_flags(run, make_folder, tmp_path):
    make_folder(3)
    assert "Index saved to frames.index\n" in run("buildIndex", "frames").stdout
    assert "Frames:      3\n" in run("info", "frames.index").stdout
    assert "Index saved to y.index\n" in run("buildIndex", "frames", "-o", "y.index").stdout


def test_without_a_name_nothing_else_is_replaced(run, make_folder, tmp_path):
    make_folder(2)
    (tmp_path / "frames.index").mkdir()
    (tmp_path / "frames.index" / "diary.txt").write_text("mine")
    result = run("buildIndex", "frames")
    assert (result.exit_code, "choose a new name" in result.stderr) == (1, True)
    assert (tmp_path / "frames.index" / "diary.txt").read_text() == "mine"


@pytest.mark.parametrize("arguments", [(), ("a", "b"), ("-i", "a", "b")])
def test_what_cannot_be_named_is_wrong_usage(run, arguments):
    result = run("buildIndex", *arguments)
    assert result.exit_code == 2
    assert "-o my.index" in result.stderr


def test_that_times_repeat_is_said_in_logs_too(run, sample_video, tmp_path):
    av = pytest.importorskip("av")
    part = tmp_path / "part.ts"
    with av.open(str(sample_video)) as source, av.open(str(part), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.size:
                packet.stream = copy
                target.mux(packet)
    (tmp_path / "joined.ts").write_bytes(part.read_bytes() * 2)
    result = run("buildIndex", "-i", "joined.ts", "-o", "x.index", "--every", "150")
    assert numbers(tmp_path / "x.index") == [0, 150, 300, 450]
    (line,) = result.stderr.splitlines()
    assert line == (
        "Note: joined.ts: at frame 300 the time jumps back, as where recordings were joined; "
        "times repeat, frame numbers go on"
    )


def test_another_sampling_says_what_is_read_again(run, sample_video, tmp_path):
    shutil.copy(sample_video, tmp_path / "film.mp4")
    first = run("buildIndex", "film.mp4", "-o", "x.index", "--every", 30)
    assert "again" not in first.stderr
    assert "again" not in run("buildIndex", "film.mp4", "-o", "x.index", "--every", 30).stderr
    result = run("buildIndex", "film.mp4", "-o", "x.index", "--fps", 0.5)
    assert result.stderr == (
        "Reading 1 video again, of which the index has 10 frames (--every 30): now --fps 0.5. "
        "For both, make another index with -o\n"
    )
    assert "all frames" in run("buildIndex", "film.mp4", "-o", "x.index").stderr
