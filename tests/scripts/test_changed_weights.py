"""An index whose weights have the name of today's, but are others."""

import pytest

from nearframe.embeddings import NAMED_WEIGHTS, Embedder, Fingerprint, Preprocessing
from nearframe.index import StoredThreshold, build_index, store_threshold

UNTRAINED = Fingerprint("builtin", NAMED_WEIGHTS["random"].sha256, Preprocessing(size=224))
"""What the weights ``builtin`` were before they were trained."""


@pytest.fixture
def old_index(run, make_folder, tmp_path):
    """``old.index``: the frames of ``frames``, as the untrained ``builtin`` made them."""
    embedder = Embedder("random")
    embedder.fingerprint = UNTRAINED
    build_index([make_folder(3)], tmp_path / "old.index", embedder=embedder)
    return "old.index"


def refused(run, *arguments):
    result = run(*arguments)
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    return line


def test_a_query_is_refused_and_told_why_and_how_to_go_on(run, old_index):
    line = refused(run, "queryDataset", "-q", "frames/000002.png", "-i", old_index)
    assert "the index has weights builtin (sha256 e88b0047b69b), 224x224" in line
    assert f"this run has weights builtin (sha256 {NAMED_WEIGHTS['builtin'].sha256[:12]})" in line
    assert "the weights builtin have changed since it was made" in line
    assert "make it again from its sources under another name" in line
    assert line.endswith("or go on with weights random, which it has")


def test_the_weights_that_it_names_do_go_on(run, old_index):
    result = run("queryDataset", "-q", "frames/000002.png", "-i", old_index, "--weights", "random")
    assert "Frame Number: 1\n" in result.stdout


def test_new_frames_are_refused_and_the_index_stays(run, old_index, picture, tmp_path, snapshot):
    picture(9).save(tmp_path / "frames" / "000004.png")
    before = snapshot(tmp_path / old_index)
    line = refused(run, "buildIndex", "-i", "frames", "-o", old_index)
    assert "the weights builtin have changed since it was made" in line
    after = snapshot(tmp_path / old_index)
    assert {name: content for name, (content, _) in after.items()} == {
        name: content for name, (content, _) in before.items()
    }


def test_today_s_threshold_is_not_used_for_it(run, old_index):
    line = refused(run, "dedup", old_index)
    assert "another version of the weights builtin (sha256 e88b0047b69b)" in line
    assert "build the index again from its sources under another name" in line


def test_a_threshold_that_is_given_counts(run, old_index):
    result = run("dedup", old_index, "--threshold", "0.99")
    assert result.stdout.startswith("Would drop ")


def test_a_stored_threshold_counts(run, old_index, tmp_path):
    threshold = StoredThreshold(0.99, 0.0001, 1000, "2026-01-02T03:04:05+00:00")
    store_threshold(tmp_path / old_index, threshold, fingerprint=UNTRAINED)
    assert "calibrated for this index" in run("dedup", old_index).stdout
