"""Languages that agents talk: their codes, and their names for people and models."""

import re
from typing import Annotated

from pydantic import StringConstraints

__all__ = ["LanguageCode", "language_code", "language_name"]

LanguageCode = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}$")]
"""A language by its two letters in ISO 639-1."""

_NAMES = {
    "ar": "Arabic",
    "bg": "Bulgarian",
    "bn": "Bengali",
    "ca": "Catalan",
    "cs": "Czech",
    "da": "Danish",
    "de": "German",
    "el": "Greek",
    "en": "English",
    "es": "Spanish",
    "et": "Estonian",
    "eu": "Basque",
    "fa": "Persian",
    "fi": "Finnish",
    "fr": "French",
    "gl": "Galician",
    "gu": "Gujarati",
    "he": "Hebrew",
    "hi": "Hindi",
    "hr": "Croatian",
    "hu": "Hungarian",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "kn": "Kannada",
    "ko": "Korean",
    "lt": "Lithuanian",
    "lv": "Latvian",
    "ml": "Malayalam",
    "mr": "Marathi",
    "ms": "Malay",
    "nl": "Dutch",
    "no": "Norwegian",
    "pa": "Punjabi",
    "pl": "Polish",
    "pt": "Portuguese",
    "ro": "Romanian",
    "ru": "Russian",
    "sk": "Slovak",
    "sl": "Slovenian",
    "sr": "Serbian",
    "sv": "Swedish",
    "sw": "Swahili",
    "ta": "Tamil",
    "te": "Telugu",
    "th": "Thai",
    "tl": "Tagalog",
    "tr": "Turkish",
    "uk": "Ukrainian",
    "ur": "Urdu",
    "vi": "Vietnamese",
    "zh": "Chinese",
}


def language_name(code: str) -> str:
    """The English name of a language; what stands for it where we know none."""
    return _NAMES.get(code, f'the language "{code}"')


def language_code(told: str) -> str:
    """The two letters of a language as a carrier tells it, such as `es_MX`, `es-419` or `ES`; empty if it is none."""
    found = re.match(r"[A-Za-z]{2}(?![A-Za-z])", told.strip())
    return found[0].lower() if found else ""
