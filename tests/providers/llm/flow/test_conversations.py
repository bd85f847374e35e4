"""Whole conversations with the built-in receptionist, written as text."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from offhook.providers.llm.base import ToolCall
from tests.providers.llm.flow.conftest import Line

_FOLDER = Path(__file__).parent / "conversations"


@dataclass
class Script:
    name: str
    steps: list[tuple[str, str]] = field(default_factory=list)


def _scripts() -> Iterator[Script]:
    for path in sorted(_FOLDER.glob("*.txt")):
        script: Script | None = None
        for row in path.read_text().splitlines():
            if row.startswith("== "):
                if script:
                    yield script
                script = Script(f"{path.stem}: {row[3:]}")
            elif row and not row.startswith("#") and script:
                script.steps.append((row[0], row[2:].strip()))
        if script:
            yield script


@pytest.mark.parametrize("script", list(_scripts()), ids=lambda script: script.name)
async def test_conversation(script: Script, line: Line) -> None:
    said, calls = "", 0
    for kind, text in script.steps:
        if kind in "CK":
            assert not line.ended, f"hung up before: {text}"
            calls = len(line.calls)
            said = await (line.say(text) if kind == "C" else line.say(keypad=text))
            assert said or line.calls[calls:]
        elif kind == "A":
            for words in text.split("|"):
                assert words.strip().casefold() in said.casefold(), f"{words.strip()!r} not in {said!r}"
        else:
            _assert_called(line.calls[calls:], text, said)


def _assert_called(calls: list[ToolCall], text: str, said: str) -> None:
    name, _, rest = text.partition(" ")
    call = next((call for call in calls if call.name == name), None)
    assert call is not None, f"{name} was not called; said {said!r}"
    words = rest.split("=")
    keys = [words[0], *(part.rpartition(" ")[2] for part in words[1:-1])] if rest else []
    values = [*(part.rpartition(" ")[0] for part in words[1:-1]), words[-1]]
    for key, value in zip(keys, values, strict=False):
        assert call.arguments.get(key) == value, f"{key}: {call.arguments}"
