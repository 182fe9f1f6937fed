"""Where a vendor is, for those that have another address for everybody."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..errors import ConfigError
from .base import Vendor

_VARIABLES = re.compile(r"\{([A-Z_|]+)\}")


def address(vendor: Vendor, environment: Mapping[str, str]) -> str:
    """The vendor's base URL, with the environment variables in it that it names as ``{THIS|OR_THAT}``.

    Raises:
        ConfigError: one of them is not set, or the vendor's address cannot be known.
    """

    def value(found: re.Match[str]) -> str:
        names = found[1].split("|")
        if text := next((environment[name] for name in names if environment.get(name)), ""):
            return text.rstrip("/")
        raise ConfigError(
            f"{vendor.name} has another address for everybody: set {' or '.join(names)}, or give base_url="
        )

    if not vendor.base_url:
        raise ConfigError(f"{vendor.name} has another address for everybody: give base_url=")
    # Google's global location has no name in front of its host.
    return _VARIABLES.sub(value, vendor.base_url).replace("://global-", "://", 1)
