"""The command line as people start it: in a process, with pipes, terminals and Ctrl-C."""

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nearframe.index import FrameIndex

FAKE_CLI = Path(__file__).parents[1] / "fake_cli.py"


@pytest.fixture
def program(tmp_path):
    """Run a command to its end in another process, in `tmp_path`, on the fake network."""

    def call(*arguments, **options):
        command = [sys.executable, FAKE_CLI, *map(str, arguments)]
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, check=False, **options
        )

    return call


def test_stdout_is_the_answer_and_nothing_else(program, make_folder):
    make_folder(3)
    result = program("buildIndex", "-i", "frames", "-o", "x.index")
    assert result.stdout == (
        "Image sequence processed\nProcessed 3 frames. Index saved to x.index\n"
    )
    assert result.stderr == ""
    assert result.returncode == 0


def test_every_json_is_valid_and_alone(program, make_folder):
    (make_folder([0, 1, 0]) / "broken.jpg").touch()
    commands = [
        ("getSimilarity", "-q", "frames/000001.png", "-t", "frames/000002.png"),
        ("buildIndex", "-i", "frames", "-o", "x.index"),
        ("queryDataset", "-q", "frames", "-i", "x.index", "-k", "2"),
        ("dedup", "frames"),
        ("dedup", "frames", "--apply", "copy-unique"),
        ("info", "x.index"),
        ("verify", "x.index"),
    ]
    for command in commands:
        result = program(*command, "--json")
        assert result.returncode == 0, command
        assert json.loads(result.stdout), command


def test_every_command_with_an_answer_has_json():
    from nearframe.scripts.main import nearframe

    without = {
        name
        for name, command in nearframe.commands.items()
        if "--json" not in {option for entry in command.params for option in entry.opts}
    }
    assert without <= {"undo", "export", "calibrate"}


def test_errors_are_one_line_without_a_traceback(program):
    result = program("dedup", "none")
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: none: no such file or folder")
    assert result.returncode == 1


def test_a_damaged_video_prints_only_our_own_words(program, tmp_path, sample_video):
    content = bytearray(sample_video.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 20_000] = bytes(20_000)
    (tmp_path / "film.mp4").write_bytes(content)
    result = program("buildIndex", "-i", "film.mp4", "-o", "x.index", "--every", "10")
    assert result.returncode == 0
    lines = result.stderr.splitlines()
    assert len(lines) <= 2
    assert all(line.startswith(("Skipped 1 file:", "  film.mp4: ")) for line in lines)


def test_a_closed_pipe_is_no_traceback(program, make_folder, tmp_path):
    make_folder(3)
    program("buildIndex", "-i", "frames", "-o", "x.index")
    reading, writing = os.pipe()
    os.close(reading)
    with subprocess.Popen(
        [sys.executable, FAKE_CLI, "queryDataset", "-q", "frames", "-i", "x.index"],
        cwd=tmp_path,
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        os.close(writing)
        assert "Traceback" not in process.stderr.read()


def two_streams(path, sample_video):
    """A film with two video streams, of which the library says that it reads the first."""
    import av

    with av.open(str(sample_video)) as source, av.open(str(path), "w") as target:
        stream = source.streams.video[0]
        copies = [target.add_stream_from_template(stream) for _ in range(2)]
        for packet in source.demux(stream):
            if packet.dts is None:
                continue
            for copy in copies:
                packet.stream = copy
                target.mux(packet)
    return path


def on_a_terminal(command, cwd):
    """Run a command whose stderr is a terminal; return what it printed there."""
    pty, termios, fcntl = map(pytest.importorskip, ("pty", "termios", "fcntl"))
    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    with subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=theirs, text=True
    ) as process:
        os.close(theirs)
        printed = b""
        try:
            while piece := os.read(ours, 4096):
                printed += piece
        except OSError:  # so ends a terminal whose other side is closed
            pass
        answer = process.stdout.read()
    os.close(ours)
    return answer, printed.decode()


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_and_notes_are_for_terminals_only(program, tmp_path, sample_video, terminal):
    two_streams(tmp_path / "film.mp4", sample_video)
    arguments = ("buildIndex", "-i", "film.mp4", "-o", "x.index", "--every", "20")
    if terminal:
        command = [sys.executable, FAKE_CLI, "--delay", "0.2", *arguments]
        answer, printed = on_a_terminal(command, tmp_path)
        assert "Note: film.mp4 has 2 video streams; reading the largest" in printed
        assert "film.mp4" in printed
        assert "frame/s" in printed
    else:
        result = program(*arguments)
        answer = result.stdout
        assert result.stderr == ""
    assert answer == "Video processed\nProcessed 15 frames. Index saved to x.index\n"


