"""Text of any script made comparable, and ids made of it."""

import re
import unicodedata
from functools import lru_cache
from hashlib import blake2b
from typing import Final

_ALIKE: Final = str.maketrans("’‘`´‐‑–—“”«»„", "''''----" + '"' * 5)
_WORD: Final = re.compile(r"[^\s'-][^\s]*")


@lru_cache(maxsize=65_536)
def normal(text: str) -> str:
    """Compatibility forms, case, quotes, dashes and spaces made one."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().translate(_ALIKE).split())


@lru_cache(maxsize=65_536)
def plain(text: str) -> str:
    """`normal` without accents. Marks of scripts that spell vowels with them (Devanagari, Thai) stay."""
    kept = "".join(c for c in unicodedata.normalize("NFD", normal(text)) if not "\u0300" <= c <= "\u036f")
    return unicodedata.normalize("NFC", kept).replace("ı", "i").replace("ł", "l")


def words(text: str) -> list[str]:
    """The words of a text, digits and punctuation left out; apostrophes and hyphens inside a word stay."""
    kept = "".join(c if unicodedata.category(c)[0] in "LM" or c in "'-" else " " for c in text)
    return [word.rstrip("'-") for word in _WORD.findall(kept)]


def slug(text: str, most: int) -> str:
    """Lower-case letters and digits of any script, the rest as single hyphens; 1 to `most` characters."""
    kept = "".join(c if unicodedata.category(c)[0] in "LMN" else " " for c in plain(text))
    return "-".join(kept.split())[:most].strip("-") or "x"


def digest(text: str, octets: int = 4) -> str:
    """Hexadecimal hash of the text, the same in every run; a byte is two digits."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=octets).hexdigest()
