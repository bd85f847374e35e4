"""The music that callers of each agent hear on hold, read before the first call."""

from collections.abc import Mapping

from offhook.audio.files import read_wav
from offhook.audio.melody import Melody, melody_of, own_tune
from offhook.config import Settings
from offhook.errors import AudioError, ConfigError

__all__ = ["melodies_of"]


def melodies_of(settings: Settings) -> Mapping[str, Melody]:
    """The music of the agents that have a file of their own. Blocks.

    Raises ConfigError for one that cannot be played."""
    own_tune()
    files = {name: agent.hold_music for name, agent in settings.answering.items()}
    found: dict[str, Melody] = {}
    for name, path in files.items():
        if path is None:
            continue
        try:
            found[name] = melody_of(read_wav(path))
        except (OSError, AudioError) as error:
            problem = error.strerror if isinstance(error, OSError) else str(error)
            raise ConfigError(
                f"{path} cannot be played: {problem}",
                setting=f"agents.{name}.hold_music",
                hint="Name a WAV file of 8,000 to 192,000 Hz, or leave it out.",
            ) from error
    return found
