import json
from dataclasses import replace

import pytest

from nearframe.embeddings import (
    Fingerprint,
    FingerprintMismatchError,
    NearframeError,
    Preprocessing,
)

OURS = Fingerprint("builtin", "a" * 64, Preprocessing())
NAMES = {"mine": "the index", "theirs": "this run", "remedy": "make a new one"}


def test_json_brings_back_an_equal_fingerprint():
    assert Fingerprint.from_json(json.loads(json.dumps(OURS.to_json()))) == OURS


@pytest.mark.parametrize("missing", ["weights", "sha256", "preprocessing", "dimension"])
def test_json_without_a_field_is_refused(missing):
    fields = OURS.to_json()
    del fields[missing]
    with pytest.raises(NearframeError, match=f"not a fingerprint.*{missing}") as caught:
        Fingerprint.from_json(fields)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fields", [None, 7, [], "text", {"preprocessing": 3}])
def test_other_json_is_refused(fields):
    with pytest.raises(NearframeError, match="not a "):
        Fingerprint.from_json(fields)


def test_equal_fingerprints_can_be_compared():
    OURS.require_same(replace(OURS), **NAMES)


def test_the_name_of_the_weights_does_not_count():
    OURS.require_same(replace(OURS, weights="/elsewhere/builtin.pth"), **NAMES)


@pytest.mark.parametrize(
    "theirs",
    [
        replace(OURS, sha256="b" * 64),
        replace(OURS, dimension=512),
        replace(OURS, preprocessing=Preprocessing(fit="crop")),
        replace(OURS, preprocessing=Preprocessing(size=112)),
        replace(OURS, preprocessing=Preprocessing(mean=(0.5, 0.5, 0.5))),
        replace(OURS, preprocessing=Preprocessing(std=(0.5, 0.5, 0.5))),
    ],
    ids=["weights", "dimension", "fit", "size", "mean", "std"],
)
def test_a_difference_is_refused_and_both_sides_are_named(theirs):
    with pytest.raises(FingerprintMismatchError) as caught:
        OURS.require_same(theirs, **NAMES)
    message = str(caught.value)
    assert f"the index has {OURS.describe()}" in message
    assert f"this run has {theirs.describe()}" in message
    assert OURS.describe() != theirs.describe()
    assert message.endswith("make a new one")
    assert "\n" not in message


def test_the_description_names_weights_hash_and_preprocessing():
    text = OURS.describe()
    for part in ("builtin", "aaaaaaaaaaaa", "224x224", "stretch"):
        assert part in text
