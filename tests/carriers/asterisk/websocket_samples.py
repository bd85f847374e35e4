"""Messages of the WebSocket channel, as Asterisk 22.10.1 sent them."""

from typing import Any

import orjson

__all__ = ["CALL", "CALLER", "JSON_START", "PLAIN_START", "json_start", "plain_start"]

CALL = "d150cda7-8323-4f49-8ed1-a314b24cac2f"
CALLER = "1795256604.20"

JSON_START = (
    '{"event":"MEDIA_START","connection_id":"raw","channel":"WebSocket/raw/0x7f445400e460",'
    '"channel_id":"1795256604.21","format":"ulaw","optimal_frame_size":160,"ptime":20,"channel_variables":'
    '{"DIALEDPEERNUMBER":"raw/c(ulaw)f(json)","MEDIA_WEBSOCKET_CONNECTION_ID":"raw",'
    '"MEDIA_WEBSOCKET_OPTIMAL_FRAME_SIZE":"160","DID":"raw","__OFFHOOK_CALLER_NAME":"Ann (Work), 100%",'
    f'"__OFFHOOK_CHANNEL":"{CALLER}","__OFFHOOK_EMPTY":"","__OFFHOOK_TO":"raw","__OFFHOOK_FROM":"+15550100",'
    f'"__OFFHOOK_CALL":"{CALL}"}}}}'
)
PLAIN_START = (
    "MEDIA_START connection_id:offhook channel:WebSocket/offhook/0x7f4458005260 channel_id:1795256532.10"
    " format:slin16 optimal_frame_size:640 ptime:20"
)


def json_start(**changed: Any) -> str:
    """A start with other fields; those that are None are missing."""
    fields = {**orjson.loads(JSON_START), **changed}
    return orjson.dumps({name: value for name, value in fields.items() if value is not None}).decode()


def plain_start(old: str, new: str) -> str:
    """A start in plain text with one piece replaced."""
    assert old in PLAIN_START
    return PLAIN_START.replace(old, new)
