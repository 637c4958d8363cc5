"""info, verify and export: what can be asked of an index that exists."""

import json
import re

import faiss
import numpy as np
import pytest


@pytest.fixture
def index(run, make_folder, sample_video):
    make_folder(3)
    run("buildIndex", "-i", "frames", "-i", sample_video, "-o", "x.index", "--every", 100)
    return "x.index"


def test_info_says_what_is_in_an_index(run, index, sample_video):
    result = run("info", index)
    lines = result.stdout.splitlines()
    assert re.fullmatch(r"Index: +x\.index \(\d+\.\d MB\)", lines[0])
    assert re.fullmatch(r"Frames: +6", lines[1])
    made_with = r"Made with: +weights builtin \(sha256 \w{12}\), \d+x\d+ stretch, fp32 in torch"
    assert re.fullmatch(made_with, lines[2])
    rows = [line.split() for line in lines[lines.index("Sources:") + 1 :]]
    assert rows == [
        ["3", "frames", "folder", "frames"],
        ["3", "frames", "video", str(sample_video)],
    ]
    assert (result.stderr, result.exit_code) == ("", 0)


def test_info_counts_vectors_that_are_no_longer_used(run, index, tmp_path, picture):
    picture(50).save(tmp_path / "frames" / "000002.png")
    run("buildIndex", "-i", "frames", "-o", index)
    assert "6 (1 unused vector)" in run("info", index).stdout


def test_info_has_json(run, index):
    answer = json.loads(run("info", index, "--json").stdout)
    assert (answer["index"], answer["frames"], answer["vectors"]) == ("x.index", 6, 6)
    assert answer["fingerprint"]["weights"] == "builtin"
    assert [source["kind"] for source in answer["sources"]] == ["folder", "video"]
    assert [source["files"] for source in answer["sources"]] == [3, 1]
    assert answer["problems"] == []


def test_info_says_how_an_index_is_searched(run, index, monkeypatch):
    assert "Search:      exact\n" in run("info", index).stdout
    assert json.loads(run("info", index, "--json").stdout)["search"] == {"kind": "flat"}
    monkeypatch.setattr("nearframe.index.search.choice._FEWEST_FOR_LISTS", 1)
    run("buildIndex", "-i", "frames", "-o", index, "--ann", "ivf")
    line = (
        r"Search:      approximate, [12] of 2 lists; recall@1 [01]\.\d{3}, recall@10 [01]\.\d{3} "
        r"\(measured with 6 queries\)\n"
    )
    assert re.search(line, run("info", index).stdout)
    answer = json.loads(run("info", index, "--json").stdout)["search"]
    assert (answer["kind"], answer["lists"], answer["queries"]) == ("ivf", 2, 6)
    assert 0 <= answer["recall_at_10"] <= answer["recall_at_1"] <= 1
    run("buildIndex", "-i", "frames", "-o", index, "--ann", "flat")
    assert json.loads(run("info", index, "--json").stdout)["search"] == {"kind": "flat"}


def test_verify_finds_a_whole_index_whole(run, index):
    result = run("verify", index)
    assert result.stdout == "x.index: 6 frames in 1 file checked, 0 damaged\n"
    assert (result.stderr, result.exit_code) == ("", 0)


def damage(tmp_path):
    (shard,) = (tmp_path / "x.index").glob("*.f32")
    content = bytearray(shard.read_bytes())
    content[100] ^= 1
    shard.write_bytes(content)
    return shard


def test_verify_finds_a_changed_bit_and_fails(run, index, tmp_path):
    shard = damage(tmp_path)
    result = run("verify", index)
    assert result.exit_code == 1
    assert re.search(r"[1-9] damaged\n", result.stdout)
    lines = result.stderr.splitlines()
    assert all(line.startswith("Error: ") for line in lines)
    assert shard.name in lines[0]
    assert "checksum" in lines[0]


def test_verify_has_json(run, index, tmp_path):
    assert json.loads(run("verify", index, "--json").stdout)["damage"] == []
    damage(tmp_path)
    result = run("verify", index, "--json")
    answer = json.loads(result.stdout)
    assert (answer["frames"], answer["shards"]) == (6, 1)
    assert len(answer["damage"]) >= 1
    assert result.exit_code == 1


def test_a_damaged_index_is_repaired_as_verify_says(run, index, tmp_path):
    damage(tmp_path).unlink()
    run("buildIndex", "-i", "frames", "-o", index)
    assert run("verify", index).exit_code == 0


@pytest.mark.parametrize("name", ["out.json", "out.faiss", "out.npy"])
def test_export_writes_the_file(run, index, tmp_path, name):
    result = run("export", index, name)
    assert result.stdout == f"Exported 6 frames to {name}\n"
    assert (result.stderr, result.exit_code) == ("", 0)
    assert (tmp_path / name).is_file()


def test_exports_hold_every_frame(run, index, tmp_path):
    for name in ("out.json", "out.faiss", "out.npy"):
        run("export", index, name)
    assert len(json.loads((tmp_path / "out.json").read_text())["frames"]) == 6
    assert faiss.read_index(str(tmp_path / "out.faiss")).ntotal == 6
    assert np.load(tmp_path / "out.npy").shape == (6, 2048)


def test_one_frame_is_no_plural(run, make_folder):
    make_folder(1)
    run("buildIndex", "-i", "frames", "-o", "x.index")
    assert run("export", "x.index", "x.json").stdout == "Exported 1 frame to x.json\n"
    assert "1 frame in 1 file checked" in run("verify", "x.index").stdout


def test_an_export_answers_queries(run, index):
    run("export", index, "out.json")
    result = run("queryDataset", "-q", "frames/000002.png", "-i", "out.json")
    assert "Frame Number: 1\n" in result.stdout


def test_export_refuses_a_format_it_does_not_know(run, index, tmp_path):
    result = run("export", index, "out.csv")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: cannot export to out.csv; expected a name that ends in .json, .faiss, .npy\n"
    )


@pytest.mark.parametrize("command", [("info",), ("verify",), ("export",), ("export", "x.index")])
def test_arguments_are_needed(run, command):
    assert run(*command).exit_code == 2
