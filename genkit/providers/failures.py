"""From an HTTP status and a provider's code to genkit's error."""

from __future__ import annotations

from typing import Any

from .. import errors
from ..errors import GenkitError
from .base import Target


def failure(
    message: str, *, status: int | None = None, code: str = "", target: Target, **facts: Any
) -> GenkitError:
    """The error for an HTTP status and a provider's code, the same for every provider.

    The code decides where it is known, since failures arrive inside 200 responses too; codes that are
    sent with any status (a 429 that is an ``invalid_request_error``) leave it to the status.
    """
    kind = _BY_CODE.get(code.lower()) or _BY_STATUS.get(status or 0) or _VAGUE.get(code.lower())
    if kind is None:
        kind = errors.ServerFailed if not status or status >= 500 or status < 400 else errors.BadRequest
    error = kind(message, status=status, code=code, provider=target.vendor.name, **facts)
    if status in _ALSO_RETRYABLE and not isinstance(error, _PERMANENT):
        error.retryable = True
    return error


_ALSO_RETRYABLE = frozenset((408, 409, 425, 429, 500, 502, 503, 504, 529))
_PERMANENT = (errors.AuthFailed, errors.BadRequest, errors.QuotaExceeded)
_BY_STATUS: dict[int, type[GenkitError]] = {
    401: errors.AuthFailed,
    402: errors.QuotaExceeded,
    403: errors.AuthFailed,
    404: errors.NotFound,
    408: errors.ServerFailed,
    409: errors.ServerFailed,
    425: errors.ServerFailed,
    429: errors.RateLimited,
}
_BY_CODE: dict[str, type[GenkitError]] = {
    "context_length_exceeded": errors.ContextOverflow,
    "exceed_context_size_error": errors.ContextOverflow,
    "insufficient_quota": errors.QuotaExceeded,
    "billing_error": errors.QuotaExceeded,
    "rate_limit_exceeded": errors.RateLimited,
    "rate_limit_error": errors.RateLimited,
    "resource_exhausted": errors.RateLimited,
    "invalid_api_key": errors.AuthFailed,
    "authentication_error": errors.AuthFailed,
    "content_filter": errors.BadRequest,
    "content_policy_violation": errors.BadRequest,
    "permission_error": errors.AuthFailed,
    "permission_denied": errors.AuthFailed,
    "unauthenticated": errors.AuthFailed,
    "invalid_argument": errors.BadRequest,
    "overloaded_error": errors.ServerFailed,
    "api_error": errors.ServerFailed,
    "server_error": errors.ServerFailed,
    "unavailable": errors.ServerFailed,
    "not_found_error": errors.NotFound,
    "not_found": errors.NotFound,
    "model_not_found": errors.NotFound,
    "request_too_large": errors.BadRequest,
    "timeout_error": errors.ServerFailed,
    "accessdeniedexception": errors.AuthFailed,
    "expiredtokenexception": errors.AuthFailed,
    "unrecognizedclientexception": errors.AuthFailed,
    "throttlingexception": errors.RateLimited,
    "modelnotreadyexception": errors.RateLimited,
    "servicequotaexceededexception": errors.QuotaExceeded,
    "validationexception": errors.BadRequest,
    "resourcenotfoundexception": errors.NotFound,
    "internalserverexception": errors.ServerFailed,
    "modelerrorexception": errors.ServerFailed,
    "modelstreamerrorexception": errors.ServerFailed,
    "modeltimeoutexception": errors.ServerFailed,
    "serviceunavailableexception": errors.ServerFailed,
}
_OF_PROMPTS = (
    "bio_policy", "data_residency_mismatch", "empty_image_file", "failed_to_download_image",
    "image_content_policy_violation", "image_file_not_found", "image_file_too_large", "image_parse_error",
    "image_too_large", "image_too_small", "invalid_base64_image", "invalid_image", "invalid_image_format",
    "invalid_image_mode", "invalid_image_url", "invalid_prompt", "unsupported_image_media_type",
)  # fmt: skip
_BY_CODE |= dict.fromkeys(_OF_PROMPTS, errors.BadRequest)  # in the middle of a stream too
_VAGUE: dict[str, type[GenkitError]] = {"invalid_request_error": errors.BadRequest}
