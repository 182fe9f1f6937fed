"""Where a model is asked: sends the calls of a dialect, with the key, and names what goes wrong."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias
from urllib.parse import urlencode, urlsplit
from weakref import WeakKeyDictionary

from pydantic_core import to_json

from ..errors import BadRequest, GenkitError, ProtocolError, RateLimited
from ..runtime.base import HttpRequest, HttpResponse, Limits, Runtime
from ..runtime.http import Connections
from .base import Call, Dialect, Target
from .failures import failure
from .payloads import excerpt, parse
from .retry_after import reset_after, retry_after
from .secret import Secret, SecretHeaders, key_header, scrub

Auth: TypeAlias = Callable[[HttpRequest], Mapping[str, str]]
"""From a request without its key to the headers that prove who sends it: a signature, or a short token."""

_REQUEST_IDS = (
    "x-request-id",
    "request-id",
    "x-amzn-requestid",
    "apim-request-id",
    "x-goog-request-id",
    "cf-ray",
)
_LONGEST_ERROR = 5.0
"""How long to wait for what a server says beside its status, in seconds."""
_NO_SECRETS = ("x-amz-date", "x-goog-user-project")
"""What travels with a proof of who calls, and is none."""
NOT_EXPECTED = (LookupError, TypeError, AttributeError, ValueError, ArithmeticError, RecursionError)
"""What code that reads an answer raises when the answer has a form that nobody thought of."""


class Endpoint:
    """A vendor that a dialect is spoken with.

    Args:
        dialect: the wire format.
        target: the model and its vendor.
        key: what the vendor's ``auth`` sends; it is in no repr, error, or pickle.
        auth: makes the headers that prove who calls, in place of the key.
        headers: what every call carries besides, or instead; as secret as the key.
        connections: the connections to use.
    """

    def __init__(
        self,
        dialect: Dialect,
        target: Target,
        *,
        key: Secret,
        auth: Auth | None,
        headers: SecretHeaders,
        connections: Connections,
    ) -> None:
        self._dialect, self._target = dialect, target
        self._key, self._auth, self._headers = key, auth, headers
        self._asked: WeakKeyDictionary[HttpResponse, HttpRequest] = WeakKeyDictionary()
        self._connections = connections
        self._base_url = target.vendor.base_url.rstrip("/")

    async def send(self, call: Call, runtime: Runtime, limits: Limits) -> HttpResponse:
        """Send a call; answers that are not good are raised."""
        request: HttpRequest | None = None
        try:
            request = await self._signed(self._request(call), runtime)
            limits.enter("connect")  # what was waited for until now was no connection
            response = await self._connections.send(request, runtime, limits)
        except GenkitError as error:
            error.provider = error.provider or self._target.vendor.name
            error.phase = error.phase or ("connect" if request is None else "")
            error.args = (self._scrubbed(error.message, request),)
            raise
        self._asked[response] = request
        if response.status < 300:
            return response
        try:
            raise await self._failed(response, limits)
        finally:
            await response.aclose()

    def _request(self, call: Call) -> HttpRequest:
        """The HTTP request for a call; key and headers of the user are added when it is sent."""
        vendor = self._target.vendor
        content = b"" if call.body is None else _json(call.body)
        query = ("&" if "?" in call.path else "?") + urlencode(call.query) if call.query else ""
        headers = {"content-type": "application/json", **vendor.headers}
        url = self._base_url + call.path + query
        return HttpRequest(method=call.method, url=url, headers=headers, content=content)

    async def _signed(self, request: HttpRequest, runtime: Runtime) -> HttpRequest:
        """The request with what proves who sends it."""
        auth, over = self._auth, self._headers.over
        if auth is None:
            return replace(request, secret=over(key_header(self._target.vendor.auth, self._key)))
        # A fresh token, or the credentials to sign with, may have to be waited for.
        return await runtime.apart(lambda: replace(request, secret=over(auth(request))))

    def _scrubbed(self, text: str, request: HttpRequest | None) -> str:
        """A text without the secrets of a request."""
        sent = request.secret if request else {}
        return scrub(text, (value for name, value in sent.items() if name not in _NO_SECRETS))

    async def _failed(self, response: HttpResponse, limits: Limits) -> GenkitError:
        """The error for a status that is not a success."""
        if response.status < 400:
            place = _place(response.headers.get("location", ""))
            message = f"it redirects to {place}, which is not followed; set base_url to where the API is"
            return self.complete(ProtocolError(message, status=response.status), response)
        chunks: list[bytes] = []
        limits.hurry(_LONGEST_ERROR)
        try:
            async for chunk in response.chunks():
                chunks.append(chunk)
        except GenkitError:
            pass  # the status says more
        data = b"".join(chunks)
        try:
            body = parse(data)
        except ProtocolError:
            body = data[:1000].decode("utf-8", "replace")
        try:
            error = self._dialect.error(response.status, body, self._target)
        except NOT_EXPECTED:
            error = failure(
                f"status {response.status}: {excerpt(data)}", status=response.status, target=self._target
            )
        error.phase = "headers"
        return self.complete(error, response)

    def complete(self, error: GenkitError, response: HttpResponse) -> GenkitError:
        """Add to an error what the head of its answer tells, and take the key out of it.

        Its traceback goes too: the frames hold what a server sent, which may be the key.
        """
        headers = response.headers
        error.provider = error.provider or self._target.vendor.name
        error.phase = error.phase or "body"
        error.request_id = error.request_id or request_id(headers)
        if error.retry_after is None:
            error.retry_after = retry_after(headers, error.message)
        if error.retry_after is None and isinstance(error, RateLimited):
            error.retry_after = reset_after(headers)
        if response.status >= 400:
            error.status = error.status or response.status
            if (should := headers.get("x-should-retry")) in ("true", "false"):
                error.retryable = should == "true"
        request = self._asked.get(response)
        error.args = (self._scrubbed(error.message, request), *error.args[1:])
        error.code = self._scrubbed(error.code, request)
        error.request_id = self._scrubbed(error.request_id, request)
        error.__traceback__ = error.__cause__ = error.__context__ = None
        return error


def _place(location: str) -> str:
    """The server that a redirect leads to, in words."""
    try:
        return urlsplit(location).netloc or "the same server"
    except ValueError:  # of brackets, or letters, that no address has
        return "what is no address"


def request_id(headers: Mapping[str, str]) -> str:
    """The id that the provider gave a request, or ''."""
    return next((headers[name] for name in _REQUEST_IDS if name in headers), "")


def _json(body: Any) -> bytes:
    try:
        content = to_json(body, fallback=_plain, inf_nan_mode="constants")
    except ValueError as error:
        raise BadRequest(f"the request cannot be written as JSON: {error}") from None
    suspicious = re.search(rb"[:,\[]-?(?:NaN|Infinity)", content)  # but they may be words of a text
    if suspicious and content != to_json(body, fallback=_plain, inf_nan_mode="null"):
        raise BadRequest("the request holds a number that is infinite or none (NaN), which JSON has not")
    return content


def _plain(value: Any) -> Any:
    """What pydantic_core does not know as JSON, but is."""
    if isinstance(value, Mapping):
        return dict(value)
    raise ValueError(f"{type(value).__name__} is no JSON")
