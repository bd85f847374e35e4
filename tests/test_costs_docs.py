"""The worked example of docs/costs.md, computed with the prices of examples/prices.toml."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from offhook.config_files import load_settings
from offhook.costs.bill import Bill
from offhook.costs.prices import PriceList, Service

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "costs.md").read_text(encoding="utf-8")
_ROW = re.compile(r"\| `(audio_\w+)` \| (\d+) \| (\d+) \| ([\d.]+) \|")


@pytest.fixture
def prices(tmp_path: Path) -> PriceList:
    (tmp_path / "offhook.toml").write_text(f'[costs]\nprices = "{ROOT / "examples" / "prices.toml"}"\n')
    return PriceList(load_settings(environ={}, cwd=tmp_path))


def billed(prices: PriceList, model: str) -> list[Decimal]:
    """What each row of the example costs with a model, and all of them."""
    bill = Bill(prices, "c1", "reception")
    costs = [
        bill.add(Service("realtime", "openai", model), {kind: int(tokens)}) for kind, tokens, *_ in _ROW.findall(PAGE)
    ]
    return [*costs, bill.total]


def test_the_minute_of_the_page_costs_what_the_page_says(prices: PriceList) -> None:
    rows = _ROW.findall(PAGE)
    [total] = re.findall(r"\| together \| \| \| ([\d.]+) \|", PAGE)
    assert [row[0] for row in rows] == ["audio_in", "audio_out"]
    assert billed(prices, "gpt-realtime-2.1-mini") == [*(Decimal(row[3]) for row in rows), Decimal(total)]
    [price] = prices.rows(Service("realtime", "openai", "gpt-realtime-2.1-mini"))
    assert [price.of_token(kind) for kind, *_ in rows] == [Decimal(row[2]) for row in rows]


def test_the_same_minute_on_the_larger_model(prices: PriceList) -> None:
    [told] = re.findall(r"On `gpt-realtime-2.1` the same minute costs ([\d.]+) USD", PAGE)
    assert billed(prices, "gpt-realtime-2.1")[-1] == Decimal(told)