def interrupt_when(process, ready):
    while process.poll() is None and not ready():
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=60)


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT for a single process")
def test_ctrl_c_says_that_the_same_command_goes_on(start, program, make_folder, tmp_path):
    folder = make_folder(40)
    index = tmp_path / "x.index"
    command = ("buildIndex", "-i", folder, "-o", index, "--batch-size", 1)
    process = start(*command, delay_s=0.1)
    stdout, stderr = interrupt_when(process, lambda: FrameIndex.exists(index))
    assert process.returncode == 1
    assert stdout == ""
    (line,) = stderr.splitlines()
    assert line.startswith("Error: interrupted; ")
    assert "the same command goes on from there" in line
    result = program(*command)
    assert result.returncode == 0
    with FrameIndex.open(index) as opened:
        assert len(opened) == 40


def frames_of(index):
    with FrameIndex.open(index) as opened:
        return len(opened)


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT for a single process")
def test_what_was_read_before_ctrl_c_is_not_read_again(
    start, program, make_folder, tmp_path, monkeypatch
):
    monkeypatch.setenv("NEARFRAME_TEST_COMMIT_EVERY", "8")
    folder = make_folder(40)
    index = tmp_path / "x.index"
    command = ("buildIndex", "-i", folder, "-o", index, "--batch-size", 1)
    process = start(*command, delay_s=0.05)
    interrupt_when(process, lambda: FrameIndex.exists(index) and frames_of(index))
    assert process.returncode == 1
    done = frames_of(index)
    assert 8 <= done < 40
    answer = json.loads(program(*command, "--json").stdout)
    assert (answer["unchanged"], answer["embedded"]) == (done, 40 - done)


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT for a single process")
def test_a_second_ctrl_c_ends_at_once_in_silence(
    start, program, make_folder, tmp_path, monkeypatch
):
    folder, index, hold = make_folder(12), tmp_path / "x.index", tmp_path / "hold"
    hold.touch()
    command = ("buildIndex", "-i", folder, "-o", index, "--batch-size", 1)
    # A thread that the first one waits for, for ever.
    with monkeypatch.context() as patch:
        patch.setenv("NEARFRAME_TEST_HOLD", str(hold))
        patch.setenv("NEARFRAME_TEST_STARTED", str(tmp_path / "started"))
        process = start(*command)
    while process.poll() is None and not (tmp_path / "started").exists():
        time.sleep(0.01)
    time.sleep(0.3)
    for _ in range(100):  # two that come before Python looks are one
        process.send_signal(signal.SIGINT)
        time.sleep(0.1)
        if process.poll() is not None:
            break
    assert process.communicate(timeout=10) == ("", "")
    assert process.returncode == -signal.SIGINT
    assert program(*command).returncode == 0
    with FrameIndex.open(index) as opened:
        assert len(opened) == 12


@pytest.mark.slow
def test_the_installed_program_works_with_the_real_network(tmp_path, make_folder):
    folder = make_folder(2)
    shutil.copy(folder / "000001.png", folder / "000003.png")
    result = subprocess.run(
        [Path(sys.executable).with_name("dedup"), "frames"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "of 3 frames" in result.stdout
    assert (tmp_path / "frames.dedup.json").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("arguments", [["getSimilarity", "a.png", "a.png"], ["weights"]])
def test_an_output_that_takes_no_more_is_one_line(tmp_path, picture, arguments):
    picture(5).save(tmp_path / "a.png")
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, FAKE_CLI, *arguments],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.stderr == "Error: cannot write the output: No space left on device\n"
    assert done.returncode == 1
