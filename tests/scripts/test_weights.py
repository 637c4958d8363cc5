import json

import pytest

from nearframe.embeddings import NAMED_WEIGHTS, WeightsStatus
from nearframe.scripts import weights as module


@pytest.fixture
def listed(monkeypatch, tmp_path):
    """Two of the named weights: one that is there, one that is not."""
    there, missing = NAMED_WEIGHTS["builtin"], NAMED_WEIGHTS["imagenet"]
    statuses = [
        WeightsStatus(there, None, "ab" * 32),
        WeightsStatus(missing, tmp_path / "resnet50.pth", None),
    ]
    monkeypatch.setattr("nearframe.embeddings.list_weights", lambda: statuses)
    return statuses


def test_lists_name_state_path_and_hash(run, listed):
    result = run("weights")
    text = result.stdout
    for status in listed:
        assert f"{status.info.name}: {status.info.description}\n" in text
    assert ("NOT TRAINED" in text) == (not listed[0].info.trained)
    assert f"sha256: {'ab' * 32}\n" in text
    assert "resnet50.pth (not there yet; downloaded on first use)" in text
    dedup = listed[0].info.dedup
    assert f"default threshold: {listed[0].info.threshold:g}; of dedup: {dedup.of(100):g} " in text
    assert (result.stderr, result.exit_code) == ("", 0)


def test_json_has_the_same(run, listed, tmp_path):
    first, second = json.loads(run("weights", "--json").stdout)
    assert first["name"] == "builtin"
    assert first["trained"] == listed[0].info.trained
    assert (first["path"], first["sha256"]) == (None, "ab" * 32)
    assert (second["path"], second["sha256"]) == (str(tmp_path / "resnet50.pth"), None)


@pytest.mark.slow
def test_the_real_list_has_every_name(run):
    names = [entry["name"] for entry in json.loads(run("weights", "--json").stdout)]
    assert names == list(NAMED_WEIGHTS)


def test_the_module_is_the_command():
    assert module.weights.name == "weights"
