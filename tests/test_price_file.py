from pathlib import Path

from offhook.price_file import price_key, price_rows, wrong_in

TEXT = """\
currency = "USD"

[[prices]]
provider = "nova"
kind = "stt"
unit = "minute"
price = 1
"""


def test_rows_know_their_lines() -> None:
    [row] = price_rows(TEXT)
    assert row.values == {"provider": "nova", "kind": "stt", "unit": "minute", "price": 1}
    assert (row.lines[()], row.lines["price",]) == (3, 7)


def test_a_row_without_a_model_is_that_of_all() -> None:
    [row] = price_rows(TEXT)
    assert price_key(row.values) == ("nova", "stt", "*", "minute")
    assert price_key("nonsense") == ()


def test_another_currency_and_what_does_not_belong_there() -> None:
    file = Path("prices.toml")
    assert list(wrong_in(TEXT, file, "USD")) == []
    [error] = wrong_in(TEXT, file, "EUR")
    assert str(error) == "prices.toml:1: currency: these prices are in USD, and costs.currency is EUR"
    [stray, single] = wrong_in("[costs]\nstop = 1\n[prices]\nprovider = 'x'\n", file, "USD")
    assert [(each.setting, each.line) for each in (stray, single)] == [("costs", 1), ("prices", 3)]
    assert price_rows("prices = 7") == []
