"""A key, and headers, that show themselves nowhere."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import takewhile
from typing import Any

from ..errors import ConfigError
from ..runtime.base import HttpRequest

_SHORTEST = 8
"""Shorter keys, such as local servers are given, are no secret, and part of other words."""
_BEGINNING = 12
"""So much of a secret tells that more of it follows: a message that quotes an answer may end within it."""
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_FRAMING = ("content-length", "transfer-encoding")


class Secret:
    """Holds a key; it is in no repr, no str and no pickle.

    Args:
        value: the key, or an object that holds one as pydantic's ``SecretStr`` does; blanks around it go.

    Raises:
        ConfigError: it is none, or holds characters that HTTP takes in no header.
    """

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        kind = type(value).__name__
        given: Any = value if isinstance(value, str) else getattr(value, "get_secret_value", lambda: None)()
        missing = not isinstance(given, str)
        self._value = "" if missing else given.strip()  # a file or a variable often ends with a line break
        del value, given  # an error shows its frames to whoever asks for them
        if missing:
            raise ConfigError(f"api_key takes text, a SecretStr, or a function that returns one, not {kind}")
        if not all("!" <= character <= "~" for character in self._value):
            raise ConfigError(
                "the key holds a blank, a line break or a letter that no key has; check where it is from"
            )

    def get_secret_value(self) -> str:
        """The key, for the step that adds it to a request."""
        return self._value

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret('***')"

    def __reduce__(self) -> Any:
        raise TypeError("a key is not written into a pickle")


class SecretHeaders:
    """Headers that a user gave; what they hold is in no repr, no str and no pickle.

    Args:
        given: their texts by their names.

    Raises:
        ConfigError: it is no such mapping, or holds what HTTP takes in no header.
    """

    __slots__ = ("_values", "names")

    def __init__(self, given: Any) -> None:
        wrong = _wrong(given)
        self._values = {} if wrong else {name.lower(): text.strip(" \t") for name, text in given.items()}
        del given  # an error shows its frames to whoever asks for them
        if wrong:
            raise ConfigError(f"headers {wrong}")
        self.names = frozenset(self._values)
        """In lower case."""

    def over(self, headers: Mapping[str, str]) -> dict[str, str]:
        """These headers in addition to others, and in place of those with the same names."""
        return {**headers, **self._values}

    def __repr__(self) -> str:
        return "SecretHeaders('***')"

    def __reduce__(self) -> Any:
        raise TypeError("headers that may hold a key are not written into a pickle")


def _wrong(headers: Any) -> str:
    """What HTTP does not take of these headers; not what they hold, and no name that is none."""
    if not isinstance(headers, Mapping):
        return f"takes a mapping of names to texts, not {type(headers).__name__}"
    seen: set[str] = set()
    for name, text in headers.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            return "takes names of letters, digits and -; one of those given is no such name"
        if name.lower() in _FRAMING:
            return f"takes no {name!r}, which says where a request ends: leave it out"
        if name.lower() in seen:
            return f"names {name!r} twice"
        seen.add(name.lower())
        if not isinstance(text, str):
            return f"takes text for {name!r}, not {type(text).__name__}"
        if not _VALUE.fullmatch(text):
            return f"takes no line break, control character or letter beyond Latin-1, as {name!r} has one"
        if not text.strip():
            return f"has nothing for {name!r}: give its text, or leave it out"
    return ""


def key_header(auth: str, key: Secret) -> dict[str, str]:
    """The header in which a key travels, by the ``auth`` of its vendor."""
    if not key or auth in ("", "none"):
        return {}
    if auth in ("bearer", "aws", "google"):
        return {"authorization": f"Bearer {key.get_secret_value()}"}
    return {auth: key.get_secret_value()}


def asked(key: Callable[[], Any], auth: str) -> Callable[[HttpRequest], Mapping[str, str]]:
    """What asks for the key anew for each request.

    Args:
        key: returns the key, as text or a ``SecretStr``; it may wait for it.
        auth: how it travels, as its vendor has it.

    Returns:
        A function from a request to the header that holds the key. It raises what ``key`` raises, and
        ConfigError if that returned no key.
    """
    # What is asked for anew expires: at Azure a token of Entra ID, which is sent as one.
    auth = "bearer" if auth == "api-key" else auth

    def header(request: HttpRequest) -> Mapping[str, str]:
        secret = Secret(key())
        if not secret:
            raise ConfigError("the function given as api_key returned an empty key")
        return key_header(auth, secret)

    return header


def scrub(text: str, secrets: Iterable[str]) -> str:
    """The text without what headers hold, which a server may have repeated."""
    whole = list(secrets)
    # Of "Bearer KEY" and "name=KEY; ..." it may be the key alone.
    parts = [word for secret in whole for word in re.split("[ ;,]+", secret) if "=" in word]
    parts = [part.partition("=")[2] for part in parts] + [secret.partition(" ")[2] for secret in whole]
    for held in sorted((*whole, *parts), key=len, reverse=True):  # one may be a part of another
        text = _without(text, held) if len(held) >= _SHORTEST else text
    return text


def _without(text: str, held: str) -> str:
    """The text without a secret, also where only the beginning of it is there."""
    begins, goes_on = held[:_BEGINNING], held[_BEGINNING:]
    before, *after = text.split(begins)
    for at, each in enumerate(after):
        pairs = zip(each, goes_on, strict=False)
        after[at] = each[sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs)) :]
    return "***".join([before, *after])
