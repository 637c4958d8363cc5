import pytest

from nearframe.common import NearframeError
from nearframe.query import evaluate_pairs


class Watcher:
    """Notes what is announced; nothing may be embedded after an error in the input."""

    def __init__(self):
        self.labels = []

    def start(self, label, total):
        self.labels.append((label, total))

    def advance(self, count):
        pass


@pytest.fixture
def pairs_of(tmp_path):
    """Write a table of pairs, in the folder that holds them."""

    def write(text, **options):
        path = tmp_path / "pairs.csv"
        path.write_text(text, **options)
        return path

    return write


@pytest.fixture
def originals(make_folder):
    return make_folder(5, name="originals")


@pytest.fixture
def copies(tmp_path, picture):
    folder = tmp_path / "copies"
    folder.mkdir()
    for seed in (0, 2, 9):
        picture(seed).save(folder / f"of {seed}.png")
    return folder


def test_the_users_own_pairs_are_asked(originals, copies, pairs_of, fake_embedder):
    table = pairs_of(
        "query,original\n"
        "copies/of 0.png,originals/000001.png\n"
        "copies/of 2.png,originals/000003.png\n"
    )
    evaluation = evaluate_pairs(originals, table, embedder=fake_embedder)
    (method,) = evaluation.methods
    assert list(method.edits) == ["pairs"]
    assert (method.mean_recall, method.micro_ap) == (1, 1)
    assert (evaluation.originals, evaluation.copies) == (5, 2)


def test_a_wrong_pair_is_a_miss(originals, copies, pairs_of, fake_embedder):
    table = pairs_of("copies/of 0.png,originals/000002.png\ncopies/of 2.png,originals/000003.png\n")
    (method,) = evaluate_pairs(originals, table, embedder=fake_embedder).methods
    assert method.mean_recall == 1 / 2
    assert method.micro_ap < 1


def test_a_query_without_an_original_only_counts_in_the_ranking(
    originals, copies, pairs_of, fake_embedder
):
    lines = "copies/of 0.png,originals/000001.png\n"
    (alone,) = evaluate_pairs(originals, pairs_of(lines), embedder=fake_embedder).methods
    # This one's original is there, but the table says that it has none.
    table = pairs_of(lines + "copies/of 2.png,\n")
    (method,) = evaluate_pairs(originals, table, embedder=fake_embedder).methods
    assert (alone.micro_ap, method.micro_ap) == (1, 1 / 2)
    assert method.mean_recall == 1
    assert len(method.edits["pairs"].similarities) == 1


def test_a_query_among_the_originals_does_not_find_itself(
    originals, picture, pairs_of, fake_embedder
):
    picture(0).point(lambda level: level // 2).save(originals / "000001 dark.png")
    table = pairs_of("originals/000001 dark.png,originals/000001.png\n")
    (method,) = evaluate_pairs(originals, table, embedder=fake_embedder).methods
    assert (method.mean_recall, method.micro_ap) == (1, 1)


def test_any_of_several_originals_will_do(originals, copies, pairs_of, fake_embedder):
    table = pairs_of("copies/of 0.png,originals/000004.png\ncopies/of 0.png,originals/000001.png\n")
    evaluation = evaluate_pairs(originals, table, embedder=fake_embedder)
    assert evaluation.copies == 1
    assert evaluation.methods[0].mean_recall == 1


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("head", ["", "query,original\r\n", "Query path,Original\r\n", "\r\n"])
def test_reads_what_spreadsheets_save(originals, copies, pairs_of, fake_embedder, encoding, head):
    text = head + '"copies/of 0.png", originals/000001.png\r\n\r\n'
    table = pairs_of(text, encoding=encoding, newline="")
    assert evaluate_pairs(originals, table, embedder=fake_embedder).copies == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no line with a query and its original"),
        ("query,original\n", "has no line with a query and its original"),
        ("copies/of 0.png,\n", "has no line with a query and its original"),
        ("\ncopies/of 0.png\n", r"line 2: expected query path,original path"),
        ("copies/of 0.png,a,b\n", r"line 1: expected query path,original path"),
        (",originals/000001.png\n", r"line 1: expected query path,original path"),
        ("copies/none.png,originals/000001.png\n", r"line 1: no such file: copies/none.png"),
        ("copies/of 0.png,copies/of 2.png\n", r"of 2.png.*is not among the images of"),
        ("copies/of 0.png,originals/9.png\n", r"9.png.*is not among the images of"),
    ],
)
def test_a_bad_table_is_refused_before_anything_is_embedded(
    originals, copies, pairs_of, fake_embedder, text, message
):
    watcher = Watcher()
    with pytest.raises(NearframeError, match=message):
        evaluate_pairs(originals, pairs_of(text), embedder=fake_embedder, progress=watcher)
    assert watcher.labels == []


def test_a_table_that_is_no_text_is_refused(originals, tmp_path, fake_embedder):
    (tmp_path / "pairs.csv").write_bytes(b"\xff\xfe\x00\x01,\x00")
    with pytest.raises(NearframeError, match=r"pairs\.csv is no CSV file in UTF-8"):
        evaluate_pairs(originals, tmp_path / "pairs.csv", embedder=fake_embedder)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("copies/of 0.png,originals/\0.png", r"line 1: 'originals/\\x00.png' cannot be a path"),
        ("\0,originals/000001.png", r"line 1: '\\x00' cannot be a path"),
        ("a" * 5000 + ",originals/000001.png", "line 1: no such file: aaa"),
    ],
)
def test_names_that_no_file_has_are_refused(
    originals, copies, tmp_path, fake_embedder, line, message
):
    (tmp_path / "pairs.csv").write_text(line)
    with pytest.raises(NearframeError, match=message):
        evaluate_pairs(originals, tmp_path / "pairs.csv", embedder=fake_embedder)


def test_a_missing_table_is_refused(originals, tmp_path, fake_embedder):
    with pytest.raises(NearframeError, match="no such file"):
        evaluate_pairs(originals, tmp_path / "none.csv", embedder=fake_embedder)


def test_pairs_of_which_a_side_does_not_decode_are_left_out(
    originals, copies, pairs_of, fake_embedder
):
    table = pairs_of("copies/of 0.png,originals/000001.png\ncopies/of 2.png,originals/000003.png\n")
    (copies / "of 2.png").write_text("no image")
    evaluation = evaluate_pairs(originals, table, embedder=fake_embedder)
    assert evaluation.copies == 1
    assert len(evaluation.unreadable) == 1
    (originals / "000001.png").write_text("no image")
    with pytest.raises(NearframeError, match="no pair of which both images can be read"):
        evaluate_pairs(originals, table, embedder=fake_embedder)
