import pytest


@pytest.fixture
def applied(run, make_folder):
    folder = make_folder([0, 1, 0, 1])
    run("dedup", "frames", "--apply", "move")
    return folder


def test_puts_the_files_back(run, applied, tmp_path):
    result = run("undo", "frames.dedup.journal.jsonl")
    assert result.stdout == "Took back 2 files; 0 left alone\n"
    assert (result.stderr, result.exit_code) == ("", 0)
    assert len(list(applied.iterdir())) == 4
    assert not (tmp_path / "frames-repeats").exists()


def test_works_from_any_folder(run, applied, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert run("undo", "../frames.dedup.journal.jsonl").exit_code == 0
    assert len(list(applied.iterdir())) == 4


def test_a_second_time_there_is_nothing_to_do(run, applied):
    run("undo", "frames.dedup.journal.jsonl")
    result = run("undo", "frames.dedup.journal.jsonl")
    assert result.stdout == "Nothing to take back: every file is where it was\n"
    assert result.exit_code == 0


def test_a_changed_file_is_listed_and_fails(run, applied, tmp_path):
    (tmp_path / "frames-repeats" / "000003.png").write_text("edited")
    result = run("undo", "frames.dedup.journal.jsonl")
    assert result.stdout == "Took back 1 file; 1 left alone\n"
    assert result.stderr == (
        "Skipped 1 file:\n"
        "  frames-repeats/000003.png: changed since it was put there; left where it is\n"
    )
    assert result.exit_code == 1


def test_a_plan_is_no_journal(run, applied):
    result = run("undo", "frames.dedup.json")
    assert result.exit_code == 1
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: frames.dedup.json is not a journal of an applied plan")
    assert "give the .journal.jsonl file" in line


def test_a_missing_journal_is_one_line(run):
    result = run("undo", "none.jsonl")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: none.jsonl: no such file")
    assert len(result.stderr.splitlines()) == 1


def test_a_journal_is_needed(run):
    assert run("undo").exit_code == 2
