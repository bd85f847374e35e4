import pytest

from offhook.providers.realtime.verbatim import line_in, verbatim


@pytest.mark.parametrize("line", ["Hello.", 'Welcome to "Ace".', "One\ntwo.", ""])
def test_a_line_is_read_again(line: str) -> None:
    assert line_in(verbatim(line)) == line


@pytest.mark.parametrize("instructions", ["Go on.", "Answer now.", f"{verbatim('Hello.')} Be brief.", ""])
def test_other_instructions_have_no_line(instructions: str) -> None:
    assert line_in(instructions) == ""
