"""Signing calls to AWS (Signature Version 4), through botocore, which finds the credentials too.

botocore is an extra (``genkit-sdk[aws]``), and is imported when the first call is signed.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from ..errors import AuthFailed, ConfigError, MissingDependency
from ..runtime.base import HttpRequest


def signer() -> Callable[[HttpRequest], Mapping[str, str]]:
    """What makes the headers that prove who sends a request.

    The credentials are those of botocore's usual places: the environment, the shared files and their
    profiles, and the roles of containers and machines; it renews the ones that expire. The region is what
    the host's name says (``bedrock-runtime.eu-west-1.amazonaws.com``), else what botocore is configured for.

    Returns:
        A function from a request to its headers ``authorization``, ``x-amz-date`` and, for temporary
        credentials, ``x-amz-security-token``. It raises MissingDependency if botocore is not installed,
        AuthFailed if there are no credentials or they cannot be read, and ConfigError if no region is known.
    """

    def sign(request: HttpRequest) -> Mapping[str, str]:
        auth, awsrequest, exceptions, session = _botocore()
        try:
            credentials = session.get_credentials()
            keys = credentials.get_frozen_credentials() if credentials else None
            place = _region_of(request.url) or session.get_config_variable("region")
        except exceptions.BotoCoreError as error:
            raise AuthFailed(f"AWS credentials could not be read: {error}") from error
        if keys is None:
            raise AuthFailed("no AWS credentials were found in the environment, the shared files or a role")
        if not place:
            raise ConfigError("the AWS region is not known; set AWS_DEFAULT_REGION")
        # The headers are left out, since a proxy may change some, and those that are signed must not be.
        signed = awsrequest.AWSRequest(method=request.method, url=request.url, data=request.content)
        auth.SigV4Auth(keys, "bedrock", place).add_auth(signed)
        names = ("authorization", "x-amz-date", "x-amz-security-token")
        return {name: signed.headers[name] for name in names if name in signed.headers}

    return sign


def _region_of(url: str) -> str:
    name, _, rest = (urlsplit(url).hostname or "").partition(".")
    place, _, domain = rest.partition(".")
    return place if name.startswith("bedrock-runtime") and domain.startswith("amazonaws.com") else ""


@cache
def _botocore() -> tuple[Any, Any, Any, Any]:
    """The modules for signing, and a session, which keeps the credentials and renews them."""
    try:
        auth, awsrequest, exceptions, session = (
            importlib.import_module(f"botocore.{name}")
            for name in ("auth", "awsrequest", "exceptions", "session")
        )
    except ImportError:
        raise MissingDependency(
            'signing calls to AWS needs botocore: pip install "genkit-sdk[aws]"', extra="aws"
        ) from None
    return auth, awsrequest, exceptions, session.get_session()
