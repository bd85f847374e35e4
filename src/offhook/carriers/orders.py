"""What a call to the outside is made of: what was wished for, and what the settings say of the rest."""

from collections.abc import Callable, Collection
from typing import Literal

from offhook.carriers.destinations import destination, extension
from offhook.carriers.media_stream.accounts import CARRIERS, key_names
from offhook.carriers.placed import CallState, PlacedCall
from offhook.carriers.placer import DialHooks, DialOrder
from offhook.config import DialCarrier, Settings
from offhook.errors import CallError, ConfigError

__all__ = ["Judge", "Orders"]

Judge = Literal["carrier", "own", "off"]
"""Who tells machines from people."""

_CARRIER_MARGIN_S = 60


class Orders:
    """Writes orders for the `carriers` that have an account. `reachable` is as for `Dialler`."""

    def __init__(self, settings: Settings, carriers: Collection[DialCarrier], reachable: Callable[[], str]):
        self._settings = settings
        self._carriers = carriers
        self._reachable_at = reachable

    def carrier(self, wanted: DialCarrier | None) -> DialCarrier:
        """The one wished for, or the only one. Raises CallError, ConfigError."""
        if wanted is None and len(self._carriers) == 1:
            return next(iter(self._carriers))
        if wanted is not None and wanted in self._carriers:
            return wanted
        there = " or ".join(self._carriers)
        if wanted is None and there:
            raise CallError(f"several carriers have an account; say which one: {there}")
        if wanted == "asterisk":
            problem = "there is no user of Asterisk by whom calls are placed"
            raise ConfigError(
                problem, setting="keys.ami_user (AMI_USER) or keys.ari_user", hint="See docs/asterisk.md."
            )
        missing = wanted or " or ".join(CARRIERS)
        keys = " and ".join(key_names(wanted)) if wanted else "its id and token"
        raise ConfigError(f"there is no account at {missing}", hint=f"Put {keys} into .env; see .env.example.")

    def from_number(self, carrier: DialCarrier, wanted: str) -> str:
        """The number to show; Asterisk may show its trunk's own. Raises ConfigError where there is none, CallError for
        what is no number."""
        number = wanted or self._settings.outbound(carrier).from_number or self._settings.keys.from_number
        if carrier == "asterisk":
            return extension(number) if number else ""
        if not number:
            raise ConfigError(
                "it is not known which number the call shall show",
                setting=f"{carrier}.from_number (FROM_NUMBER)",
                hint="Set it to a number of your account, as in +15550199.",
            )
        return destination(number)

    def agent(self, wanted: str) -> str:
        """The agent wished for, or the first one. Raises CallError."""
        agents = self._settings.agents
        if wanted and wanted not in agents:
            raise CallError(f'there is no agent "{wanted}"; there are: {", ".join(agents)}')
        return wanted or next(iter(agents))

    def judge(self, carrier: DialCarrier, wanted: Judge) -> Judge:
        """Who tells machines from people. Raises CallError where the carrier cannot."""
        if carrier == "asterisk" and wanted == "carrier":
            raise CallError('Asterisk does not tell machines from people; machine_detection is "own" or "off" there')
        return wanted

    def order(self, call: PlacedCall, ring_timeout_s: int, tell: Callable[[CallState, str], None]) -> DialOrder:
        """What the carrier is asked for. Raises ConfigError while it cannot reach us."""
        return DialOrder(
            to=call.to,
            from_number=call.from_number,
            hooks=self._hooks(call),
            ring_timeout_s=ring_timeout_s,
            time_limit_s=self.longest_s(call.agent),
            detect_machine=self._detection(call),
            dial_id=call.id,
            consults=bool(call.consults_for),
            tell=tell,
        )

    def longest_s(self, agent: str) -> int:
        """Seconds that a call of `agent` may last."""
        # The agent ends it in time; the carrier does where we could not.
        longest_s = max(each.silence.max_duration_s for each in self._settings.ways_of(agent))
        return int(longest_s) + _CARRIER_MARGIN_S

    def _detection(self, call: PlacedCall) -> Literal["no", "verdict", "message_end"]:
        if call.judge != "carrier":
            return "no"
        return "message_end" if self._settings.agents[call.agent].machine == "leave_message" else "verdict"

    def _hooks(self, call: PlacedCall) -> DialHooks:
        if call.carrier not in CARRIERS:
            return DialHooks()
        base = f"{self._reachable()}/{call.carrier}"
        names = ("answer", "ring", "hangup", "status", "machine", "fallback")
        return DialHooks(*(f"{base}/{name}/{call.id}" for name in names))

    def _reachable(self) -> str:
        url = self._reachable_at().rstrip("/")
        if not url:
            raise ConfigError(
                "carriers cannot reach this server, so that no call can be placed",
                setting="server.public_url (PUBLIC_URL)",
                hint="Set it to the https:// address of this server, or start with `offhook serve --tunnel`.",
            )
        return url
