"""Every mistake in a file is told with its line and what to do."""

import re
from pathlib import Path

import pytest

from offhook.errors import FlowError
from offhook.providers.llm.flow import load_facts, load_flow

_DATA = Path("src/offhook/providers/llm/flow/data")
_FLOW = (_DATA / "receptionist.toml").read_text()
_FACTS = (_DATA / "facts.toml").read_text()


def test_the_built_in_files_are_well() -> None:
    assert load_flow().start == "open"
    assert load_facts().business.name == "Ace Plumbing"


def _error(path: Path, text: str, *, facts: bool = False) -> FlowError:
    path.write_text(text)
    with pytest.raises(FlowError) as caught:
        load_facts(path) if facts else load_flow(path)
    assert caught.value.file == path
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("old", "new", "problem", "at"),
    [
        ('start = "open"', 'start = "opne"', 'no state "opne"', 'start = "opne"'),
        ("patience = 6", "patiense = 6", "not known", "patiense = 6"),
        ("patience = 6", "patience = 600", "less than or equal to 20", "patience = 600"),
        ('next = "take_message"', 'next = "take_mesage"', 'no state "take_mesage"', 'next = "take_mesage"'),
        ('collect = ["time"]', 'collect = ["tme"]', 'no slot "tme"', 'collect = ["tme"]'),
        ('tool = "check_availability"', 'tool = "check"', 'no tool "check"', 'tool = "check"'),
        ('part = "{part}" }', 'parts = "{part}" }', "no argument of check_availability", 'parts = "{part}" }'),
        ('message = "message"\nproblem', 'mesage = "message"\nproblem', 'no intent "mesage"', 'mesage = "message"'),
        ('kind = "text"', 'kind = "txt"', "Input should be", 'kind = "txt"'),
        ('hold = ["Of course', 'hodl = ["Of course', "is missing", "[lines]"),
        ('ask = "Morning or afternoon?"\n', "", "is missing", "[slots.part]"),
        (
            'so_far = ["I have {value} so far. What comes next?", "{value}, and then?"]',
            "",
            "half a number",
            "[slots.number]",
        ),
        ('does = "hold"', 'does = "hodl"', "Input should be", 'does = "hodl"'),
        ('"leave it",', '"leave (it",', 'lacks a ")"', 'phrases = [\n    "never mind"'),
        (
            "Thank you for calling {business}",
            "Thank you for calling {busines}",
            'no slot "busines"',
            "Thank you for calling {busines}",
        ),
        ('fills = "reason"', 'fills = "name"', "slot of kind text", 'fills = "name"'),
        ("[states.lost]", '[states.lonely]\nnext = "bye"\n\n[states.lost]', "nothing leads to", "[states.lonely]"),
        ("end = true", 'end = true\nnext = "more"', "exactly one of", "[states.bye]"),
        ('give_up = "message"', 'give_up = "mesage"', 'no state "mesage"', 'give_up = "mesage"'),
        ('to = "choose"', 'to = "chose"', 'no state "chose"', 'to = "chose"'),
        ("[states.booking.outcomes.else]", "[states.booking.outcomes.other]", "no outcome names", "[states.booking]"),
        ('start = "open"', "start = open", "not TOML", "start = open"),
        ('hold = ["Of course', 'hold = [7, "Of course', "must be text", "hold = [7"),
    ],
)
def test_mistakes_in_a_flow(tmp_path: Path, old: str, new: str, problem: str, at: str) -> None:
    text = _FLOW.replace(old, new, 1)
    assert text != _FLOW
    error = _error(tmp_path / "flow.toml", text)
    assert problem in str(error)
    assert error.line == text[: text.index(at)].count("\n") + 1
    assert re.match(rf".*flow\.toml:{error.line}: ", str(error))


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('monday = "08:00-18:00"', 'monday = "8 to 6"', 'write "08:00-18:00"'),
        ('monday = "08:00-18:00"', 'monday = "18:00-08:00"', "closes before it opens"),
        ('monday = "08:00-18:00"', 'munday = "08:00-18:00"', "not known"),
        ("slot_minutes = 60", "slot_minutes = 0", "greater than or equal to 5"),
        ('"how do i (get|find) [to] (you|there)"', '"how do i (get"', "lacks a"),
        ('answer = "You have reached Ace Plumbing."', 'anser = "x"', "is missing"),
    ],
)
def test_mistakes_in_facts(tmp_path: Path, old: str, new: str, problem: str) -> None:
    text = _FACTS.replace(old, new, 1)
    error = _error(tmp_path / "facts.toml", text, facts=True)
    assert problem in str(error)
    assert error.line is not None
    assert abs(error.line - text[: text.index(new)].count("\n") - 1) <= 7


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FlowError, match="cannot be read"):
        load_flow(tmp_path / "none.toml")


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    (tmp_path / "flow.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FlowError, match="UTF-8"):
        load_flow(tmp_path / "flow.toml")


def test_tools_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "flow.toml"
    path.write_text(_FLOW.replace('tool = "take_message"', 'tool = "open_ticket"'))
    assert load_flow(path, tools=["open_ticket"]).states["take_message"].tool == "open_ticket"


def test_whatever_line_is_lost_it_loads_or_says_why(tmp_path: Path) -> None:
    lines = _FLOW.splitlines()
    path = tmp_path / "flow.toml"
    for place in range(0, len(lines), 7):
        path.write_text("\n".join(lines[:place] + lines[place + 1 :]))
        try:
            load_flow(path)
        except FlowError as error:
            assert error.line is not None, str(error)  # noqa: PT017
