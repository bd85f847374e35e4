"""Doubles of the clouds of Vobiz, Plivo and Twilio: their REST API, webhooks and media sockets, without a telephone.

Nothing here is shared with `offhook.carriers.media_stream`: a double that used the code it tests would prove nothing.
"""

from offhook.simulator.clouds.media_stream.call import CloudCall, Transferred
from offhook.simulator.clouds.media_stream.callees import (
    Callee,
    answering_machine,
    answers,
    busy,
    no_answer,
    rejects,
)
from offhook.simulator.clouds.media_stream.clock import Clock, RealTime
from offhook.simulator.clouds.media_stream.cloud import CarrierCloud
from offhook.simulator.clouds.media_stream.dialects import CARRIERS, Account, Carrier
from offhook.simulator.clouds.media_stream.stream import MediaStream, StreamEnd
from offhook.simulator.clouds.media_stream.variants import Variants
from offhook.simulator.clouds.media_stream.webhooks import Webhook

__all__ = [
    "CARRIERS",
    "Account",
    "Callee",
    "Carrier",
    "CarrierCloud",
    "Clock",
    "CloudCall",
    "MediaStream",
    "RealTime",
    "StreamEnd",
    "Transferred",
    "Variants",
    "Webhook",
    "answering_machine",
    "answers",
    "busy",
    "no_answer",
    "rejects",
]
