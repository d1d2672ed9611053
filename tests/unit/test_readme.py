"""README.md: its file tree is the files as they are, and its links lead somewhere."""

import importlib.util
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()

_spec = importlib.util.spec_from_file_location("tree", ROOT / "docs/tree.py")
tree = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(tree)


def paths_in_readme():
    """Every path of the tree, put together from the indentation."""
    block = README.split(tree.BEGIN)[1].split(tree.END)[0]
    folders = []
    for line in block.splitlines():
        label = line.split()[0]
        depth = (len(line) - len(line.lstrip())) // 2
        folders = [*folders[:depth], label.rstrip("/")]
        yield "/".join(folders)


def test_every_file_in_the_tree_exists_and_every_source_file_is_in_it():
    """A new file without its line, or a line without its file: run `make docs`."""
    shown = list(paths_in_readme())
    assert len(shown) == len(set(shown))
    assert [name for name in shown if not (ROOT / name).exists()] == []
    sources = [name for name in tree.tracked() if name.startswith(tree.LISTED) and (ROOT / name).stat().st_size]
    assert sorted(set(sources) - set(shown)) == []


def test_the_tree_says_what_the_files_say():
    """The phrases are the first words of each file about itself: run `make docs` when one has changed."""
    assert tree.rewritten(README) == README


@pytest.mark.parametrize("name", [n for n in tree.tracked() if n.startswith(("streams/", "models/", "export/"))])
def test_every_source_file_says_what_it_is_for(name):
    """A phrase of at least two words; pictures, locks and empty packages aside."""
    if (ROOT / name).stat().st_size and not name.endswith(".svg"):
        assert len(tree.phrase(name).split()) >= 2


def test_links_between_pages_lead_somewhere():
    """Every relative link in README.md, docs/ and the runbooks names a file that exists."""
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "deploy").rglob("*.md")]
    dead = [
        f"{page.relative_to(ROOT)}: {link}"
        for page in pages
        for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
        if not (page.parent / link).exists()
    ]
    assert dead == []


def test_every_decision_is_in_the_index():
    """docs/decisions/README.md names each page beside it once."""
    folder = ROOT / "docs/decisions"
    named = re.findall(r"\]\(([^)]+)\)", (folder / "README.md").read_text())
    assert sorted(named) == sorted(page.name for page in folder.glob("*.md") if page.name != "README.md")
