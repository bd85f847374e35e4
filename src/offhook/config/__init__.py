"""Every setting of the server."""

from offhook.config.agents import AgentSettings, BriefingSettings, SilenceSettings, TransferSettings, TurnSettings
from offhook.config.carriers import (
    AriSettings,
    AsteriskSettings,
    AsteriskWebSocketSettings,
    CarrierName,
    CarrierSettings,
    DialCarrier,
    MediaStreamSettings,
    TwilioSettings,
)
from offhook.config.costs import CostSettings, PriceSettings, UsageKind
from offhook.config.experiments import ExperimentSettings, VariantSettings
from offhook.config.overlays import AgentOverlay
from offhook.config.providers import LlmSettings, RealtimeSettings, SttSettings, TtsSettings
from offhook.config.server import (
    AudioSocketSettings,
    KeySettings,
    LimitSettings,
    ModelSettings,
    RecordingSettings,
    RouteSettings,
    ServerSettings,
)
from offhook.config.settings import Settings
from offhook.config.tools import HttpToolSettings, McpSettings

__all__ = [
    "AgentOverlay",
    "AgentSettings",
    "AriSettings",
    "AsteriskSettings",
    "AsteriskWebSocketSettings",
    "AudioSocketSettings",
    "BriefingSettings",
    "CarrierName",
    "CarrierSettings",
    "CostSettings",
    "DialCarrier",
    "ExperimentSettings",
    "HttpToolSettings",
    "KeySettings",
    "LimitSettings",
    "LlmSettings",
    "McpSettings",
    "MediaStreamSettings",
    "ModelSettings",
    "PriceSettings",
    "RealtimeSettings",
    "RecordingSettings",
    "RouteSettings",
    "ServerSettings",
    "Settings",
    "SilenceSettings",
    "SttSettings",
    "TransferSettings",
    "TtsSettings",
    "TurnSettings",
    "TwilioSettings",
    "UsageKind",
    "VariantSettings",
]
