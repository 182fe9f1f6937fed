"""A key that shows itself nowhere."""

from __future__ import annotations

from typing import Any


class Secret:
    """Holds a key; it is in no repr, no str and no pickle.

    Args:
        value: the key, or an object that holds one as pydantic's ``SecretStr`` does.
    """

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        self._value: str = value if isinstance(value, str) else value.get_secret_value()

    def get_secret_value(self) -> str:
        """The key, for the step that adds it to a request."""
        return self._value

    def scrub(self, text: str) -> str:
        """The text without the key, which a server may have repeated."""
        return text.replace(self._value, "***") if self._value else text

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return "Secret('***')"

    def __reduce__(self) -> Any:
        raise TypeError("a key is not written into a pickle")
