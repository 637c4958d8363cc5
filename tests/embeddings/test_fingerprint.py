import json
from dataclasses import replace

import pytest

from nearframe.common import FingerprintMismatchError, NearframeError
from nearframe.embeddings import Arithmetic, Fingerprint, Preprocessing

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


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("weights", "\0", "cannot be a path"),
        ("weights", "\ud800", "cannot be a path"),
        ("dimension", 10**400, r"Expected `int` <= 65536 at `\.dimension`"),
        ("sha256", 7, r"Expected `str`, got `int` at `\.sha256`"),
        ("arithmetic", {"exact": 1}, r"Expected `bool`, got `int` at `\.arithmetic\.exact`"),
        ("later", 1, "unknown field `later`"),
    ],
)
def test_a_field_that_is_none_is_named(field, value, message):
    with pytest.raises(NearframeError, match=f"not a fingerprint .*{message}"):
        Fingerprint.from_json({**OURS.to_json(), field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [("size", 0), ("size", 10**9), ("std", [0, 1, 1]), ("mean", [float("nan"), 0, 0])],
)
def test_preprocessing_that_cannot_be_done_is_refused(field, value):
    fields = OURS.to_json()
    fields["preprocessing"][field] = value
    with pytest.raises(NearframeError, match=rf"not a description .*at `\.{field}"):
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


def made_with(**arithmetic):
    return replace(OURS, arithmetic=Arithmetic(**arithmetic))


def test_runtime_and_precision_do_not_count_where_they_agree():
    int8 = made_with(runtime="onnxruntime", precision="int8")
    OURS.require_same(int8, **NAMES)
    int8.require_same(OURS, **NAMES)
    assert int8 == OURS
    assert OURS.describe().endswith(", fp32 in torch")
    assert int8.describe().endswith(", int8 in onnxruntime")


def test_a_precision_that_moves_vectors_is_comparable_with_its_like_only():
    coarse = made_with(runtime="onnxruntime", precision="int8", exact=False)
    coarse.require_same(coarse, **NAMES)
    for other in (OURS, made_with(precision="bf16")):
        with pytest.raises(FingerprintMismatchError, match="int8 in onnxruntime"):
            other.require_same(coarse, **NAMES)
        with pytest.raises(FingerprintMismatchError, match="int8 in onnxruntime"):
            coarse.require_same(other, **NAMES)


def test_json_keeps_the_arithmetic():
    coarse = made_with(runtime="onnxruntime", precision="int8", exact=False)
    read = Fingerprint.from_json(json.loads(json.dumps(coarse.to_json())))
    assert read.arithmetic == coarse.arithmetic


def test_an_index_from_before_there_was_a_choice_has_torch_and_fp32():
    fields = OURS.to_json()
    del fields["arithmetic"]
    assert Fingerprint.from_json(fields).arithmetic == Arithmetic("torch", "fp32", exact=True)
