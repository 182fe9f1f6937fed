"""A key that shows itself nowhere."""

from __future__ import annotations

from typing import Any

from ..errors import ConfigError

_SHORTEST = 8
"""Shorter keys, such as local servers are given, are no secret, and part of other words."""


class Secret:
    """Holds a key; it is in no repr, no str and no pickle.

    Args:
        value: the key, or an object that holds one as pydantic's ``SecretStr`` does; blanks around it go.

    Raises:
        ConfigError: it holds characters that HTTP takes in no header.
    """

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        given: str = value if isinstance(value, str) else value.get_secret_value()
        self._value = given.strip()  # a file or a variable often ends with a line break
        del value, given  # an error shows its frames to whoever asks for them
        if not all("!" <= character <= "~" for character in self._value):
            raise ConfigError(
                "the key holds a blank, a line break or a letter that no key has; check where it is from"
            )

    def get_secret_value(self) -> str:
        """The key, for the step that adds it to a request."""
        return self._value

    def scrub(self, text: str) -> str:
        """The text without the key, which a server may have repeated."""
        return text.replace(self._value, "***") if len(self._value) >= _SHORTEST else text

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret('***')"

    def __reduce__(self) -> Any:
        raise TypeError("a key is not written into a pickle")
