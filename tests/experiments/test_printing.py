import io

import pytest
from rich.console import Console

from offhook.experiments.comparing import compare
from offhook.experiments.printing import print_comparison
from tests.experiments.calls import sample


def printed(width: int, *variants: str) -> str:
    calls = [
        sample(
            variant,
            duration_s=60 + 30 * which + place % 9,
            first_audio_ms=(700.0 + place, 1_900.0 + place),
            interruptions=0,
            cost=0.011 + place / 9_000,
            currency="USD",
            tools=(True,) * 3 if which else (),
        )
        for which, variant in enumerate(variants)
        for place in range(40)
    ]
    output = io.StringIO()
    print_comparison(Console(file=output, width=width, force_terminal=False), compare("tone", calls))
    return output.getvalue()


@pytest.mark.parametrize("width", [60, 80])
def test_it_fits_a_narrow_terminal_without_breaking_a_figure(width: int) -> None:
    lines = printed(width, "control", "calm").splitlines()
    assert max(map(len, lines)) <= width
    assert any(line.split() == ["calm", "93.8", "[92.9,", "94.6]", "+30.0", "[+28.8,", "+31.2]", "*"] for line in lines)
    assert any(line.startswith("  control  739 [736, 739]") for line in lines)


def test_figures_are_told_with_their_units() -> None:
    text = printed(80, "control", "calm")
    assert "tone, callers of reception" in text
    for heading in ("duration, s", "wait for an answer, p95, ms", "cost of a call, USD", "tools that worked"):
        assert heading in text
    assert "ended by agent hung up" in text
    assert "100% [91%, 100%]" in text
    assert "0.0132 [" in text
    assert "calm differs from control in: duration." in " ".join(text.split())
    assert "by chance" in text


def test_a_measure_of_which_nobody_has_anything_is_left_out() -> None:
    output = io.StringIO()
    console = Console(file=output, width=60)
    print_comparison(console, compare("tone", [sample("[b]a[/]", first_audio_ms=())]))
    text = output.getvalue()
    assert "wait for" not in text
    assert "tools" not in text
    assert "  [b]a[/]" in text
    assert "by chance" not in text
