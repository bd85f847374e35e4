"""Every setting of the server."""

from offhook.config.agents import AgentSettings, SilenceSettings, TurnSettings
from offhook.config.carriers import CarrierName, CarrierSettings, MediaStreamSettings, TwilioSettings
from offhook.config.providers import LlmSettings, RealtimeSettings, SttSettings, TtsSettings
from offhook.config.settings import (
    AudioSocketSettings,
    KeySettings,
    LimitSettings,
    ModelSettings,
    RecordingSettings,
    RouteSettings,
    ServerSettings,
    Settings,
)

__all__ = [
    "AgentSettings",
    "AudioSocketSettings",
    "CarrierName",
    "CarrierSettings",
    "KeySettings",
    "LimitSettings",
    "LlmSettings",
    "MediaStreamSettings",
    "ModelSettings",
    "RealtimeSettings",
    "RecordingSettings",
    "RouteSettings",
    "ServerSettings",
    "Settings",
    "SilenceSettings",
    "SttSettings",
    "TtsSettings",
    "TurnSettings",
    "TwilioSettings",
]
