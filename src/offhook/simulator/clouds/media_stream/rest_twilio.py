"""Twilio's REST API for calls: forms in, JSON out. Sources: Twilio "Call resource", "Recordings", error codes."""

import hmac
import re
from collections.abc import Mapping
from email.utils import format_datetime
from typing import Any

from aiohttp import web
from multidict import MultiDict

from offhook.simulator.clouds.media_stream.call import CloudCall
from offhook.simulator.clouds.media_stream.dialects import Account, Dialect
from offhook.simulator.clouds.media_stream.endings import CANCELLED_BY_API, HUNG_UP_BY_API
from offhook.simulator.clouds.media_stream.orders import Detection, Goto, Hook, Hooks, Placing
from offhook.simulator.clouds.media_stream.parameters_twilio import API_VERSION
from offhook.simulator.clouds.media_stream.recording import start_recording, stop_recordings
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

__all__ = ["TwilioApi"]

EVENTS = ("initiated", "ringing", "answered", "completed")


class TwilioApi:
    """The API of Twilio."""

    def __init__(self, dialect: Dialect, account: Account, switch: Switch):
        self.log = RestLog()
        self.limits = Limits()
        self.switch = switch
        self._base = f"{dialect.base_path}/Accounts/{account.id}"
        self._account = account

    def routes(self) -> list[web.RouteDef]:
        """All routes."""
        table = [
            ("GET", f"{self._base}.json", self._account_resource),
            ("POST", f"{self._base}/Calls.json", self._create),
            ("GET", f"{self._base}/Calls.json", self._list),
            ("GET", self._base + "/Calls/{id}.json", self._get),
            ("POST", self._base + "/Calls/{id}.json", self._update),
            ("POST", self._base + "/Calls/{id}/Recordings.json", self._record),
            ("POST", self._base + "/Calls/{id}/Recordings/{recording}.json", self._stop_recording),
            ("*", "/{any:.*}", self._elsewhere),
        ]
        return [web.route(method, path, guarded(self, handler)) for method, path, handler in table]

    def authorise(self, request: web.Request) -> None:
        """Check the account of a request. Raises ApiError."""
        name, password = basic_credentials(request)
        known = hmac.compare_digest(name.encode(), self._account.id.encode())
        if not (hmac.compare_digest(password.encode(), self._account.token.encode()) and known):
            raise ApiError(401, "Authenticate", code="20003")

    async def body(self, request: web.Request) -> Mapping[str, Any]:
        """The form of a request; repeated fields are lists."""
        form = await request.post()
        return {key: values if len(values := form.getall(key)) > 1 else values[0] for key in form}

    def refusal(self, error: ApiError) -> web.Response:
        """An error as Twilio tells it."""
        code = int(error.code) if error.code.isdigit() else 20_000 + error.status
        info = f"https://www.twilio.com/docs/errors/{code}"
        told = {"code": code, "message": error.message, "more_info": info, "status": error.status}
        return answer_json(told, error.status)

    async def _account_resource(self, request: web.Request) -> web.StreamResponse:
        told = {"sid": self._account.id, "friendly_name": "Simulated", "status": "active", "type": "Full"}
        return answer_json({**told, "uri": request.path})

    async def _create(self, request: web.Request) -> web.StreamResponse:
        form = await _form(request)
        check_limits(self)
        return answer_json(self._resource(self.switch.place(_placing(form))), 201)

    async def _list(self, request: web.Request) -> web.StreamResponse:
        status = request.query.get("Status", "")
        calls = [self._resource(call) for call in self.switch.calls.values()]
        shown = [call for call in calls if status in ("", call["status"])]
        page = {"page": 0, "page_size": 50, "start": 0, "end": len(shown), "next_page_uri": None, "uri": request.path}
        return answer_json({**page, "first_page_uri": request.path, "previous_page_uri": None, "calls": shown})

    async def _get(self, request: web.Request) -> web.StreamResponse:
        return answer_json(self._resource(self._found(request)))

    async def _update(self, request: web.Request) -> web.StreamResponse:
        call, form = self._found(request), await _form(request)
        if call.ending is not None:
            raise ApiError(400, "Call is not in-progress. Cannot redirect.", code="21220")
        status = form.get("Status", "")
        if status not in ("", "completed", "canceled"):
            raise ApiError(400, f"Invalid call state: {status}", code="21218")
        if status:
            call.order(HUNG_UP_BY_API if call.up.is_set() else CANCELLED_BY_API)
        elif not call.up.is_set():
            raise ApiError(400, "Call is not in-progress. Cannot redirect.", code="21220")
        else:
            hook, document = _instructions(form)
            call.order(Goto(hook, "redirect", "Redirect", document=document))
        return answer_json(self._resource(call))

    async def _record(self, request: web.Request) -> web.StreamResponse:
        call, form = self._found(request), await _form(request)
        if call.ending is not None or not call.up.is_set():
            raise ApiError(400, "Requested resource is not eligible for recording", code="21220")
        hook = Hook(form.get("RecordingStatusCallback", ""), form.get("RecordingStatusCallbackMethod", "POST"))
        recording_id = start_recording(call, hook, 14_400.0)
        return answer_json(self._recording(call, recording_id, "in-progress"), 201)

    async def _stop_recording(self, request: web.Request) -> web.StreamResponse:
        call, recording_id = self._found(request), request.match_info["recording"]
        if (await _form(request)).get("Status") != "stopped":
            raise ApiError(400, "Status must be stopped", code="21222")
        if not stop_recordings(call, recording_id):
            raise self._missing(request)
        return answer_json(self._recording(call, recording_id, "stopped"))

    async def _elsewhere(self, request: web.Request) -> web.StreamResponse:
        raise self._missing(request)

    def _missing(self, request: web.Request) -> ApiError:
        return ApiError(404, f"The requested resource {request.path} was not found", code="20404")

    def _found(self, request: web.Request) -> CloudCall:
        call = self.switch.calls.get(request.match_info["id"])
        if call is None:
            raise self._missing(request)
        return call

    def _resource(self, call: CloudCall) -> dict[str, Any]:
        facts = call.facts
        return {
            "sid": call.id,
            "account_sid": self._account.id,
            "api_version": API_VERSION,
            "from": facts.from_,
            "to": facts.to,
            "caller_name": facts.caller_name or None,
            "forwarded_from": facts.forwarded_from or None,
            "direction": "inbound" if facts.direction == "inbound" else "outbound-api",
            "status": facts.ending.twilio_status if facts.ending else facts.status,
            "date_created": format_datetime(facts.began),
            "start_time": format_datetime(facts.answered) if facts.answered else None,
            "end_time": format_datetime(facts.ended) if facts.ended else None,
            "duration": str(facts.duration_s) if facts.ended else None,
            "uri": f"{self._base}/Calls/{call.id}.json",
        }

    def _recording(self, call: CloudCall, recording_id: str, status: str) -> dict[str, Any]:
        return {"sid": recording_id, "call_sid": call.id, "account_sid": self._account.id, "status": status}


