import re
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from offhook.config import Settings
from offhook.config_files import Loaded, load_settings, read_settings
from offhook.errors import ConfigError, SettingsError

SECRET = "sk-1234567890abcdef"


class Folder:
    """A folder with settings in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.environ: dict[str, str] = {}

    def toml(self, text: str) -> None:
        (self.path / "offhook.toml").write_text(text, encoding="utf-8")

    def env(self, text: str) -> None:
        (self.path / ".env").write_text(text, encoding="utf-8")

    def load(self) -> Settings:
        return self.read().settings

    def read(self) -> Loaded:
        return read_settings(environ=self.environ, cwd=self.path)

    def wrong(self) -> list[ConfigError]:
        with pytest.raises(ConfigError) as caught:
            self.read()
        error = caught.value
        return list(error.errors) if isinstance(error, SettingsError) else [error]

    def texts(self) -> list[str]:
        return [str(error).replace(f"{self.path}/", "") for error in self.wrong()]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


def test_without_files_the_defaults_hold(folder: Folder) -> None:
    expected = Settings()
    assert folder.load().model_copy(update={"server": expected.server}) == expected
    assert folder.load().server.data_dir == folder.path / "var"


def test_environment_wins_over_dotenv_wins_over_toml(folder: Folder) -> None:
    folder.toml("[server]\nhttp_port = 1\nhealth_port = 2\n[audiosocket]\nport = 3")
    folder.env("HTTP_PORT=11\nHEALTH_PORT=12\n")
    folder.environ = {"HTTP_PORT": "111"}
    settings = folder.load()
    assert (settings.server.http_port, settings.server.health_port, settings.audiosocket.port) == (111, 12, 3)


def test_an_explicit_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml: no such file\n.*offhook init"):
        load_settings(tmp_path / "nowhere.toml", {})


def test_an_explicit_file_brings_its_own_dotenv_and_folder(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "phone.toml").write_text('[models]\ndir = "weights"\n')
    (tmp_path / "etc" / ".env").write_text("HTTP_PORT=81\n")
    settings = load_settings(Path("etc/phone.toml"), {"OFFHOOK_MODELS__STT_DIR": "mine"}, tmp_path)
    assert settings.models.dir == tmp_path / "etc" / "weights"
    assert settings.models.stt_dir == tmp_path / "mine"
    assert settings.server.data_dir == tmp_path / "etc" / "var"
    assert settings.server.http_port == 81


def test_every_wrong_setting_is_told_with_its_line(folder: Folder) -> None:
    folder.toml(
        '[server]\nhttp_port = 99999\nlog_level = "verbos"\n'
        '[agents.reception.turns]\nsilense_ms = 300\nsilence_ms = "x"\n'
        "[agents.b.turns]\nvad_stay = 0.9\n"
        '[agents.c]\nllm = ["gpt"]\n'
        '[[routes]]\nagent = "x"\n[[routes]]\nagent = "y"\n'
    )
    folder.env("VAD_THRESHOLD=lots\n\nHEALTH_PORT=70000\n")
    folder.environ = {"OFFHOOK_LIMITS__MAXCALLS": "3", "OFFHOOK_LIMTS__MAX_CALLS": "3"}
    assert sorted(folder.texts()) == sorted(
        [
            "offhook.toml:2: server.http_port: 99999 is out of range\n  it must be at least 0 and at most 65535",
            (
                'offhook.toml:3: server.log_level: "verbos" is not one of its values\n'
                "  it may be debug, info, warning or error"
            ),
            "offhook.toml:5: agents.reception.turns.silense_ms: there is no such setting\n  did you mean silence_ms?",
            (
                'offhook.toml:6: agents.reception.turns.silence_ms: "x" is not a whole number\n'
                "  it must be at least 100 and at most 5000"
            ),
            "offhook.toml:8: agents.b.turns.vad_stay: 0.9 is above vad_threshold, which is 0.5",
            'offhook.toml:10: agents.c.llm: there is no llm "gpt"; there are: flow, openai',
            'offhook.toml:12: routes[0].agent: there is no agent "x"; there are: reception, b, c',
            'offhook.toml:14: routes[1].agent: there is no agent "y"; there are: reception, b, c',
            (
                '.env:1: agents.reception.turns.vad_threshold (VAD_THRESHOLD): "lots" is not a number\n'
                "  it must be above 0 and below 1"
            ),
            (
                '.env:3: server.health_port (HEALTH_PORT): "70000" is out of range\n'
                "  it must be at least 0 and at most 65535"
            ),
            "limits.maxcalls (OFFHOOK_LIMITS__MAXCALLS): there is no such setting\n  did you mean max_calls?",
            "limts (OFFHOOK_LIMTS__MAX_CALLS): there is no such setting\n  did you mean limits?",
        ]
    )


@pytest.mark.parametrize(
    ("toml", "said"),
    [
        ("[server]\nhttp_port =\n", r"offhook\.toml:2: not valid TOML: .*\n  texts need quotes"),
        ("[server]\npublic_url = your\n", r"offhook\.toml:2: not valid TOML"),
        ("a = 1\na = 2\n", r"offhook\.toml:2: not valid TOML: Cannot overwrite a value"),
        ("[server", r"offhook\.toml(:1)?: not valid TOML"),
        ('[server]\nhttp_prot = "x"', r":2: server\.http_prot: there is no such setting\n  did you mean http_port\?"),
        ("server = 1", r":1: server: 1 is not a table"),
        ("agents = 1", r":1: agents: 1 is not a table"),
        ("[agents]\n", r":1: agents: at least one \[agents\.<name>\] is needed"),
        ("[agents]\nreception = 5", r":2: agents\.reception: (5 |it )is not a table"),
        ('[agents."front desk"]\n', r":1: agents\.front desk: an agent's name cannot be this\n  use letters"),
        ('[agents.a]\nlanguage = "english"', r':2: agents\.a\.language: "english" is not of the right form'),
        (
            "[agents.a]\nspeed = 9",
            r":2: agents\.a\.speed: 9 is out of range\n  it must be at least 0\.5 and at most 2\.0",
        ),
        ("[agents.a]\ngreeting = 9", r":2: agents\.a\.greeting: 9 is not a text in quotes"),
        ('[llm.ours]\nmodel = "m"', r":1: llm\.ours\.kind: \"ours\" is none of flow, openai, so its kind is needed"),
        ('[stt.x]\nkind = "deepgam"', r":2: stt\.x\.kind: .*\n  .*did you mean deepgram\?"),
        ("[agents.a]\ntts = []", r":2: agents\.a\.tts: "),
        (
            "[llm.openai]\napi_key = 'k'\nbase_url='http://x'\nmodel='m'",
            r":2: llm\.openai\.api_key: secrets do not",
        ),
        ("[[routes]]\ncarrier = 'x'", r":1: routes\[0\]\.agent: is needed"),
        ("[recording]\nenabled = 'perhaps'", r':2: recording\.enabled: "perhaps" is not true or false'),
        ("[audiosocket]\nallow = [\n'10.0.0.0/8',\n'home',\n]", r":4: audiosocket\.allow\[1\]: .*not a network"),
        ("[audiosocket]\nallow = '10.0.0.0/8'", r":2: audiosocket\.allow: .*is not a list"),
        ("[audiosocket]\nport = 8000", r":2: audiosocket\.port: server\.http_port and audiosocket\.port are the same"),
        ("[server]\nhttp_port = 9093", r":2: server\.http_port: server\.http_port and audiosocket\.port are the same"),
        ("[models]\nstt = 'whisper-bas'", r"it may be whisper-base or whisper-tiny\.en; did you mean whisper-base\?"),
        (
            "[server]\npublic_url = 'example.com'",
            r":2: server\.public_url: is not a web address\n  it begins with http",
        ),
    ],
)
def test_one_wrong_setting(folder: Folder, toml: str, said: str) -> None:
    folder.toml(toml)
    (text,) = folder.texts()
    assert re.search(said, text), text


def test_a_wrong_file_does_not_hide_a_wrong_environment(folder: Folder) -> None:
    folder.toml("= 1")
    folder.environ = {"HTTP_PORT": "x"}
    assert len(folder.wrong()) == 2


def test_text_that_is_not_utf8_is_told_with_its_line(folder: Folder) -> None:
    (folder.path / "offhook.toml").write_bytes(b"[server]\n\xff = 1\n")
    assert folder.texts() == ["offhook.toml:2: is not UTF-8 text\n  save the file as UTF-8"]


def test_a_folder_in_place_of_the_file(folder: Folder) -> None:
    (folder.path / "offhook.toml").mkdir()
    assert folder.texts()[0].startswith("offhook.toml: cannot be read: ")


def test_a_broken_line_of_dotenv_is_told_but_not_shown(folder: Folder) -> None:
    folder.env(f"# keys\n\n{SECRET}\nOPENAI_API_KEY='{SECRET}\n")
    assert folder.texts() == [f".env:{line}: is not NAME=value\n  quote values that span lines" for line in (3, 4)]


def test_windows_files_with_a_byte_order_mark_are_read(folder: Folder) -> None:
    (folder.path / "offhook.toml").write_bytes(b"\xef\xbb\xbf[server]\r\nhttp_port = 81\r\n")
    assert folder.load().server.http_port == 81


SEED_AUDIOSOCKET = """\
# OpenAI Configuration
OPENAI_API_KEY=sk-your-api-key-here
OPENAI_MODEL=gpt-4o-realtime-preview
OPENAI_VOICE=alloy

