import pytest
from pydantic import SecretStr

from offhook.config import LlmSettings, McpSettings, SttSettings, TtsSettings
from offhook.config.keys import key_name, missing_key, missing_secrets, refused_key

OPENAI = LlmSettings(kind="openai")


def test_the_name_of_a_key_is_the_vendors_or_the_tables_own() -> None:
    assert key_name(SttSettings(kind="deepgram")) == "DEEPGRAM_API_KEY"
    assert key_name(SttSettings(kind="deepgram", api_key_env="MY_KEY")) == "MY_KEY"
    assert key_name(TtsSettings(kind="hibari")) == ""


@pytest.mark.parametrize(
    ("address", "needed"),
    [
        ("https://api.example.com/v1", True),
        ("http://203.0.114.9/v1", True),
        ("http://127.0.0.1:11434/v1", False),
        ("http://192.168.1.5/v1", False),
        ("http://ollama:11434/v1", False),
        ("http://box.local/v1", False),
    ],
)
def test_servers_on_ones_own_network_need_none(address: str, needed: bool) -> None:
    error = missing_key("llm", "x", OPENAI.model_copy(update={"base_url": address}))
    assert (error is not None) is needed


def test_the_vendors_own_address_needs_one_and_a_local_model_does_not() -> None:
    error = missing_key("tts", "voice", TtsSettings(kind="elevenlabs"))
    assert error is not None
    assert "tts.voice.api_key_env: ELEVENLABS_API_KEY is not set" in str(error)
    assert missing_key("tts", "hibari", TtsSettings(kind="hibari")) is None
    assert missing_key("llm", "x", OPENAI.model_copy(update={"api_key": "sk"})) is None


def test_a_refused_key_is_named() -> None:
    error = refused_key("llm", "x", OPENAI, 401)
    assert "llm.x.api_key_env: the key OPENAI_API_KEY is refused (401)" in str(error)


def test_secrets_that_a_tool_wants_and_does_not_get() -> None:
    server = McpSettings(command="x", env=("A", "B"), secrets={"B": SecretStr("there")})
    [error] = missing_secrets("mcp", "shop", server)
    assert str(error) == "mcp.shop: A is not set\n  Put A=... into .env."
