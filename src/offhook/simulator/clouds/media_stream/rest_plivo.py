"""The REST APIs of Vobiz and Plivo: the same tree of resources, JSON both ways.

Sources: Vobiz "make call" and live-call pages; Plivo's call API. Vobiz authenticates by two headers and answers 401
where a path is written in another case; Plivo takes HTTP Basic.
"""

import hmac
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from uuid import uuid4

import orjson
from aiohttp import web

from offhook.simulator.clouds.media_stream.call import CloudCall
from offhook.simulator.clouds.media_stream.dialects import Account, Dialect
from offhook.simulator.clouds.media_stream.endings import CANCELLED_BY_API, HUNG_UP_BY_API
from offhook.simulator.clouds.media_stream.orders import Detection, Goto, Hook, Hooks, Placing
from offhook.simulator.clouds.media_stream.performing import play_file, speak_text
from offhook.simulator.clouds.media_stream.recording import recording_url, start_recording, stop_recordings
from offhook.simulator.clouds.media_stream.rest import (
    ApiError,
    Limits,
    RestLog,
    answer_json,
    basic_credentials,
    check_limits,
    guarded,
)
from offhook.simulator.clouds.media_stream.switch import Switch

__all__ = ["PlivoApi"]

Operation = Callable[[CloudCall, Mapping[str, Any]], Awaitable[web.Response]]
LEGS = ("aleg", "bleg", "both")
MAX_DESTINATIONS = 1_000


class PlivoApi:
    """The API of Vobiz or Plivo."""

    def __init__(self, dialect: Dialect, account: Account, switch: Switch):
        self.log = RestLog()
        self.limits = Limits()
        self.switch = switch
        self._dialect = dialect
        self._account = account

    def routes(self) -> list[web.RouteDef]:
        """All routes; a path that is none of them is refused like a stranger at Vobiz, and not found at Plivo."""
        calls = f"{self._dialect.base_path}/Account/{self._account.id}/Call/"
        one = calls + "{id}/"
        table: list[tuple[str, str, Callable[[web.Request], Awaitable[web.StreamResponse]]]] = [
            ("POST", calls, self._create),
            ("GET", calls, self._list),
            ("GET", one, self._get),
            ("DELETE", one, self._on_call(_hang_up)),
            ("POST", one, self._on_call(_transfer)),
            ("POST", one + "Play/", self._on_call(_play)),
            ("DELETE", one + "Play/", self._on_call(_stop_prompts)),
            ("POST", one + "Speak/", self._on_call(_speak)),
            ("DELETE", one + "Speak/", self._on_call(_stop_prompts)),
            ("POST", one + "Record/", self._on_call(_record)),
            ("DELETE", one + "Record/", self._on_call(_stop_recording)),
            ("POST", one + "DTMF/", self._on_call(_press)),
            ("*", "/{any:.*}", self._elsewhere),
        ]
        return [web.route(method, path, guarded(self, handler)) for method, path, handler in table]

    def authorise(self, request: web.Request) -> None:
        """Check the account of a request. Raises ApiError."""
        given_id, given_token = self._credentials(request)
        known = hmac.compare_digest(given_id.encode(), self._account.id.encode())
        if not (hmac.compare_digest(given_token.encode(), self._account.token.encode()) and known):
            raise ApiError(401, "authentication failed", code="UNAUTHORIZED")

    async def body(self, request: web.Request) -> Mapping[str, Any]:
        """The JSON object of a request. Raises ApiError."""
        raw = await request.read()
        if not raw:
            return {}
        try:
            value = orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise ApiError(400, f"the body is not JSON: {error}", code="INVALID_JSON") from error
        # Clients send `null` with a DELETE that has nothing to say.
        if not isinstance(value, dict | None):
            raise ApiError(400, "the body is not an object", code="INVALID_JSON")
        return value or {}

    def refusal(self, error: ApiError) -> web.Response:
        """An error as Vobiz or Plivo tells it."""
        if self._dialect.carrier == "plivo":
            return answer_json({"api_id": str(uuid4()), "error": error.message}, error.status)
        told = {"code": error.code or "ERROR", "message": error.message, "details": error.details}
        return answer_json({"status": "error", "error": told, "requestId": str(uuid4())}, error.status)

    def _credentials(self, request: web.Request) -> tuple[str, str]:
        if self._dialect.carrier == "vobiz":
            return request.headers.get("X-Auth-ID", ""), request.headers.get("X-Auth-Token", "")
        return basic_credentials(request)

    def _on_call(self, operation: Operation) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await operation(self._found(request), await self.body(request))

        return handle

    def _found(self, request: web.Request) -> CloudCall:
        call = self.switch.find(request.match_info["id"])
        if call is None:
            raise ApiError(404, "call not found", code="NOT_FOUND")
        return call

    async def _create(self, request: web.Request) -> web.StreamResponse:
        body = await self.body(request)
        check_limits(self)
        numbers = [number for number in _text(body, "to").split("<") if number]
        if len(numbers) > MAX_DESTINATIONS:
            raise ApiError(400, f"to has more than {MAX_DESTINATIONS} numbers", code="VALIDATION_ERROR")
        ids = [self.switch.place(_placing(body, number)).id for number in numbers]
        told = {"api_id": str(uuid4()), "message": "call fired", "request_uuid": ids[0] if len(ids) == 1 else ids}
        return answer_json(told, 201 if self._dialect.carrier == "plivo" else 200)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        status = _status_asked(request)
        ids = [call.id for call in self.switch.live if (call.facts.status == "queued") == (status == "queued")]
        return answer_json({"api_id": str(uuid4()), "calls": ids})

    async def _get(self, request: web.Request) -> web.StreamResponse:
        _status_asked(request)
        call = self._found(request)
        facts = call.facts
        told = {
            "api_id": str(uuid4()),
            "call_uuid": call.id,
            "call_status": facts.status,
            "call_state": "ACTIVE" if call.up.is_set() else "RINGING",
            "direction": facts.direction,
            "from": facts.from_,
            "to": facts.to,
            "caller_name": facts.caller_name,
            "session_start": facts.began.strftime("%Y-%m-%d %H:%M:%S.%f"),
        }
        return answer_json(told)

    async def _elsewhere(self, request: web.Request) -> web.StreamResponse:
        if self._dialect.carrier == "vobiz":
            raise ApiError(401, f"no access to {request.path}", code="UNAUTHORIZED")
        raise ApiError(404, f"there is no {request.path}")


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise ApiError(400, f"{name} is required", code="VALIDATION_ERROR")
    return value


