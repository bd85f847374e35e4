from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from offhook.config_files import load_settings, read_settings
from offhook.errors import ConfigError, SettingsError

ROW = """\
[[prices]]
provider = "openai"
kind = "realtime"
unit = "1M tokens"
price = 0.1
as_of = 2026-11-21
source = "a page"
"""
MAIN = '[costs]\nprices = "prices.toml"\n'


def wrong(folder: Path, text: str, prices: str | None = None) -> list[str]:
    """What is said of wrong settings, line by line, without the folder."""
    (folder / "offhook.toml").write_text(text)
    if prices is not None:
        (folder / "prices.toml").write_text(prices)
    with pytest.raises(ConfigError) as told:
        load_settings(environ={}, cwd=folder)
    errors = told.value.errors if isinstance(told.value, SettingsError) else (told.value,)
    return [str(error).replace(f"{folder}/", "").partition("\n")[0] for error in errors]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("0.1", "-0.1", "offhook.toml:5: prices[0].price: -0.1 is out of range"),
        ("0.1", '"much"', 'offhook.toml:5: prices[0].price: "much" is not a number'),
        ("0.1", "nan", "offhook.toml:5: prices[0].price: nan is not a number"),
        ("as_of = 2026-11-21\n", "", "offhook.toml:1: prices[0].as_of: is needed"),
        ("2026-11-21", '"soon"', 'offhook.toml:6: prices[0].as_of: "soon" is not a day such as "2026-11-21"'),
        ("2026-11-21", "20261121", 'offhook.toml:6: prices[0].as_of: 20261121 is not a day such as "2026-11-21"'),
        ('source = "a page"\n', "", "offhook.toml:1: prices[0].source: is needed"),
        ("1M tokens", "1M words", 'offhook.toml:4: prices[0].unit: "1M words" is not one of its values'),
        ("realtime", "robot", 'offhook.toml:3: prices[0].kind: "robot" is not one of its values'),
        ("price = 0.1\n", "", "offhook.toml:1: prices[0].price: a price is needed"),
        (
            "1M tokens",
            'minute"\nstarted_s = 60\naudio_in = "1',
            "offhook.toml:6: prices[0].audio_in: audio_in is a price",
        ),
        ("price =", "started_s = 60\nprice =", "offhook.toml:5: prices[0].started_s: only minutes are charged"),
        ("price =", "prise =", "offhook.toml:5: prices[0].prise: there is no such setting"),
    ],
)
def test_what_is_wrong_with_a_price_is_told_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert any(told.startswith(said) for told in wrong(tmp_path, ROW.replace(old, new)))


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("stop_per_call = 0", "costs.stop_per_call: 0 is out of range"),
        ("alert_per_day = -1", "costs.alert_per_day: -1 is out of range"),
        ('currency = "dollars"', 'costs.currency: "dollars" is not of the right form'),
        ('timezone = "Mars/Base"', 'costs.timezone: "Mars/Base" is not known'),
        ("old_after_days = 0", "costs.old_after_days: 0 is out of range"),
    ],
)
def test_what_is_wrong_with_limits(tmp_path: Path, setting: str, said: str) -> None:
    [told] = wrong(tmp_path, f"[costs]\n{setting}\n")
    assert told.startswith(f"offhook.toml:2: {said}")


def test_the_same_price_twice(tmp_path: Path) -> None:
    [told] = wrong(tmp_path, ROW + ROW)
    assert told == "offhook.toml:9: prices[1].provider: there is another price of openai realtime * 1M tokens"


def test_a_file_of_prices_is_read_and_ones_own_win(tmp_path: Path) -> None:
    (tmp_path / "offhook.toml").write_text(MAIN + ROW)
    other = ROW.replace("realtime", "llm").replace("0.1", "0.000001")
    (tmp_path / "prices.toml").write_text('currency = "USD"\n' + ROW.replace("0.1", "7") + other)
    loaded = read_settings(environ={}, cwd=tmp_path)
    assert [(row.kind, row.price) for row in loaded.settings.prices] == [
        ("realtime", Decimal("0.1")),
        ("llm", Decimal("0.000001")),
    ]
    assert loaded.files == (tmp_path / "offhook.toml", tmp_path / "prices.toml")


def test_what_is_wrong_in_a_file_of_prices_is_told_with_its_line(tmp_path: Path) -> None:
    prices = "stray = 1\n" + ROW + ROW.replace("0.1", "-1").replace("realtime", "llm")
    assert wrong(tmp_path, MAIN + ROW, prices) == [
        "prices.toml:1: stray: does not belong here",
        "prices.toml:13: prices[1].price: -1 is out of range",
    ]


@pytest.mark.parametrize(
    ("prices", "said"),
    [
        (None, "prices.toml: no such file"),
        ("[[prices]\n", "prices.toml:1: not valid TOML"),
        ('currency = "EUR"\n', "prices.toml:1: currency: these prices are in EUR, and costs.currency is USD"),
    ],
)
def test_a_file_of_prices_that_is_none(tmp_path: Path, prices: str | None, said: str) -> None:
    assert wrong(tmp_path, MAIN, prices)[0].startswith(said)


def test_the_example_is_whole_and_every_price_in_it_has_its_day_and_source(tmp_path: Path) -> None:
    example = Path(__file__).parent.parent.parent / "examples" / "prices.toml"
    (tmp_path / "offhook.toml").write_text(f'[costs]\nprices = "{example}"\n')
    rows: Any = load_settings(environ={}, cwd=tmp_path).prices
    assert len(rows) >= 10
    assert {row.as_of.year for row in rows} == {2026}
    assert all(row.source.startswith("https://") for row in rows)
