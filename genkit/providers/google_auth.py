"""Tokens for Google Cloud, through google-auth, which finds the credentials too.

google-auth is an extra (``genkit-sdk[google]``), and is imported when the first token is asked for.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from ..errors import AuthFailed, ConnectFailed, MissingDependency
from ..runtime.base import HttpRequest

_PATIENCE = 10  # seconds
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def token() -> Callable[[HttpRequest], Mapping[str, str]]:
    """What makes the headers that prove who sends a request.

    The credentials are the Application Default Credentials: the file that
    ``GOOGLE_APPLICATION_CREDENTIALS`` names, those of ``gcloud auth application-default login``, or the
    machine's own. A token is kept until shortly before it expires (an hour, mostly).

    Returns:
        A function from a request to its headers ``authorization`` and, where the credentials name a
        project that pays, ``x-goog-user-project``. It may wait for Google. It raises MissingDependency if
        google-auth is not installed, AuthFailed if there are no credentials or Google does not take them,
        and ConnectFailed if it cannot be reached.
    """
    lock = threading.Lock()
    kept: list[Any] = []

    def headers(request: HttpRequest) -> Mapping[str, str]:
        auth, exceptions, transport = _google_auth()
        try:
            with lock:
                if not kept:
                    kept.append(auth.default(scopes=[_SCOPE])[0])
                credentials = kept[0]
                if not credentials.valid:
                    credentials.refresh(partial(transport.Request(), timeout=_PATIENCE))
        except exceptions.TransportError as error:
            raise ConnectFailed(f"no token from Google: {error}") from error
        except exceptions.GoogleAuthError as error:
            raise AuthFailed(f"no token from Google: {error}") from error
        payer = getattr(credentials, "quota_project_id", None)
        named = {"x-goog-user-project": payer} if payer else {}
        return {"authorization": f"Bearer {credentials.token}", **named}

    return headers


@cache
def _google_auth() -> tuple[Any, Any, Any]:
    """The modules for credentials, their errors, and their transport."""
    try:
        auth, exceptions, transport = (
            importlib.import_module(f"google.auth{name}")
            for name in ("", ".exceptions", ".transport.requests")
        )
    except ImportError:
        raise MissingDependency(
            'tokens for Google Cloud need google-auth: pip install "genkit-sdk[google]"', extra="google"
        ) from None
    return auth, exceptions, transport