LISTEN_HOST=0.0.0.0
LISTEN_PORT=9093
HEALTH_PORT=9094

SYSTEM_PROMPT=You answer for Acme Services. Collect the caller's name, phone number, and inquiry.
VAD_THRESHOLD=0.5
VAD_SILENCE_MS=500
VAD_PREFIX_PADDING_MS=300
TEMPERATURE=0.7

LOG_LEVEL=INFO
LOG_TRANSCRIPTS=true
"""

SEED_BRIDGE = """\
OPENAI_API_KEY=sk-your-key-here
OPENAI_MODEL=gpt-4o-realtime-preview
OPENAI_VOICE=alloy
LISTEN_PORT=9093
HEALTH_PORT=9094
SYSTEM_PROMPT=You are Sarah, a receptionist for Acme Plumbing...
VAD_THRESHOLD=0.5
VAD_SILENCE_MS=500
TEMPERATURE=0.7
LOG_LEVEL=INFO
LOG_TRANSCRIPTS=true
BACKEND_API_URL=http://localhost:8080
BACKEND_API_KEY=your-backend-api-key
AMI_HOST=127.0.0.1
AMI_PORT=5038
AMI_USER=admin
AMI_PASS=your-ami-password
MAX_CONCURRENT_CALLS=50
COST_ALERT_DAILY_THRESHOLD=50.00 # a name of somebody else's
"""

SEED_VOBIZ = """\
DEEPGRAM_API_KEY=your-deepgram-key
OPENAI_API_KEY=sk-...
ELEVENLABS_API_KEY=your-elevenlabs-key
HTTP_PORT=8000 # the web server
PUBLIC_URL=https://your-server.com
"""


def test_the_audiosocket_bridge_environment_loads(folder: Folder) -> None:
    folder.env(SEED_AUDIOSOCKET)
    loaded = folder.read()
    settings, agent = loaded.settings, loaded.settings.agents["reception"]
    assert (settings.server.http_host, settings.audiosocket.host) == ("0.0.0.0", "0.0.0.0")
    assert (settings.audiosocket.port, settings.server.health_port) == (9093, 9094)
    assert agent.instructions.startswith("You answer for Acme Services. Collect the caller's name, ")
    assert (agent.turns.vad_threshold, agent.turns.silence_ms, agent.turns.prefix_padding_ms) == (0.5, 500, 300)
    assert (settings.server.log_level, settings.server.log_transcripts) == ("info", True)
    assert settings.keys.openai_api_key is None
    assert settings.keys.openai_voice == "alloy"
    assert loaded.notes == (
        f"{folder.path}/.env:2: OPENAI_API_KEY still has its example value; taken as not set",
        f"{folder.path}/.env:3: OPENAI_MODEL is passed over: OpenAI switched gpt-4o-realtime-preview off in May 2026",
    )


@pytest.mark.parametrize(
    ("model", "used", "noted"),
    [
        ("gpt-realtime-2.1", "gpt-realtime-2.1", ""),
        ("gpt-4o-mini-realtime-preview-2024-12-17", "", "switched"),
        ("gpt-4o", "", "not a speech-to-speech model"),
    ],
)
def test_the_environments_model_and_voice_are_those_of_sessions(
    folder: Folder, model: str, used: str, noted: str
) -> None:
    folder.environ = {"OPENAI_MODEL": model, "OPENAI_VOICE": "sage"}
    loaded = folder.read()
    table = loaded.settings.realtime_settings("openai")
    assert (table.model, table.voice) == (used, "sage")
    assert noted in " ".join(loaded.notes)
    assert bool(noted) == bool(loaded.notes)


def test_a_table_that_names_its_model_and_voice_keeps_them(folder: Folder) -> None:
    folder.toml('[realtime.openai]\nmodel = "gpt-realtime-1.5"\nvoice = "ash"\n')
    folder.environ = {"OPENAI_MODEL": "gpt-realtime-2.1", "OPENAI_VOICE": "sage"}
    table = folder.load().realtime_settings("openai")
    assert (table.model, table.voice) == ("gpt-realtime-1.5", "ash")


def test_a_table_whose_model_is_gone_is_told(folder: Folder) -> None:
    folder.toml(
        '[realtime.openai]\nmodel = "gpt-4o-realtime-preview"\n[realtime.b]\nkind = "openai"\n'
        'base_url = "https://api.openai.com/v1"\nmodel = "gpt-4o-realtime-preview"\n[realtime.mine]\nkind = "openai"\n'
        'model = "gpt-4o-realtime-preview"\nbase_url = "http://localhost:8080/v1"\n'
    )
    gone = "OpenAI switched gpt-4o-realtime-preview off in May 2026"
    assert folder.read().notes == (f"realtime.openai.model: {gone}", f"realtime.b.model: {gone}")


def test_the_bridge_service_environment_loads(folder: Folder) -> None:
    folder.env(SEED_BRIDGE)
    loaded = folder.read()
    keys = loaded.settings.keys
    assert (keys.ami_host, keys.ami_port, keys.ami_user, keys.ami_pass) == ("127.0.0.1", 5038, "admin", None)
    assert (keys.backend_api_url, keys.backend_api_key) == ("http://localhost:8080", None)
    assert loaded.settings.limits.max_calls == 50
    assert len(loaded.notes) == 4


def test_the_carrier_environment_loads(folder: Folder) -> None:
    folder.env(SEED_VOBIZ)
    loaded = folder.read()
    assert loaded.settings.server.http_port == 8000
    assert loaded.settings.server.public_url == ""
    assert len(loaded.notes) == 4


@pytest.mark.parametrize(
    ("environ", "read", "expected"),
    [
        ({"LISTEN_PORT": "1", "AUDIOSOCKET_PORT": "2"}, lambda s: s.audiosocket.port, 2),
        ({"AUDIOSOCKET_PORT": "2", "LISTEN_PORT": "1"}, lambda s: s.audiosocket.port, 2),
        ({"HTTP_PORT": "1", "OFFHOOK_SERVER__HTTP_PORT": "2"}, lambda s: s.server.http_port, 2),
        ({"OFFHOOK_RECORDING__ENABLED": "no"}, lambda s: s.recording.enabled, False),
        (
            {"OFFHOOK_AGENTS__RECEPTION__TURNS__BARGE_IN": "false"},
            lambda s: s.agents["reception"].turns.barge_in,
            False,
        ),
        ({"LOG_LEVEL": "WARNING"}, lambda s: s.server.log_level, "warning"),
        ({"HEALTH_PORT": ""}, lambda s: s.server.health_port, None),
        ({"PUBLIC_URL": "https://phone.example"}, lambda s: s.server.public_url, "https://phone.example"),
        ({"OFFHOOK_HUB_URL": "http://x"}, lambda s: s.limits.max_calls, 12),
        (
            {"OFFHOOK_AUDIOSOCKET__ALLOW": "10.0.0.0/8, ::1/128"},
            lambda s: s.audiosocket.allow,
            (ip_network("10.0.0.0/8"), ip_network("::1/128")),
        ),
        ({"SYSTEM_PROMPT": "a", "AGENT_SYSTEM_PROMPT": "b"}, lambda s: s.agents["reception"].instructions, "b"),
        ({"VAD_SILENCE_MS": "150"}, lambda s: s.agents["reception"].turns.speculate_ms, 150),
        ({"TEMPERATURE": "0.7"}, lambda s: s.llm, {}),
        ({"FROM_NUMBER": "+15550100", "TO_NUMBER": "+1"}, lambda s: s.keys.from_number, "+15550100"),
    ],
)
def test_names_in_the_environment(
    folder: Folder, environ: dict[str, str], read: Callable[[Settings], Any], expected: object
) -> None:
    folder.environ = environ
    assert read(folder.load()) == expected


AGENTS = """
[agents.Front-Desk]
instructions = "mine"
[agents.night]
llm = ["ours"]
[llm.ours]
kind = "openai"
base_url = "http://127.0.0.1:11434/v1"
model = "m"
api_key_env = "LOCAL_KEY"
"""


def test_flat_names_reach_every_agent(folder: Folder) -> None:
    folder.toml(AGENTS)
    folder.environ = {"SYSTEM_PROMPT": "ours", "VAD_SILENCE_MS": "700", "TEMPERATURE": "0.9"}
    desk, night = folder.load().agents.values()
    assert (desk.instructions, night.instructions) == ("mine", "ours")
    assert desk.turns.silence_ms == night.turns.silence_ms == 700
    assert folder.load().llm["ours"].temperature == 0.9


def test_prefixed_names_find_agents_without_regard_to_case(folder: Folder) -> None:
    folder.toml(AGENTS)
    folder.environ = {"OFFHOOK_AGENTS__FRONT_DESK__VOICE": "joe", "OFFHOOK_AGENTS__FRONT_DESK__INSTRUCTIONS": "x"}
    assert folder.load().agents["Front-Desk"].voice == "joe"
    assert folder.load().agents["Front-Desk"].instructions == "x"


def test_the_key_of_a_language_model_is_found_by_its_name(folder: Folder) -> None:
    folder.toml(AGENTS)
    folder.env(f"LOCAL_KEY={SECRET}\n")
    settings = folder.load()
    llm = settings.llm_settings("ours")
    assert llm.kind == "openai"
    assert llm.api_key is not None
    assert llm.api_key.get_secret_value() == SECRET
    assert SECRET not in repr(settings)


def test_secrets_are_refused_in_toml_and_never_shown(folder: Folder) -> None:
    folder.toml(f'[keys]\nopenai_api_key = "{SECRET}"\nami_pas = "{SECRET}"\nami_port = "{SECRET}"\n')
    folder.env(f"PUBLIC_URL={SECRET}\nOFFHOOK_KEYS__OPENAI_API_KEI={SECRET}\n")
    texts = folder.texts()
    assert "offhook.toml:2: keys.openai_api_key: secrets do not go in this file\n" in texts[2]
    assert "as OPENAI_API_KEY" in texts[2]
    assert not any(SECRET in text for text in texts)


@pytest.mark.parametrize(
    "value", ["your-api-key-here", "sk-your-key-here", "YOUR_AMI_PASSWORD", "sk-...", "<token>", "changeme", "xxxx"]
)
def test_example_values_count_as_not_set(folder: Folder, value: str) -> None:
    folder.environ = {"OPENAI_API_KEY": value}
    loaded = folder.read()
    assert loaded.settings.keys.openai_api_key is None
    assert loaded.notes == ("OPENAI_API_KEY still has its example value; taken as not set",)


def test_a_table_under_a_value_is_told_once(folder: Folder) -> None:
    folder.toml("server = 1\n")
    folder.environ = {"HTTP_PORT": "81"}
    assert len(folder.wrong()) == 1


def test_a_speech_to_speech_model_has_its_address_and_key_from_the_environment(folder: Folder) -> None:
    folder.toml('[realtime.openai]\napi_key_env = "VOICE_KEY"\n')
    folder.environ = {"OPENAI_REALTIME_URL": "wss://voice.example.com/v1/realtime", "VOICE_KEY": SECRET}
    openai = folder.load().realtime_settings("openai")
    assert openai.base_url == "wss://voice.example.com/v1/realtime"
    assert openai.api_key is not None
    assert openai.api_key.get_secret_value() == SECRET


@pytest.mark.parametrize(("value", "kept"), [("0.8", 0.8), ("disabled", "disabled")])
def test_truncation_is_a_word_or_a_share(folder: Folder, value: str, kept: object) -> None:
    folder.environ = {"OFFHOOK_REALTIME__OPENAI__TRUNCATION": value}
    assert folder.load().realtime_settings("openai").truncation == kept


def test_a_wrong_truncation_is_told(folder: Folder) -> None:
    folder.toml('[realtime.openai]\ntruncation = "often"\n')
    with pytest.raises(ConfigError, match=r"realtime\.openai\.truncation"):
        folder.load()


_CRM = """
[tools.customer]
description = "Look up a customer."
url = "https://crm.example/customers"
headers = { Authorization = "Bearer {env.CRM_TOKEN}" }
[mcp.shop]
command = "shop-server"
env = ["CRM_TOKEN", "SHOP_KEY"]
cwd = "servers"
"""


def test_tools_get_the_secrets_that_they_name(folder: Folder) -> None:
    folder.toml(_CRM)
    folder.env(f"CRM_TOKEN={SECRET}\nOTHER=x\n")
    folder.environ = {"SHOP_KEY": "key-of-the-shop", "CRM_TOKEN": "of-the-process"}
    settings = folder.load()
    assert {name: value.get_secret_value() for name, value in settings.tools["customer"].secrets.items()} == {
        "CRM_TOKEN": "of-the-process"
    }
    assert {name: value.get_secret_value() for name, value in settings.mcp["shop"].secrets.items()} == {
        "CRM_TOKEN": "of-the-process",
        "SHOP_KEY": "key-of-the-shop",
    }
    assert settings.mcp["shop"].cwd == folder.path / "servers"
    assert "of-the-process" not in repr(settings)


def test_the_secrets_of_a_tool_are_refused_in_the_file(folder: Folder) -> None:
    folder.toml(_CRM + f'[tools.customer.secrets]\nCRM_TOKEN = "{SECRET}"\n')
    [text] = folder.texts()
    assert "tools.customer.secrets: secrets do not go in this file" in text
    assert "{env.NAME}" in text
    assert SECRET not in text


@pytest.mark.parametrize("text", ["tools = 1", "[tools]\ncustomer = 1", "[tools.customer]\nheaders = 1"])
def test_a_table_of_tools_that_is_none(folder: Folder, text: str) -> None:
    folder.toml(text)
    assert any("tools" in each for each in folder.texts())


def test_a_wrong_tool_is_told_with_its_line(folder: Folder) -> None:
    folder.toml(_CRM.replace("/customers", "/customers/{phone}"))
    [text] = folder.texts()
    assert text.startswith('offhook.toml:4: tools.customer.url: "{phone}" is none of its parameters; there are: none')
