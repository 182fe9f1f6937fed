"""Every exception genkit raises, in one tree.

::

    GenkitError
    ├── ConfigError            the Generator was set up wrong: nothing was started
    │   └── MissingDependency  an optional package is not installed      (.extra)
    ├── BadRequest             this call cannot be served as it was made
    │   ├── UnsupportedOption  the backend cannot honour an option       (.option)
    │   └── ContextOverflow    the prompt does not fit                   (.tokens, .limit)
    ├── ModelFileError         a model file is missing, broken or unfit  (.path)
    ├── BackendError           the backend failed while serving a call
    │   └── WorkerDied         the process that ran the model ended      (.signal)
    └── Closed                 the Generator was used after close()

Every error has ``retryable`` (whether the same call may succeed if made again) and ``partial``
(what had arrived before the failure, a :class:`genkit.Response`, or None).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from .response import Response


class GenkitError(Exception):
    """The root of every exception genkit raises."""

    retryable: ClassVar[bool] = False
    partial: Response | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)

    @property
    def message(self) -> str:
        """What was wrong, with what value, and what to do."""
        return str(self.args[0])


class ConfigError(GenkitError):
    """The Generator was set up wrong; nothing was started."""


class MissingDependency(ConfigError):
    """An optional package is not installed; ``extra`` names the extra that brings it."""

    extra: str = ""

    def __init__(self, message: str, *, extra: str = "") -> None:
        super().__init__(message)
        self.extra = extra


class BadRequest(GenkitError):
    """This call cannot be served as it was made; making it again changes nothing."""


class UnsupportedOption(BadRequest):
    """The backend cannot honour the option named in ``option``."""

    option: str = ""

    def __init__(self, message: str, *, option: str = "") -> None:
        super().__init__(message)
        self.option = option


class ContextOverflow(BadRequest):
    """The prompt has ``tokens`` tokens, and the context window only ``limit``."""

    tokens: int = 0
    limit: int = 0

    def __init__(self, message: str, *, tokens: int = 0, limit: int = 0) -> None:
        super().__init__(message)
        self.tokens = tokens
        self.limit = limit


class ModelFileError(GenkitError):
    """The model file at ``path`` is missing, broken, or not fit for what was asked."""

    path: str = ""

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(message)
        self.path = path


class BackendError(GenkitError):
    """The backend failed while serving a call."""


class WorkerDied(BackendError):
    """The process that ran the model ended, by ``signal`` if not None. The next call starts another."""

    retryable: ClassVar[bool] = True
    signal: int | None = None

    def __init__(self, message: str, *, signal: int | None = None) -> None:
        super().__init__(message)
        self.signal = signal


class Closed(GenkitError):
    """The Generator was used after ``close()``."""
