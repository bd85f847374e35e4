"""The server that is measured between the doubles of a carrier and of providers: its settings."""

from offhook.simulator.bench.child import Surroundings
from offhook.simulator.bench.instant import ENDPOINTING_MS, ProviderUrls
from offhook.simulator.clouds.media_stream import Account, Carrier

__all__ = ["EARLY", "LOOPBACK", "TALKS", "surroundings"]

TALKS, EARLY, LOOPBACK = "+15550100", "+15550101", "+15550102"
"""Numbers of three agents: one whose language model is asked when the turn is over, one whose may begin early, and one
that returns what it hears."""

KEYS: dict[Carrier, tuple[str, str]] = {
    "vobiz": ("VOBIZ_AUTH_ID", "VOBIZ_AUTH_TOKEN"),
    "plivo": ("PLIVO_AUTH_ID", "PLIVO_AUTH_TOKEN"),
    "twilio": ("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN"),
}
TALKER = """greeting = "Hello, how can I help you?"
stt = ["deepgram"]
llm = ["openai"]
tts = ["elevenlabs"]
silence = { ask_after_s = 3600, hang_up_after_s = 3600, max_duration_s = 3600 }"""


def surroundings(carrier: Carrier, account: Account, api_url: str, urls: ProviderUrls, *, vad: bool) -> Surroundings:
    """Three agents behind one carrier; webhooks must be signed by `account`. `vad` is the loopback agent's."""
    agents = {
        "talks": (TALKS, f"{TALKER}\nturns = {{ early_reply = false }}"),
        "early": (EARLY, TALKER),
        "loopback": (LOOPBACK, f'engine = "loopback"\nmeasure_vad = {str(vad).lower()}'),
    }
    tables = [
        *(f"[agents.{name}]\n{lines}" for name, (_, lines) in agents.items()),
        *(f'[[routes]]\nagent = "{name}"\nto = "{number}"' for name, (number, _) in agents.items()),
        f'[stt.deepgram]\nbase_url = "{urls.deepgram}"\nendpointing_ms = {ENDPOINTING_MS}',
        f'[llm.openai]\nbase_url = "{urls.openai}"',
        f'[tts.elevenlabs]\nbase_url = "{urls.elevenlabs}"',
        f'[{carrier}]\napi_url = "{api_url}"\nsignatures = "required"',
    ]
    id_name, token_name = KEYS[carrier]
    keys = dict.fromkeys(("DEEPGRAM_API_KEY", "OPENAI_API_KEY", "ELEVENLABS_API_KEY"), "bench")
    return Surroundings("\n\n".join(tables), {**keys, id_name: account.id, token_name: account.token})
