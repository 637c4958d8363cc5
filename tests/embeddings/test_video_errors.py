import os
import threading
from types import SimpleNamespace

import av
import numpy as np
import pytest

from nearframe.common import SourceError
from nearframe.embeddings.sources import open_source
from nearframe.embeddings.sources.container import video_streams


def test_an_mp4_without_its_index_is_an_error(make_video):
    path = make_video("a.mp4", 30)
    data = path.read_bytes()
    path.write_bytes(data[: int(0.6 * len(data))])
    with pytest.raises(SourceError, match=r"a\.mp4: not a video that can be read .*expected mp4"):
        open_source(path)


def test_a_codec_that_ffmpeg_does_not_know_is_an_error(make_video):
    path = make_video("a.mp4", 5)
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(SourceError, match="no decoder for its video stream; convert it"):
        open_source(path)


def test_a_sound_file_has_no_video_stream(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=44100)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), "fltp", "mono")
        frame.sample_rate = 44100
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(SourceError, match=r"a\.mp4: has no video stream; expected a video"):
        open_source(path)


def test_a_cover_picture_is_no_video_stream(make_video):
    # PyAV cannot write one, so the stream is only marked as one here.
    cover = SimpleNamespace(disposition=av.stream.Disposition.attached_pic)
    with av.open(str(make_video("a.mkv", 3))) as opened:
        real = opened.streams.video[0]
        container = SimpleNamespace(streams=SimpleNamespace(video=[cover, real]))
        assert video_streams(container) == [real]


def test_an_empty_file_is_an_error(tmp_path):
    (tmp_path / "a.mp4").touch()
    with pytest.raises(SourceError, match=r"a\.mp4: the file is empty \(0 bytes\)"):
        open_source(tmp_path / "a.mp4")


def test_text_is_no_video(tmp_path):
    (tmp_path / "a.mkv").write_text("not a film at all")
    with pytest.raises(SourceError, match="not a video that can be read"):
        open_source(tmp_path / "a.mkv")


def test_a_named_pipe_is_an_error_and_does_not_hang(tmp_path):
    path = tmp_path / "a.mp4"
    os.mkfifo(path)
    errors = []

    def open_it():
        try:
            open_source(path)
        except SourceError as error:
            errors.append(error.reason)

    opener = threading.Thread(target=open_it, daemon=True)
    opener.start()
    opener.join(30)
    assert errors == ["not a regular file; expected a video"]


def test_a_video_without_permission_is_an_error(unprivileged):
    path = unprivileged / "a.mp4"
    path.write_bytes(b"x")
    path.chmod(0)
    with pytest.raises(SourceError, match="no permission to read it"):
        open_source(path)