async def _form(request: web.Request) -> MultiDict[str]:
    form = await request.post()
    return MultiDict((key, value) for key, value in form.items() if isinstance(value, str))


def _instructions(form: Mapping[str, str]) -> tuple[Hook, bytes]:
    url, twiml = form.get("Url", ""), form.get("Twiml", "")
    if not url and not twiml:
        raise ApiError(400, "Url parameter is required.", code="21205")
    if url and not re.match(r"https?://[^/\s]", url):
        raise ApiError(400, f"Url is not a valid URL: {url}", code="21205")
    return Hook(url, form.get("Method", "POST")), b"" if url else twiml.encode()


def _whole(form: Mapping[str, str], name: str, default: int, most: int) -> int:
    value = form.get(name, str(default))
    if not value.isdigit() or not 1 <= int(value) <= most:
        raise ApiError(400, f"{name} must be from 1 to {most}", code="20001")
    return int(value)


def _placing(form: MultiDict[str]) -> Placing:
    if not form.get("To"):
        raise ApiError(400, "No 'To' number is specified", code="21201")
    if not form.get("From"):
        raise ApiError(400, "No 'From' number is specified", code="21213")
    answer, document = _instructions(form)
    machine = Hook(form.get("AsyncAmdStatusCallback", ""), form.get("AsyncAmdStatusCallbackMethod", "POST"))
    hooks = Hooks(
        answer=answer,
        fallback=Hook(form.get("FallbackUrl", ""), form.get("FallbackMethod", "POST")),
        machine=machine,
        status=Hook(form.get("StatusCallback", ""), form.get("StatusCallbackMethod", "POST")),
        events=_events(form),
    )
    return Placing(
        to=form["To"],
        from_=form["From"],
        hooks=hooks,
        document=document,
        send_digits=form.get("SendDigits", ""),
        ring_timeout_s=_whole(form, "Timeout", 60, 600),
        time_limit_s=_whole(form, "TimeLimit", 14_400, 86_400),
        detection=_detection(form),
    )


def _events(form: MultiDict[str]) -> frozenset[str]:
    events = [event for value in form.getall("StatusCallbackEvent", []) for event in value.split()]
    if unknown := set(events) - set(EVENTS):
        raise ApiError(400, f"Invalid StatusCallbackEvent: {', '.join(sorted(unknown))}", code="21626")
    return frozenset(events or ["completed"])


def _detection(form: Mapping[str, str]) -> Detection | None:
    wanted = form.get("MachineDetection", "")
    if wanted not in ("", "Enable", "DetectMessageEnd"):
        raise ApiError(400, f"Invalid MachineDetection: {wanted}", code="21218")
    limit_s = _whole(form, "MachineDetectionTimeout", 30, 59)
    reported = form.get("AsyncAmd", "").lower() == "true"
    return Detection(limit_s, reported=reported, beep=wanted == "DetectMessageEnd") if wanted else None
