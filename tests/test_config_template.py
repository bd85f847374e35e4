import re
import tomllib
from pathlib import Path

import pytest

from offhook.config import Settings
from offhook.config_files import read_settings
from offhook.config_template import env_example, toml_template, write_templates
from offhook.environment import FLAT_NAMES
from offhook.errors import ConfigError
from offhook.settings_tree import Entry, entries, is_secret

PLAIN = [entry for entry in entries() if not is_secret(entry.field)]


def uncommented() -> str:
    """The template with every setting switched on."""
    return re.sub(r"^#(?=\S)", "", toml_template(), flags=re.MULTILINE)


def test_what_init_writes_loads_and_gives_the_defaults(tmp_path: Path) -> None:
    write_templates(tmp_path)
    (tmp_path / ".env.example").rename(tmp_path / ".env")
    loaded = read_settings(environ={}, cwd=tmp_path)
    defaults = Settings()
    data_dir = loaded.settings.server.data_dir
    assert data_dir == tmp_path / "var"
    server = defaults.server.model_copy(update={"data_dir": data_dir})
    assert loaded.settings == defaults.model_copy(update={"server": server})
    assert loaded.notes == ()


def test_the_values_shown_are_the_defaults() -> None:
    shown = Settings.model_validate(tomllib.loads(uncommented()))
    defaults = Settings()
    assert shown.limits == defaults.limits
    assert shown.audiosocket == defaults.audiosocket
    assert shown.keys == defaults.keys
    assert shown.server == defaults.server.model_copy(update={"health_port": 8080})
    agent = shown.agents["reception"]
    assert (agent.turns, agent.silence) == (defaults.agents["reception"].turns, defaults.agents["reception"].silence)
    assert agent.llm == ("flow",)
    assert (*shown.stt, *shown.llm, *shown.tts) == ("deepgram", "openai", "elevenlabs")


@pytest.mark.parametrize("entry", PLAIN, ids=lambda entry: entry.dotted)
def test_every_setting_is_in_it_and_explained(entry: Entry) -> None:
    assert f"#{entry.path[-1]} = " in toml_template()
    assert entry.field.description
    needs_example = entry.field.is_required() or entry.field.default is None
    assert bool(entry.field.examples) or not needs_example


def test_no_secret_is_in_it() -> None:
    names = {entry.path[-1] for entry in entries() if is_secret(entry.field)}
    assert not [name for name in names if re.search(rf"^#?{name} =", toml_template(), re.MULTILINE)]


def test_every_flat_name_is_in_the_example_environment() -> None:
    assert [flat.name for flat in FLAT_NAMES if f"# {flat.name}=" not in env_example()] == []


def test_nothing_is_wider_than_a_terminal_but_values() -> None:
    assert [line for line in toml_template().splitlines() if line.startswith("# ") and len(line) > 80] == []


def test_it_does_not_overwrite_unless_forced(tmp_path: Path) -> None:
    (tmp_path / "offhook.toml").write_text("mine")
    with pytest.raises(ConfigError, match="is there already"):
        write_templates(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["offhook.toml"]
    write_templates(tmp_path, force=True)
    assert (tmp_path / "offhook.toml").read_text() == toml_template()


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        write_templates(tmp_path / "nowhere")
