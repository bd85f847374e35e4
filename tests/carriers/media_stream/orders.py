"""A call to place, for the tests of the carriers' APIs."""

from offhook.carriers.media_stream.api import DialHooks, DialOrder

HOOKS = DialHooks(
    "https://x.example/v/answer/1",
    "https://x.example/v/ring/1",
    "https://x.example/v/hangup/1",
    "https://x.example/v/status/1",
    "https://x.example/v/machine/1",
    "https://x.example/v/fallback/1",
)
ORDER = DialOrder("+15550100", "+15550199", HOOKS, ring_timeout_s=45, time_limit_s=960)


def publish(document: bytes) -> str:
    return f"https://x.example/documents/{len(document)}"