def _number(body: Mapping[str, Any], name: str, default: int, least: int, most: int) -> int:
    value = body.get(name, default)
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ApiError(400, f"{name} must be from {least} to {most}", code="VALIDATION_ERROR")
    return value


def _hook(body: Mapping[str, Any], name: str, *, required: bool = False) -> Hook:
    url = _text(body, f"{name}_url") if required else body.get(f"{name}_url") or ""
    method = body.get(f"{name}_method") or "POST"
    if method not in ("GET", "POST"):
        raise ApiError(400, f"{name}_method must be GET or POST", code="VALIDATION_ERROR")
    if url and not re.match(r"https?://[^/\s]", str(url)):
        raise ApiError(400, f"{name}_url is not a web address", code="VALIDATION_ERROR")
    return Hook(str(url), method)


def _placing(body: Mapping[str, Any], number: str) -> Placing:
    hooks = Hooks(
        answer=_hook(body, "answer", required=True),
        ring=_hook(body, "ring"),
        hangup=_hook(body, "hangup"),
        fallback=_hook(body, "fallback"),
        machine=_hook(body, "machine_detection"),
    )
    headers = [pair.partition("=") for pair in str(body.get("sip_headers") or "").split(",") if pair]
    return Placing(
        to=number,
        from_=_text(body, "from"),
        hooks=hooks,
        caller_name=str(body.get("caller_name") or ""),
        sip_headers={key.strip(): value for key, _, value in headers},
        send_digits=str(body.get("send_digits") or ""),
        ring_timeout_s=_number(body, "ring_timeout", 120, 1, 600),
        time_limit_s=_number(body, "time_limit", 14_400, 1, 86_400),
        detection=_detection(body, hooks),
    )


