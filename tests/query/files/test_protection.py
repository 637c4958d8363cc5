import pytest

from nearframe.query.files.protection import Protection


@pytest.fixture
def tree(tmp_path):
    for name in ("known/deep/a.png", "known/b.png", "other/c.png", "known2/d.png"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(name.encode())
    return tmp_path


def test_a_folder_protects_all_that_lies_below_it(tree):
    protection = Protection([tree / "known"])
    assert all(protection.covers(tree / name) for name in ("known", "known/b.png", "known/deep"))
    assert protection.covers(str(tree / "known/deep/a.png"))
    assert not any(protection.covers(tree / name) for name in ("other/c.png", "known2/d.png"))


def test_it_does_so_under_every_name(tree):
    (tree / "link").symlink_to(tree / "known")
    (tree / "other/e.png").symlink_to(tree / "known/b.png")
    for protected in ("known", "link"):
        protection = Protection([tree / protected])
        for name in ("known/b.png", "link/deep/a.png", "other/e.png", "other/../known/b.png"):
            assert protection.covers(tree / name)


def test_a_file_is_protected_under_its_other_names(tree):
    (tree / "other/f.png").hardlink_to(tree / "known/b.png")
    protection = Protection([tree / "known/b.png"])
    assert protection.covers(tree / "other/f.png")
    assert not protection.covers(tree / "known/deep/a.png")


def test_what_does_not_exist_protects_nothing_and_may_be_asked_for(tree):
    assert not Protection([tree / "gone"]).covers(tree / "other/c.png")
    assert not Protection([]).covers(tree / "gone")
    assert Protection([tree / "known"]).covers(tree / "known/new.png")
