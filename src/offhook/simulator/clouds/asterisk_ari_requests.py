"""Requests to the double of Asterisk's REST interface: what is refused, in which words, and what is done."""

from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

from aiohttp import web

from offhook.simulator.clouds.asterisk_channels import Channel

if TYPE_CHECKING:
    from offhook.simulator.clouds.asterisk_ari import AriDouble

__all__ = ["routes"]

_KEYS = frozenset("0123456789*#ABCDw")
Deed = Callable[["AriDouble", web.Request], Awaitable[web.Response]]


def routes(pbx: "AriDouble") -> Iterator[web.RouteDef]:
    """What the double answers, but for the events."""
    for (method, where), deed in _DEEDS.items():
        yield web.route(method, f"/ari{where}", _bound(pbx, deed))


def _bound(pbx: "AriDouble", deed: Deed) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        return await deed(pbx, request)

    return answer


def _no(status: int, message: str) -> web.Response:
    return web.json_response({"message": message}, status=status)


def _done() -> web.Response:
    return web.Response(status=204)


def _found(pbx: "AriDouble", request: web.Request) -> Channel | web.Response:
    """The channel of a request, or what Asterisk says where it cannot be had."""
    channel = pbx.channels.get(request.match_info["id"])
    if channel is None:
        return _no(404, "Channel not found")
    if channel.id not in pbx.inside:
        return _no(409, "Channel not in Stasis application")
    return channel


async def _answer(pbx: "AriDouble", request: web.Request) -> web.Response:
    channel = _found(pbx, request)
    if isinstance(channel, Channel):
        channel.state = "Up"
        return _done()
    return channel


async def _continue(pbx: "AriDouble", request: web.Request) -> web.Response:
    channel = _found(pbx, request)
    if isinstance(channel, Channel):
        await pbx.go_on(channel, request.query.get("context", ""), request.query.get("extension", ""))
        return _done()
    return channel


async def _dtmf(pbx: "AriDouble", request: web.Request) -> web.Response:
    channel = _found(pbx, request)
    if not isinstance(channel, Channel):
        return channel
    if not set(request.query.get("dtmf", "")) <= _KEYS or not request.query.get("dtmf"):
        return _no(400, "DTMF is required")
    channel.keys += request.query["dtmf"]
    return _done()


async def _variable(pbx: "AriDouble", request: web.Request) -> web.Response:
    channel, name = pbx.channels.get(request.match_info["id"]), request.query["variable"]
    if channel is None:
        return _no(404, "Provided channel was not found")
    function, _, arguments = name.removesuffix(")").partition("(")
    if function == "DIALPLAN_EXISTS":
        context, extension, _ = arguments.split(",")
        return web.json_response({"value": "1" if (context, extension) in pbx.dialplan else "0"})
    if arguments:
        return _no(500, "Unable to read provided function")
    if name not in channel.variables:
        return _no(404, "Provided variable was not found")
    return web.json_response({"value": channel.variables[name]})


async def _set_variable(pbx: "AriDouble", request: web.Request) -> web.Response:
    channel = _found(pbx, request)
    if isinstance(channel, Channel):
        channel.variables[request.query["variable"]] = request.query.get("value", "")
        return _done()
    return channel


async def _hang_up(pbx: "AriDouble", request: web.Request) -> web.Response:
    channel = pbx.channels.get(request.match_info["id"])
    if channel is None:
        return _no(404, "Channel not found")
    await pbx.hang_up(channel)
    return _done()


async def _external_media(pbx: "AriDouble", request: web.Request) -> web.Response:
    asked = request.query
    known = (asked["encapsulation"], asked["transport"]) == ("audiosocket", "tcp")
    media = known and await pbx.media(
        asked["channelId"], asked["data"], asked["external_host"], asked["format"], asked["app"]
    )
    if not media:
        return _no(500, "An internal error prevented this request from being handled")
    return web.json_response({"id": asked["channelId"]})


