from pathlib import Path

import pytest

from offhook.config import Settings
from offhook.config_template import shown_value
from offhook.environment import FLAT_NAMES, FlatName
from offhook.settings_tree import Entry, entries, is_secret

PAGE = (Path(__file__).parent.parent / "docs" / "configuration.md").read_text(encoding="utf-8")


def default(entry: Entry) -> str:
    """What the page's second column says."""
    if is_secret(entry.field):
        return "secret"
    if entry.field.is_required():
        return "needed"
    if entry.field.default is None:
        return "not set"
    value: object = Settings()
    tables = ("stt", "llm", "tts", "realtime", "tools", "mcp", "routes", "experiments", "prices")
    if entry.path[0] in tables or "transfers" in entry.path:
        return f"`{shown_value(entry.field, entry.field.default)}`"
    for step in entry.path:
        value = value["reception"] if isinstance(value, dict) else getattr(value, step)
    return f"`{shown_value(entry.field, value)}`"


def row(entry: Entry) -> str:
    return f"| `{entry.dotted}` | {default(entry)} | {entry.field.description or ''} |".replace("  |", " |")


def flat_row(flat: FlatName) -> str:
    paths = ", ".join(f"`{'.'.join('<name>' if step == '*' else step for step in path)}`" for path in flat.paths)
    return f"| `{flat.name}` | {paths} |"


@pytest.mark.parametrize("entry", list(entries()), ids=lambda entry: entry.dotted)
def test_every_setting_is_on_the_page(entry: Entry) -> None:
    assert row(entry) in PAGE.splitlines()


@pytest.mark.parametrize("flat", FLAT_NAMES, ids=lambda flat: flat.name)
def test_every_name_of_the_environment_is_on_the_page(flat: FlatName) -> None:
    assert flat_row(flat) in PAGE.splitlines()