def _detection(body: Mapping[str, Any], hooks: Hooks) -> Detection | None:
    wanted = str(body.get("machine_detection") or "").lower()
    if wanted not in ("", "false", "true", "hangup"):
        raise ApiError(400, "machine_detection must be true or hangup", code="VALIDATION_ERROR")
    if wanted in ("", "false"):
        return None
    limit_s = _number(body, "machine_detection_time", 5_000, 2_000, 10_000) / 1000
    hangs_up = wanted == "hangup"
    return Detection(limit_s, reported=bool(hooks.machine.url) and not hangs_up, hangs_up=hangs_up)


def _status_asked(request: web.Request) -> str:
    status = request.query.get("status", "")
    if status not in ("live", "queued"):
        raise ApiError(400, "status must be live or queued", code="VALIDATION_ERROR")
    return status


def _accepted(call: CloudCall, message: str, **more: str) -> web.Response:
    return answer_json({"api_id": str(uuid4()), "message": message, "call_uuid": call.id, **more}, 202)


async def _hang_up(call: CloudCall, _: Mapping[str, Any]) -> web.Response:
    call.order(HUNG_UP_BY_API if call.up.is_set() else CANCELLED_BY_API)
    return web.Response(status=204)


async def _transfer(call: CloudCall, body: Mapping[str, Any]) -> web.Response:
    legs = body.get("legs", "aleg")
    if legs not in LEGS:
        raise ApiError(400, f"legs must be one of {', '.join(LEGS)}", code="VALIDATION_ERROR")
    if legs == "bleg":
        raise ApiError(400, "there is no second leg", code="VALIDATION_ERROR")
    hook = _hook(body, "aleg", required=True)
    if not call.up.is_set():
        raise ApiError(404, "call is not in progress", code="NOT_FOUND")
    call.order(Goto(hook, "transfer", "Transfer"))
    return _accepted(call, "transfer executed")


async def _play(call: CloudCall, body: Mapping[str, Any]) -> web.Response:
    urls = body.get("urls")
    urls = urls.split(",") if isinstance(urls, str) else urls
    if not isinstance(urls, list) or not urls:
        raise ApiError(400, "urls is required", code="VALIDATION_ERROR")
    for url in urls:
        play_file(call, str(url), 0 if body.get("loop") is True else 1)
    return _accepted(call, "play started")


async def _speak(call: CloudCall, body: Mapping[str, Any]) -> web.Response:
    speak_text(call, _text(body, "text"), 0 if body.get("loop") is True else 1)
    return _accepted(call, "speak started")


async def _stop_prompts(call: CloudCall, _: Mapping[str, Any]) -> web.Response:
    call.phone.ear.prompts.clear()
    return web.Response(status=204)


async def _record(call: CloudCall, body: Mapping[str, Any]) -> web.Response:
    file_format = body.get("file_format") or "mp3"
    if file_format not in ("mp3", "wav"):
        raise ApiError(400, "file_format must be mp3 or wav", code="VALIDATION_ERROR")
    limit_s = _number(body, "time_limit", 60, 1, 86_400)
    recording_id = start_recording(call, _hook(body, "callback"), limit_s, file_format)
    url = recording_url(call, recording_id, file_format)
    return _accepted(call, "call recording started", recording_id=recording_id, url=url)


async def _stop_recording(call: CloudCall, body: Mapping[str, Any]) -> web.Response:
    url = str(body.get("URL") or "")
    recording_id = url.rpartition("/")[2].partition(".")[0]
    if not stop_recordings(call, recording_id):
        raise ApiError(404, "no such recording", code="NOT_FOUND")
    return web.Response(status=204)


async def _press(call: CloudCall, body: Mapping[str, Any]) -> web.Response:
    digits = _text(body, "digits")
    if not re.fullmatch(r"[0-9*#wW]+", digits) or body.get("leg", "aleg") not in LEGS:
        raise ApiError(400, "digits or leg are not valid", code="VALIDATION_ERROR")
    call.log.keys += digits
    return _accepted(call, "digits sent")
