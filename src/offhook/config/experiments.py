"""Settings of experiments: an agent that answers in several ways, each for a part of its callers."""

from pydantic import Field

from offhook.config.base import Section, TableName
from offhook.config.overlays import AgentOverlay

__all__ = ["ExperimentSettings", "VariantSettings"]


class VariantSettings(AgentOverlay):
    """One of these ways: its share, and any settings of the agent that are to differ, such as `greeting`, `voice` or
    `turns.silence_ms`."""

    weight: float = Field(1.0, ge=0, le=1_000_000, description="its share of the callers, by weight; 0 for nobody")


class ExperimentSettings(Section):
    """An agent that answers in several ways, each for a part of its callers: see docs/experiments.md."""

    agent: str = Field(..., description="name of the agent whose callers are divided", examples=["reception"])
    salt: str = Field("", description="another one divides the callers anew; the experiment's name if not set")
    variants: dict[TableName, VariantSettings] = Field(..., min_length=1, examples=["calm"])

    @property
    def control(self) -> str:
        """The variant that others are compared with: the one that changes nothing, else the first."""
        unchanged = (name for name, variant in self.variants.items() if not variant.changes)
        return next(unchanged, next(iter(self.variants)))
