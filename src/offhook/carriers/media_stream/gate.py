"""Who is let in: whether a webhook comes from the carrier, by its signature or by the secret in its path."""

import structlog

from offhook.carriers.media_stream.accounts import key_names
from offhook.carriers.media_stream.signatures import SignedRequest, Verdict, verifier
from offhook.carriers.refusals import Refusals
from offhook.config import CarrierName, Settings
from offhook.errors import ConfigError

__all__ = ["Gate"]

log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(__name__)

_WHY = {
    Verdict.WRONG: "its signature is wrong",
    Verdict.REPLAYED: "its signature belongs to another request",
}


class Gate:
    """Judges the requests of one carrier by `<carrier>.signatures` and `keys.webhook_secret`.

    `off` looks at no signature. `if-present` lets unsigned requests in, but none whose signature is wrong; without the
    account's auth token nothing can be checked, and all count as unsigned. `required` lets only signed ones in. With a
    webhook secret, unsigned ones must bear it in their path as well.
    """

    def __init__(self, settings: Settings, carrier: CarrierName):
        """Raises ConfigError where signatures are required and there is no token to check them by."""
        self._carrier = carrier
        self._mode = settings.carrier(carrier).signatures
        self._needs_secret = settings.keys.webhook_secret is not None
        self._key_name = key_names(carrier)[1]
        token = getattr(settings.keys, self._key_name.lower())
        if self._mode == "required" and token is None:
            raise ConfigError(
                f"signatures are required, and keys.{self._key_name.lower()} is not set to check them by",
                setting=f"{carrier}.signatures",
                hint=f'Put {self._key_name} into .env, or set it to "if-present".',
            )
        self._verify = None if token is None or self._mode == "off" else verifier(carrier, token.get_secret_value())
        self._told = False
        self._refusals = Refusals()

    def admits_hook(self, request: SignedRequest, *, with_secret: bool) -> bool:
        """Whether a webhook is let in. `with_secret` says that its path had the right secret."""
        verdict = self._judge(request)
        why = _WHY.get(verdict, "")
        if verdict is Verdict.UNSIGNED:
            why = self._unsigned(with_secret)
        if why:
            self._refuse("a webhook was refused", why)
        return not why

    def admits_socket(self, request: SignedRequest) -> bool:
        """Whether a media socket whose token is good is let in. Only Twilio is known to sign these."""
        if self._carrier != "twilio":
            return True
        verdict = self._judge(request)
        missing = "it is not signed" if verdict is Verdict.UNSIGNED and self._mode == "required" else ""
        why = _WHY.get(verdict, missing)
        if why:
            self._refuse("a media socket was refused", why)
        return not why

    def _judge(self, request: SignedRequest) -> Verdict:
        if self._verify is not None:
            return self._verify(request)
        if self._mode != "off" and not self._told and any("-signature" in name for name in request.headers):
            self._told = True
            log.warning("webhooks are signed and cannot be checked", carrier=self._carrier, missing=self._key_name)
        return Verdict.UNSIGNED

    def _unsigned(self, with_secret: bool) -> str:
        if self._mode == "required":
            return "it is not signed"
        return "it is not signed and not below /k/<secret>" if self._needs_secret and not with_secret else ""

    def _refuse(self, what: str, why: str) -> None:
        setting = f"{self._carrier}.signatures"
        see = f"server.public_url, {self._key_name}"
        self._refusals.tell(what, carrier=self._carrier, why=why, setting=setting, see=see)
