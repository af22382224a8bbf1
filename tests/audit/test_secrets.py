"""A secret is found in a file, and in a commit after which it was removed."""

import re
import secrets as chance
import string
import subprocess
from pathlib import Path

import pytest

from tests.audit import secrets
from tests.audit.errors import AuditFailed


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository with a commit and nothing to hide."""
    tree = tmp_path / "tree"
    tree.mkdir()
    git(tree, "init", "--quiet")
    (tree / "app.py").write_text("print('hello')\n")
    (tree / ".gitignore").write_text(".env\n")
    commit(tree, "a beginning")
    return tree


def git(tree: Path, *arguments: str) -> str:
    identity = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
    return subprocess.run(["git", "-C", tree, *identity, *arguments], check=True, capture_output=True, text=True).stdout


def commit(tree: Path, message: str) -> str:
    git(tree, "add", "--all")
    git(tree, "commit", "--quiet", "--message", message)
    return git(tree, "rev-parse", "HEAD")[:12]


def planted() -> str:
    """A key as somebody would leave it: the rules of Kingfisher, and ours."""
    key = "".join(chance.choice(string.ascii_letters + string.digits) for _ in range(24))
    numbers = f"{chance.randbelow(9 * 10**11) + 10**11}-{chance.randbelow(9 * 10**12) + 10**12}"
    address = f"postgresql://safegrid:{chance.token_hex(24)}@db.example.org/safegrid"
    return f"slack = 'xoxb-{numbers}-{key}'\nSECRET_KEY={chance.token_urlsafe(32)}\nDATABASE_URL={address}\n"


def test_a_clean_tree_is_clean(tree: Path) -> None:
    (tree / ".env").write_text(planted())
    assert secrets.audit(tree) == "2 files and 1 commits"


def test_a_secret_in_a_file_is_found_whether_or_not_it_is_committed(tree: Path) -> None:
    (tree / "settings.py").write_text(planted())
    with pytest.raises(AuditFailed) as found:
        secrets.audit(tree)
    assert sorted(line.partition(": ")[0] for line in str(found.value).splitlines()[1:]) == [
        f"  settings.py:{line}" for line in (1, 2, 3)
    ]


def test_a_secret_that_was_removed_is_found_in_its_commit(tree: Path, tmp_path: Path) -> None:
    (tree / "settings.py").write_text(text := planted())
    of_it = commit(tree, "settings")
    (tree / "settings.py").unlink()
    commit(tree, "nobody has seen it")
    git(tree, "worktree", "add", "--quiet", str(tmp_path / "beside"))
    for place in (tree, tmp_path / "beside"):
        with pytest.raises(AuditFailed) as found:
            secrets.audit(place)
        assert str(found.value).count(f"in commit {of_it}") == 3
        assert not any(value in str(found.value) for value in re.findall(r"[\w-]{20,}", text))


def test_a_tree_without_a_repository_is_looked_through(tmp_path: Path) -> None:
    (tmp_path / "settings.py").write_text(planted())
    with pytest.raises(AuditFailed, match=r"settings.py:2: safegrid.setting"):
        secrets.audit(tmp_path)
