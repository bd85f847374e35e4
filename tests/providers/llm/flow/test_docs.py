"""The example in docs/flows.md loads and talks as the page says."""

import re
from pathlib import Path

import pytest

from offhook.errors import FlowError
from offhook.providers.llm.flow import load_facts, load_flow
from offhook.providers.llm.flow.facts import Facts
from offhook.providers.llm.flow.model import Flow, GlobalLines, Intent, Slot, State
from tests.providers.llm.flow.conftest import Line

_PAGE = Path("docs/flows.md").read_text()


def _block(kind: str) -> str:
    match = re.search(rf"^```\w+ {kind}\n(.*?)^```", _PAGE, re.DOTALL | re.MULTILINE)
    assert match
    return match[1]


def _example(folder: Path) -> tuple[Flow, Facts]:
    (folder / "flow.toml").write_text(_block("flow"))
    (folder / "facts.toml").write_text(_block("facts"))
    return load_flow(folder / "flow.toml"), load_facts(folder / "facts.toml")


async def test_the_example_talks_as_written(tmp_path: Path) -> None:
    line = Line(*_example(tmp_path), tmp_path)
    rows = [row.split(":", 1) for row in _block("call").splitlines()]
    for (_, caller), (_, agent) in zip(rows[::2], rows[1::2], strict=True):
        assert await line.say(caller.strip()) == agent.strip()
    assert line.ended
    assert line.kept_messages()[0]["reason"] == "Please keep: Jane Austen"


async def test_the_example_knows_its_facts(tmp_path: Path) -> None:
    line = Line(*_example(tmp_path), tmp_path)
    assert "Wednesday mornings" in await line.say("do you buy old books?")
    assert "behind the church" in await line.say("is there parking?")
    assert "closed Sunday" in await line.say("are you open on Sunday?")


def test_the_mistake_is_told_as_written(tmp_path: Path) -> None:
    path = tmp_path / "bookshop.toml"
    path.write_text(_block("flow").replace('next = "keep_it"', 'next = "kept_it"', 1))
    with pytest.raises(FlowError) as caught:
        load_flow(path)
    assert str(caught.value).replace(f"{tmp_path}/", "") in _PAGE


def test_every_key_is_explained() -> None:
    for table in (Flow, State, Intent, Slot):
        for key in table.model_fields:
            assert f"`{key}`" in _PAGE or f"`{key}." in _PAGE or f"[{key}" in _PAGE, f"{table.__name__}.{key}"
    for key in GlobalLines.model_fields:
        assert f"\n{key} = " in _block("flow")
