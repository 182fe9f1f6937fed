"""Regular expressions for what the keywords of JSON schemas leave open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

_N = r"\d{1,6}"
_YEAR = r"(?:\d{3}[1-9]|\d{2}[1-9]0|\d[1-9]00|[1-9]000)"
_FOURTH = r"(?:0[48]|[2468][048]|[13579][26])"  # not 00
_LEAP_YEAR = rf"(?:\d{{2}}{_FOURTH}|{_FOURTH}00)"
_DATE = rf"(?:{_YEAR}-(?:(?:0[13-9]|1[0-2])-\d{{2}}|02-(?:[01]\d|2[0-8]))|{_LEAP_YEAR}-02-29)"
_TIME = r"\d{2}:\d{2}:[0-5]\d(?:\.\d{1,6})?(?:Z|[+-]\d{2}:[0-5]\d)"
_DAYS, _SECONDS = (
    rf"(?:{_N}{first}(?:{_N}{second}(?:{_N}{third})?)?|{_N}{second}(?:{_N}{third})?|{_N}{third})"
    for first, second, third in ("YMD", "HMS")
)
FORMATS: Mapping[str, str] = {
    "date": f"^{_DATE}$",
    "time": f"^{_TIME}$",
    "date-time": f"^{_DATE}T{_TIME}$",
    "duration": rf"^P(?:{_N}W|{_DAYS}(?:T{_SECONDS})?|T{_SECONDS})$",
}
"""What most programs read of a format: days that there are, no year 0, no leap seconds, no small letters, and
no numbers that do not end."""


def others(names: Iterable[str]) -> str:
    """A pattern that every text but these has: what is no beginning of one, or goes on after it otherwise."""
    follows = defaultdict[str, set[str]](set)
    for name in names:
        follows[name].add("")
        for end, character in enumerate(name):
            follows[name[:end]].add(character)
    return f"^(?:{'|'.join(_other(*each) for each in follows.items())})$"


def _other(beginning: str, follows: set[str]) -> str:
    """The texts that go on after this beginning otherwise; or end there, unless '' is among these."""
    characters = follows - {""}
    more = (f"[^{_literal(''.join(sorted(characters)))}]" if characters else r"[\s\S]") + r"[\s\S]*"
    return _literal(beginning) + (more if "" in follows else f"(?:{more})?")


def _literal(text: str) -> str:
    return "".join(each if each.isalnum() else rf"\x{{{ord(each):x}}}" for each in text)
