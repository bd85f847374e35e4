"""The documents: every link leads somewhere, every command named in them exists."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")])
_LINK = re.compile(r"\[[^\]]+\]\(([^)#\s]+)(#[^)]*)?\)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target, _ in _LINK.findall(page.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_named_in_commands_exist(page: Path) -> None:
    for named in re.findall(r"\b(?:examples|docs|deploy)/[\w./-]+\.\w+", page.read_text()):
        assert (ROOT / named).exists(), f"{page.name}: {named}"


def test_the_readme_reaches_running_code_within_thirty_lines() -> None:
    assert "make run" in "\n".join((ROOT / "README.md").read_text().splitlines()[:30])
