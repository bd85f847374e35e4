"""The documents: every link leads somewhere, every command named in them exists."""

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from offhook.calls.tools.base import ToolContext
from offhook.calls.tools.runner import ToolRunner
from offhook.config_files import load_settings
from offhook.providers.llm.base import ToolCall
from offhook.server.toolbox import Toolbox

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").rglob("*.md")]
)
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


def _example(page: str, language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", (ROOT / "docs" / page).read_text(), re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


async def test_the_tools_of_the_example_run(tmp_path: Path) -> None:
    (tmp_path / "agent.py").write_text(_example("tools.md", "python"))
    (tmp_path / "offhook.toml").write_text(_example("tools.md", "toml"))
    settings = load_settings(tmp_path / "offhook.toml", environ={})
    toolbox = Toolbox(settings)
    tools = tuple(await toolbox.tools(settings.agents["reception"]))
    await toolbox.close()
    now = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    runner = ToolRunner(tools, ToolContext("call-1", "", tmp_path, lambda: now))
    repairs = [{"kind": "brakes"}, {"kind": "wheel", "count": "2"}]
    calls = [
        ToolCall("1", "price_of", {"repairs": repairs}),
        ToolCall("2", "price_of", {"repairs": [{"kind": "bell"}]}),
        ToolCall("3", "free_places", {"day": "2026-03-03"}),
        ToolCall("4", "free_places", {"day": "2026-03-01"}),
    ]
    runs = [await runner.run(call) for call in calls]
    assert [run.text for run in runs if not run.error] == ['{"euros":205}', '{"places":3}']
    assert [run.error for run in runs if run.error] == [
        "repairs.0.kind: Input should be 'brakes', 'gears' or 'wheel'",
        "that day is over; ask for another one",
    ]
    assert tools[0].spec.description == "Tell what repairs cost."
