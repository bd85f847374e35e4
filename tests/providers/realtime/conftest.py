"""The ears of the doubles that hear with the local models, as the recognisers' tests have them."""

from tests.providers.stt.conftest import real_ears, spoken

__all__ = ["real_ears", "spoken"]
