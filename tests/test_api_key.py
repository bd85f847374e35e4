from pathlib import Path

import pytest

from offhook.api_key import find_key, forget_key, make_key
from offhook.config import Settings
from offhook.errors import ConfigError


def settings(folder: Path, **keys: str) -> Settings:
    return Settings.model_validate({"server": {"data_dir": folder}, "keys": keys})


def test_a_key_is_made_for_this_user_alone(tmp_path: Path) -> None:
    of_server = settings(tmp_path / "var")
    key = make_key(of_server)
    assert len(key) == 43
    assert find_key(of_server) == key
    assert [(path.name, path.stat().st_mode & 0o777) for path in (tmp_path / "var").iterdir()] == [("api-key", 0o600)]
    assert make_key(of_server) != key


def test_a_key_of_the_settings_is_used_and_not_written(tmp_path: Path) -> None:
    chosen = settings(tmp_path, api_key="my-key")
    assert (make_key(chosen), find_key(chosen)) == ("my-key", "my-key")
    forget_key(chosen, "my-key")
    assert list(tmp_path.iterdir()) == []


def test_without_a_server_there_is_none(tmp_path: Path) -> None:
    assert find_key(settings(tmp_path)) == ""


def test_a_server_takes_its_own_key_away(tmp_path: Path) -> None:
    first = make_key(settings(tmp_path))
    second = make_key(settings(tmp_path))
    forget_key(settings(tmp_path), first)
    assert find_key(settings(tmp_path)) == second
    forget_key(settings(tmp_path), second)
    assert find_key(settings(tmp_path)) == ""
    forget_key(settings(tmp_path), second)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="OFFHOOK_API_KEY"):
        make_key(settings(tmp_path / "file" / "var"))
