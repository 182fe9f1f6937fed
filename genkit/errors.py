"""Every exception genkit raises, in one tree.

::

    GenkitError
    ├── ConfigError            the Generator was set up wrong: nothing was started
    │   └── MissingDependency  an optional package is not installed      (.extra)
    ├── BadRequest             this call cannot be served as it was made
    │   ├── UnsupportedOption  the backend cannot honour an option       (.option)
    │   ├── NotFound           the vendor has no such model or address
    │   └── ContextOverflow    the prompt does not fit                   (.tokens, .limit)
    ├── ModelFileError         a model file is missing, broken or unfit  (.path)
    ├── BackendError           the backend failed while serving a call
    │   ├── WorkerDied         the process that ran the model ended      (.signal)
    │   ├── OutOfMemory        the model needs more memory than is free  (.needed, .free, .context)
    │   ├── ConnectFailed      no answer, or the connection broke
    │   ├── DeadlineExceeded   it took longer than it may
    │   ├── AuthFailed         the key is missing, wrong, or may not do this
    │   ├── RateLimited        too many requests, for now
    │   ├── QuotaExceeded      the account has nothing left
    │   ├── ServerFailed       the server failed or is overloaded
    │   ├── ProtocolError      the answer makes no sense
    │   ├── IncompleteStream   the stream ended before its terminal mark
    │   └── TooLarge           the answer is larger than it may be
    └── Closed                 the Generator was used after close()

Every error has these attributes, with a neutral value where they say nothing:
``retryable`` (the same call may succeed if made again), ``partial`` (what had arrived, a
:class:`genkit.Response`), ``provider``, ``status`` (HTTP), ``code`` (the provider's own), ``request_id``,
``retry_after`` (seconds that the server asked to wait), ``phase`` (``connect``, ``headers``, ``body``)
and ``attempts`` (the errors of the tries before this one).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .response import Response


class GenkitError(Exception):
    """The root of every exception genkit raises; ``facts`` are attributes of its class."""

    retryable: bool = False
    partial: Response | None = None
    provider: str = ""
    status: int | None = None
    code: str = ""
    request_id: str = ""
    retry_after: float | None = None
    phase: str = ""
    attempts: tuple[GenkitError, ...] = ()

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        for name, value in facts.items():
            if not hasattr(type(self), name):
                raise TypeError(f"{type(self).__name__} has no attribute {name!r}")
            setattr(self, name, value)

    @property
    def message(self) -> str:
        """What was wrong, with what value, and what to do."""
        return str(self.args[0])

    def __str__(self) -> str:
        tries = f"after {len(self.attempts) + 1} tries" if self.attempts else ""
        status = f"status {self.status}" if self.status else ""
        request = f"request {self.request_id}" if self.request_id else ""
        whose = ", ".join(filter(None, (self.provider, status, request, tries)))
        return f"{self.message} ({whose})" if whose else self.message


class ConfigError(GenkitError):
    """The Generator was set up wrong; nothing was started."""


class MissingDependency(ConfigError):
    """An optional package is not installed; ``extra`` names the extra that brings it."""

    extra: str = ""


class BadRequest(GenkitError):
    """This call cannot be served as it was made; making it again changes nothing."""


class UnsupportedOption(BadRequest):
    """The backend cannot honour the option named in ``option``."""

    option: str = ""


class NotFound(BadRequest):
    """The vendor has no such model, deployment or address."""


class ContextOverflow(BadRequest):
    """The prompt has ``tokens`` tokens, and the context window only ``limit``; 0 where not known."""

    tokens: int = 0
    limit: int = 0


class ModelFileError(GenkitError):
    """The model file at ``path`` is missing, broken, or not fit for what was asked."""

    path: str = ""


class BackendError(GenkitError):
    """The backend failed while serving a call."""


class WorkerDied(BackendError):
    """The process that ran the model ended, by ``signal`` if not None. The next call starts another."""

    retryable: bool = True
    signal: int | None = None


class OutOfMemory(BackendError):
    """The model needs ``needed`` bytes of memory and only ``free`` are; 0 where not known.

    ``context`` is the largest context window that would fit, in tokens; 0 if none would, or it is not known.
    """

    needed: int = 0
    free: int = 0
    context: int = 0


class ConnectFailed(BackendError):
    """The server could not be reached, or the connection broke."""

    retryable: bool = True


class DeadlineExceeded(BackendError):
    """The call took longer than its timeout, or nothing came for longer than it may."""


class AuthFailed(BackendError):
    """The key is missing or wrong, or may not do this."""


class RateLimited(BackendError):
    """Too many requests; ``retry_after`` says when to come back, if the server told."""

    retryable: bool = True


class QuotaExceeded(BackendError):
    """The account has nothing left; waiting does not help, paying may."""


class ServerFailed(BackendError):
    """The server failed, or is overloaded."""

    retryable: bool = True


class ProtocolError(BackendError):
    """The server's answer makes no sense: no JSON, the wrong shape, an empty body."""


class IncompleteStream(BackendError):
    """The stream ended before its terminal mark; ``partial`` is what had arrived."""

    retryable: bool = True


class TooLarge(BackendError):
    """The answer is larger than genkit takes."""


class Closed(GenkitError):
    """The Generator was used after ``close()``."""


def shown(value: object, longest: int = 80) -> str:
    """A value as an error's message shows it: its beginning, or that Python cannot write it."""
    try:
        return f"{value!r:.{longest}}"
    except (ValueError, RecursionError):  # an integer of thousands of digits; lists as deep
        return f"one of type {type(value).__name__} that is too large to show"
