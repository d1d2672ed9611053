"""Countries and their time zones, from the IANA database that the package tzdata carries."""

import re
from functools import cache
from importlib.resources import files
from typing import Final

from streams.clients.text import plain

_LEADING_CODE: Final = re.compile(r"([A-Z]{2})(?:\s*\(.*\))?")

# The zone where most people live, for countries that have several of them.
_MOST_PEOPLE: Final = {
    "AQ": "Antarctica/McMurdo", "AR": "America/Argentina/Buenos_Aires", "AU": "Australia/Sydney",
    "BR": "America/Sao_Paulo", "CA": "America/Toronto", "CD": "Africa/Kinshasa", "CL": "America/Santiago",
    "CN": "Asia/Shanghai", "CY": "Asia/Nicosia", "DE": "Europe/Berlin", "EC": "America/Guayaquil",
    "ES": "Europe/Madrid", "FM": "Pacific/Chuuk", "GL": "America/Nuuk", "ID": "Asia/Jakarta", "KI": "Pacific/Tarawa",
    "KZ": "Asia/Almaty", "MH": "Pacific/Majuro", "MN": "Asia/Ulaanbaatar", "MX": "America/Mexico_City",
    "MY": "Asia/Kuala_Lumpur", "NZ": "Pacific/Auckland", "PF": "Pacific/Tahiti", "PG": "Pacific/Port_Moresby",
    "PS": "Asia/Gaza", "PT": "Europe/Lisbon", "RU": "Europe/Moscow", "UA": "Europe/Kyiv", "UM": "Pacific/Wake",
    "US": "America/New_York", "UZ": "Asia/Tashkent",
}  # fmt: skip


def country_code(text: str) -> str | None:
    """`BR (Brazil)`, `BR` or `Brazil` to `BR`; None where it names no country."""
    text = text.strip()
    match = _LEADING_CODE.fullmatch(text)
    if match is not None:
        return match[1]
    return _names().get(plain(text))


def time_zone(country: str | None) -> str | None:
    """The country's time zone, that of most people where it has several; None where the country is unknown."""
    return _zones().get(country or "")


@cache
def _zones() -> dict[str, str]:
    """The first zone listed for each country, but for those in `_MOST_PEOPLE`."""
    zones: dict[str, str] = {}
    for code, _, zone in _table("zone.tab", 3):
        zones.setdefault(code, zone)
    return zones | _MOST_PEOPLE


@cache
def _names() -> dict[str, str]:
    return {plain(name): code for code, name in _table("iso3166.tab", 2)}


def _table(name: str, columns: int) -> list[list[str]]:
    text = files("tzdata.zoneinfo").joinpath(name).read_text(encoding="utf-8")
    return [line.split("\t")[:columns] for line in text.splitlines() if line and not line.startswith("#")]
