import numpy as np
import pytest
from PIL import Image

from nearframe.common import NearframeError
from nearframe.common.drawing import PLOT_FORMATS
from nearframe.embeddings import DIMENSION
from nearframe.query import COPY_EDITS, evaluate, plot_similarities

FEW = {name: COPY_EDITS[name] for name in ("jpeg20", "crop40", "mirror")}


@pytest.fixture
def evaluation(make_folder, fake_embedder):
    return evaluate(make_folder(4), embedder=fake_embedder, edits=FEW)


def test_is_a_picture(evaluation, tmp_path):
    plot_similarities(evaluation, tmp_path / "plot.png")
    with Image.open(tmp_path / "plot.png") as image:
        assert image.format == "PNG"
        assert min(image.size) > 400
        assert len(image.convert("RGB").getcolors(1 << 24)) > 50
    assert [path.name for path in tmp_path.glob("*plot*")] == ["plot.png"]


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf", ".PNG"])
def test_is_written_as_its_name_says(evaluation, tmp_path, suffix):
    starts = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}
    plot_similarities(evaluation, tmp_path / f"plot{suffix}")
    content = (tmp_path / f"plot{suffix}").read_bytes()
    assert content.startswith(starts[suffix.lower()])


@pytest.mark.parametrize("suffix", PLOT_FORMATS)
def test_the_same_figures_give_the_same_file(evaluation, tmp_path, suffix, monkeypatch):
    contents = []
    for second in ("1", "2"):
        # What matplotlib takes for the time where a file has one.
        monkeypatch.setenv("SOURCE_DATE_EPOCH", second)
        plot_similarities(evaluation, tmp_path / f"plot{suffix}")
        contents.append((tmp_path / f"plot{suffix}").read_bytes())
    assert contents[0] == contents[1]


def test_draws_where_nothing_differs_from_nothing(make_folder, embedder_of, tmp_path):
    blind = embedder_of(lambda pixels: np.ones((len(pixels), DIMENSION)))
    evaluation = evaluate(make_folder(3), embedder=blind, edits=FEW)
    plot_similarities(evaluation, tmp_path / "plot.png")


@pytest.mark.parametrize("name", ["plot.txt", "plot", "none/plot.png"])
def test_what_cannot_be_drawn_is_refused(evaluation, tmp_path, name):
    with pytest.raises(NearframeError, match="cannot draw"):
        plot_similarities(evaluation, tmp_path / name)
