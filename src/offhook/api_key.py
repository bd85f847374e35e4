"""The key of our own API: a setting, or one that a running server keeps in its data folder for programs beside it."""

import os
import secrets
from pathlib import Path

from offhook.config import Settings
from offhook.errors import ConfigError

__all__ = ["find_key", "forget_key", "make_key"]

_KEY_BYTES = 32


def make_key(settings: Settings) -> str:
    """The key that a starting server takes. One that is made is written down for the user of this process alone.

    Raises ConfigError when it cannot be written."""
    if settings.keys.api_key is not None:
        return settings.keys.api_key.get_secret_value()
    key = secrets.token_urlsafe(_KEY_BYTES)
    path = _path(settings)
    half = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        half.unlink(missing_ok=True)
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(f"{key}\n")
        half.replace(path)
    except OSError as error:
        raise ConfigError(
            f"the key of the API cannot be written to {path}: {error.strerror or error}",
            setting="server.data_dir",
            hint="Make the folder writable for this user, or set OFFHOOK_API_KEY.",
        ) from error
    return key


def find_key(settings: Settings) -> str:
    """The key for asking a server with the same settings; empty if there is none."""
    if settings.keys.api_key is not None:
        return settings.keys.api_key.get_secret_value()
    try:
        return _path(settings).read_text().strip()
    except OSError:
        return ""


def forget_key(settings: Settings, key: str) -> None:
    """Take the written key away, unless another server has written its own meanwhile."""
    path = _path(settings)
    if settings.keys.api_key is None and find_key(settings) == key:
        path.unlink(missing_ok=True)


def _path(settings: Settings) -> Path:
    return settings.server.data_dir / "api-key"
