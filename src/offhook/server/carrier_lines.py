"""What a starting server says about the carriers that have an account: where their webhooks are to go."""

from offhook.carriers.media_stream.accounts import accounts
from offhook.config import Settings

__all__ = ["carrier_lines"]


def carrier_lines(settings: Settings, public_url: str) -> list[str]:
    """Lines for each carrier's console, without the secret. `public_url` is empty while carriers cannot reach us."""
    names = [account.carrier for account in accounts(settings)]
    if not public_url and names:
        return [
            f"  {', '.join(name.capitalize() for name in names)}: not reachable yet. Set PUBLIC_URL to this server's",
            "    https:// address, or start with --tunnel; then paste <address>/<carrier>/answer as answer URL.",
        ]
    below = public_url + ("/k/<WEBHOOK_SECRET>" if settings.keys.webhook_secret is not None else "")
    return [line for name in names for line in _lines(name, f"{below}/{name}")]


def _lines(name: str, base: str) -> list[str]:
    end = "status callback" if name == "twilio" else "hangup URL"
    hook = "status" if name == "twilio" else "hangup"
    return [f"  {name.capitalize():<12} answer URL  {base}/answer", f"  {'':<12} {end}  {base}/{hook}"]