async def _originate(pbx: "AriDouble", request: web.Request) -> web.Response:
    asked, name = request.query, request.match_info["id"]
    technology, _, rest = asked["endpoint"].partition("/")
    if not rest:
        return _no(400, "Invalid endpoint specified")
    # So Asterisk also says where there is no such technology.
    if name in pbx.channels or technology not in ("PJSIP", "Local"):
        return _no(409, "Channel with given unique ID already exists")
    number = rest.partition("@")[0]
    channel = pbx.channel(f"{technology}/{number}", "default", "s", unique_id=name, number=number)
    channel.state, channel.application = "Down", "AppDial2"
    pbx.applications.setdefault(asked["app"], set()).add(name)
    pbx.spawn(pbx.dial(channel, number, asked["app"], asked.get("appArgs", ""), float(asked.get("timeout", "30"))))
    return web.json_response({"id": name})


async def _create_bridge(pbx: "AriDouble", request: web.Request) -> web.Response:
    if request.query.get("type") != "mixing":
        return _no(400, "Unknown type of bridge")
    pbx.bridges.setdefault(request.match_info["id"], [])
    return web.json_response({"id": request.match_info["id"]})


async def _list_bridges(pbx: "AriDouble", request: web.Request) -> web.Response:
    return web.json_response([{"id": name, "channels": members} for name, members in pbx.bridges.items()])


async def _destroy_bridge(pbx: "AriDouble", request: web.Request) -> web.Response:
    return _done() if pbx.bridges.pop(request.match_info["id"], None) is not None else _no(404, "Bridge not found")


async def _add_channel(pbx: "AriDouble", request: web.Request) -> web.Response:
    name, wanted = request.match_info["id"], request.query["channel"].split(",")
    if name not in pbx.bridges:
        return _no(404, "Bridge not found")
    if any(each not in pbx.channels for each in wanted):
        return _no(400, "Channel not found")
    if any(each not in pbx.inside for each in wanted):
        return _no(422, "Channel not in Stasis application")
    for each in wanted:
        await pbx.bridge(name, pbx.channels[each])
    return _done()


async def _record(pbx: "AriDouble", request: web.Request) -> web.Response:
    name = request.query["name"]
    if request.match_info["id"] not in pbx.bridges:
        return _no(404, "Bridge not found")
    if name in pbx.recordings:
        return _no(409, "Recording already in progress")
    pbx.recordings[name] = request.query["format"]
    return web.json_response({"name": name}, status=201)


async def _stop_recording(pbx: "AriDouble", request: web.Request) -> web.Response:
    return _done() if pbx.recordings.pop(request.match_info["id"], None) else _no(404, "Recording not found")


async def _application(pbx: "AriDouble", request: web.Request) -> web.Response:
    name = request.match_info["id"]
    if name not in pbx.applications:
        return _no(404, "Application not found")
    told = {"name": name, "channel_ids": sorted(pbx.applications[name]), "bridge_ids": sorted(pbx.bridges)}
    return web.json_response(told)


async def _info(pbx: "AriDouble", request: web.Request) -> web.Response:
    return web.json_response({"system": {"version": "22.10.1"}})


async def _modules(pbx: "AriDouble", request: web.Request) -> web.Response:
    return web.json_response([{"name": name} for name in pbx.modules])


_DEEDS: dict[tuple[str, str], Deed] = {
    ("POST", "/channels/externalMedia"): _external_media,
    ("POST", "/channels/{id}"): _originate,
    ("DELETE", "/channels/{id}"): _hang_up,
    ("POST", "/channels/{id}/answer"): _answer,
    ("POST", "/channels/{id}/continue"): _continue,
    ("POST", "/channels/{id}/dtmf"): _dtmf,
    ("GET", "/channels/{id}/variable"): _variable,
    ("POST", "/channels/{id}/variable"): _set_variable,
    ("GET", "/bridges"): _list_bridges,
    ("POST", "/bridges/{id}"): _create_bridge,
    ("DELETE", "/bridges/{id}"): _destroy_bridge,
    ("POST", "/bridges/{id}/addChannel"): _add_channel,
    ("POST", "/bridges/{id}/record"): _record,
    ("POST", "/recordings/live/{id}/stop"): _stop_recording,
    ("GET", "/applications/{id}"): _application,
    ("GET", "/asterisk/info"): _info,
    ("GET", "/asterisk/modules"): _modules,
}
