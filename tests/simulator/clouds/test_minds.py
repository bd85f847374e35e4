import pytest

from offhook.simulator.clouds.minds import quoted_line


@pytest.mark.parametrize(
    ("instructions", "line"),
    [
        ('Say exactly this: "Good morning."', "Good morning."),
        ('[Say "Hello", then say: "Good morning."]', "Good morning."),
        ("Answer now.", ""),
        ("", ""),
    ],
)
def test_a_line_to_be_said_by_the_letter(instructions: str, line: str) -> None:
    assert quoted_line(instructions) == line
