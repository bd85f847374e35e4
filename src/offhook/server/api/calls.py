"""Calls as a resource: place them, watch them, and act on them while they go on."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from offhook.calls.call import Call
from offhook.calls.leg import CallControl
from offhook.carriers.destinations import destination, extension, keys, sound_url
from offhook.carriers.outbound import Dialler
from offhook.carriers.placed import PlacedCall
from offhook.config import DialCarrier
from offhook.errors import CallError, CarrierError
from offhook.events import EndReason
from offhook.server.api.guard import ApiError, answer, body_of
from offhook.server.switchboard import Switchboard

__all__ = ["CallsApi"]

_LONGEST_WAIT_S = 60.0

Name = Annotated[str, StringConstraints(max_length=100)]
Value = Annotated[str, StringConstraints(max_length=2_000)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class _Dial(_Request):
    to: Name
    from_number: Name = Field("", alias="from")
    agent: Name = ""
    carrier: DialCarrier | None = None
    variables: dict[Name, Value] = Field(default_factory=dict, max_length=100)
    ring_timeout_s: int | None = Field(None, ge=5, le=600)
    machine_detection: Literal["carrier", "own", "off"] | None = None


class _Transfer(_Request):
    to: Name


class _Keys(_Request):
    digits: Name


class _Play(_Request):
    url: Value


class CallsApi:
    """The routes of `/calls`. `switchboard` gives None while the server is still starting; `cost_of` what a call in
    progress has cost."""

    def __init__(
        self,
        dialler: Dialler,
        switchboard: Callable[[], Switchboard | None],
        cost_of: Callable[[str], Mapping[str, Any] | None] = lambda call_id: None,
    ):
        self._dialler = dialler
        self._switchboard = switchboard
        self._cost_of = cost_of

    def add_to(self, app: web.Application) -> None:
        """Register the routes."""
        app.router.add_post("/calls", self._dial)
        app.router.add_get("/calls", self._list)
        app.router.add_get("/calls/{id}", self._show)
        acts = {
            "hangup": self._hang_up,
            "transfer": self._transfer,
            "dtmf": self._press,
            "play": self._play,
            "record": self._record,
        }
        for name, handler in acts.items():
            app.router.add_post(f"/calls/{{id}}/{name}", handler)

    async def _dial(self, request: web.Request) -> web.Response:
        wanted = await body_of(request, _Dial)
        if self._board.full:
            raise ApiError(503, "all lines are busy (limits.max_calls)")
        if self._board.spent_up:
            raise ApiError(503, "no more calls are placed today: they have cost as much as costs.stop_per_day allows")
        agent = self._dialler.agent_of(wanted.agent)
        if self._board.busy(agent):
            raise ApiError(503, f"{agent} has as many calls as it takes (agents.{agent}.max_calls)")
        try:
            placed = await self._dialler.dial(
                wanted.to,
                from_number=wanted.from_number,
                agent=wanted.agent,
                variables=wanted.variables,
                carrier=wanted.carrier,
                ring_timeout_s=wanted.ring_timeout_s,
                machine_detection=wanted.machine_detection,
            )
        except CarrierError:
            raise
        except CallError as error:
            raise ApiError(400, str(error)) from error
        origin = self._dialler.origin(placed.id)
        if origin is not None:
            self._board.expect(placed.carrier, origin)
        return answer(_placed_view(placed), 201)

    async def _list(self, request: web.Request) -> web.Response:
        placed = {call.id: _placed_view(call) for call in self._dialler.live}
        talking = {call.facts.call_id: _call_view(call) for call in self._board.calls}
        return answer({"calls": [self._with_cost(view) for view in (talking | placed).values()]})

    async def _show(self, request: web.Request) -> web.Response:
        placed, call = self._find(request)
        wait_s = _number(request, "wait_s", 0.0)
        if placed is not None:
            seen = int(_number(request, "seen", float(len(placed.history))))
            await _within(wait_s, placed.news(seen))
            return answer(self._with_cost(_placed_view(placed)))
        if call is not None:
            await _within(wait_s, call.ended.wait())
            return answer(self._with_cost(_call_view(call)))
        raise _unknown(request)

    async def _hang_up(self, request: web.Request) -> web.Response:
        placed, call = self._find(request)
        if call is not None:
            call.end(EndReason.AGENT_HUNG_UP, "asked for by the API")
            await call.ended.wait()
        elif placed is not None:
            await self._dialler.hang_up(placed)
        else:
            raise _unknown(request)
        return answer({"status": "ended"})

    async def _transfer(self, request: web.Request) -> web.Response:
        call, wanted = self._talking(request), await body_of(request, _Transfer)
        check = extension if call.leg.carrier in ("audiosocket", "asterisk") else destination
        await call.hand.transfer(_right(check, wanted.to))
        return answer({"status": "transferred"}, 202)

    async def _press(self, request: web.Request) -> web.Response:
        call, wanted = self._talking(request), await body_of(request, _Keys)
        await call.hand.press(_right(keys, wanted.digits))
        return answer({"status": "pressed"}, 202)

    async def _play(self, request: web.Request) -> web.Response:
        call, wanted = self._talking(request), await body_of(request, _Play)
        await _control(call).play(_right(sound_url, wanted.url))
        return answer({"status": "playing"}, 202)

    async def _record(self, request: web.Request) -> web.Response:
        recording = await _control(self._talking(request)).record()
        return answer({"status": "recording", "recording": recording}, 202)

    def _with_cost(self, view: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**view, "cost": self._cost_of(view["id"])}

    @property
    def _board(self) -> Switchboard:
        board = self._switchboard()
        if board is None:
            raise ApiError(503, "the server is still starting")
        return board

    def _find(self, request: web.Request) -> tuple[PlacedCall | None, Call | None]:
        call_id = request.match_info["id"]
        placed, call = self._dialler.find(call_id), self._board.find(call_id)
        # The carrier's id stays the same for who comes back from a transfer, after which a placed call is over.
        return (None if call is not None and placed is not None and placed.over else placed), call

    def _talking(self, request: web.Request) -> Call:
        placed, call = self._find(request)
        if call is None:
            raise _unknown(request) if placed is None else ApiError(409, f"the call is not up; it is {placed.state}")
        return call


def _right(check: Callable[[str], str], text: str) -> str:
    """`text` as `check` reads it; a text that it cannot read is the request's fault, not the call's."""
    try:
        return check(text)
    except CallError as error:
        raise ApiError(400, str(error)) from error


def _control(call: Call) -> CallControl:
    control = call.leg.control
    if control is None:
        raise CarrierError("has no means for that", carrier=call.leg.carrier, offered=False)
    return control


def _unknown(request: web.Request) -> ApiError:
    return ApiError(404, f"there is no call {request.match_info['id']}")


def _number(request: web.Request, name: str, default: float) -> float:
    try:
        value = float(request.query.get(name, default))
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ApiError(400, f"{name}: must be a number from 0 up")
    return value


async def _within(wait_s: float, news: Any) -> None:
    """Wait for news, or let the time go by."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(min(wait_s, _LONGEST_WAIT_S)):
            await news


def _placed_view(call: PlacedCall) -> Mapping[str, Any]:
    return {
        "id": call.id,
        "direction": "outbound",
        "carrier": call.carrier,
        "carrier_call_id": call.carrier_call_id,
        "from": call.from_number,
        "to": call.to,
        "agent": call.agent,
        "state": call.state,
        "over": call.over,
        "doubt": call.doubt,
        "history": [
            {"state": step.state, "detail": step.detail, "at": step.at.isoformat(timespec="milliseconds")}
            for step in call.history
        ],
    }


def _call_view(call: Call) -> Mapping[str, Any]:
    leg, over = call.leg, call.ended.is_set()
    return {
        "id": call.facts.call_id,
        "direction": leg.origin.direction,
        "carrier": leg.carrier,
        "carrier_call_id": leg.carrier_call_id,
        "from": leg.origin.from_number,
        "to": leg.origin.to_number,
        "agent": call.facts.agent,
        "state": "ended" if over else "answered",
        "over": over,
        "doubt": "",
        "history": [
            {"state": "answered", "detail": "", "at": call.facts.started_at.isoformat(timespec="milliseconds")}
        ],
    }
