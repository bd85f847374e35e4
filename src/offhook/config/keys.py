"""Which providers need a key, and what to say when it is missing."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from offhook.config.providers import VENDOR_KEYS, LlmSettings, RealtimeSettings, SttSettings, TtsSettings
from offhook.config.tools import ToolTable, env_names
from offhook.errors import ConfigError

__all__ = ["ProviderTable", "key_name", "missing_key", "missing_secrets", "refused_key"]

ProviderTable = SttSettings | LlmSettings | TtsSettings | RealtimeSettings


def key_name(table: ProviderTable) -> str:
    """The name in the environment of the key of `table`, whose kind is set; empty for local models."""
    return table.api_key_env or VENDOR_KEYS.get(table.kind or "", "").upper()


def missing_key(stage: str, name: str, table: ProviderTable) -> ConfigError | None:
    """What is wrong with the provider `name` of a stage (stt, llm, tts or realtime) if it needs a key and has none."""
    key = key_name(table)
    if not key or table.api_key is not None or _is_private(table.base_url):
        return None
    return ConfigError(f"{key} is not set", setting=f"{stage}.{name}.api_key_env", hint=f"Put {key}=... into .env.")


def missing_secrets(kind: str, name: str, table: ToolTable) -> list[ConfigError]:
    """What the table `name` of a kind (tools or mcp) wants of the environment and does not get."""
    return [
        ConfigError(f"{secret} is not set", setting=f"{kind}.{name}", hint=f"Put {secret}=... into .env.")
        for secret in sorted(env_names(table) - set(table.secrets))
    ]


def refused_key(stage: str, name: str, table: ProviderTable, status: int | None) -> ConfigError:
    """The provider does not take its key."""
    key = key_name(table)
    return ConfigError(
        f"the key {key} is refused ({status})",
        setting=f"{stage}.{name}.api_key_env",
        hint=f"Put the right {key} into .env.",
    )


def _is_private(address: str) -> bool:
    """Whether a server is on this machine or network, where keys are seldom needed."""
    host = urlsplit(address).hostname
    if not host:
        return False
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((".local", ".internal"))
