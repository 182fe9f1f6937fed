"""Where a vendor is, for those that have another address for everybody."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from ..errors import ConfigError
from .base import Vendor

_ENDPOINT = re.compile(
    r"/(chat/completions|completions|responses|messages|embeddings|api/chat|v[12]/chat)/?$"
)
_AZURE_PATH = re.compile(r"/openai(/v1)?$")
_DEPLOYMENT = re.compile(r"/openai/deployments\b.*")
_VARIABLES = re.compile(r"\{([A-Z_|]+)\}")
_VARIABLE_OR = re.compile(r"\{([A-Z_]+)=([^}]*)\}")


def placed(vendor: Vendor, environment: Mapping[str, str], base_url: str | None = None) -> Vendor:
    """The vendor, with the base URL given or its own, and with the query of its calls.

    Raises:
        ConfigError: as from :func:`address`, or the base URL is that of one deployment at Azure.
    """

    def value(found: re.Match[str]) -> str:
        return environment.get(found[1], "").strip() or found[2]

    query = {name: _VARIABLE_OR.sub(value, text) for name, text in vendor.quirks.get("query", {}).items()}
    quirks = {**vendor.quirks, "query": query} if query else vendor.quirks
    if base_url and any(_DEPLOYMENT.match(path) for path in vendor.quirks.get("paths", {}).values()):
        _check_account(base_url, "base_url")
    return replace(vendor, base_url=base_url or address(vendor, environment), quirks=quirks)


def address(vendor: Vendor, environment: Mapping[str, str]) -> str:
    """The vendor's base URL, with the environment variables in it that it names as ``{THIS|OR_THAT}``.

    Raises:
        ConfigError: one of them is not set, or the vendor's address cannot be known.
    """

    def value(found: re.Match[str]) -> str:
        names = found[1].split("|")
        name = next((name for name in names if environment.get(name, "").strip()), "")
        if not name:
            lacking = f"set {' or '.join(names)}, or give base_url="
            raise ConfigError(f"{vendor.name} has another address for everybody: {lacking}")
        if found.start():  # a part of the address
            return environment[name].strip().rstrip("/")
        # Some show an account's address at Azure with the path of its version 1.
        place = _AZURE_PATH.sub("", _address_in(name, environment))
        _check_account(place, f"the environment variable {name}")
        return place

    if not vendor.base_url:
        raise ConfigError(f"{vendor.name} has another address for everybody: give base_url=")
    # Google's global location has no name in front of its host, and those of a continent have it within.
    url = _VARIABLES.sub(value, vendor.base_url).replace("://global-", "://", 1)
    return re.sub(r"^https://(us|eu)-aiplatform\.", r"https://aiplatform.\1.rep.", url)


def _address_in(name: str, environment: Mapping[str, str]) -> str:
    """The address that an environment variable holds. Raises ConfigError."""
    try:
        return checked(environment[name].strip()).rstrip("/")
    except ConfigError as error:
        raise ConfigError(f"the environment variable {name}: {error.message}") from None


def _check_account(url: str, what: str) -> None:
    if found := _DEPLOYMENT.search(url):  # as Azure shows it
        raise ConfigError(
            f"{what} takes the address of an account at Azure: {url!r} without {found[0]!r}; "
            "the name of a deployment is that of the model, azure:NAME"
        )


def moved(vendor: Vendor, environment: Mapping[str, str]) -> str | None:
    """Where the environment says that a vendor is, or None.

    Raises:
        ConfigError: that is no address that paths can be added to.
    """
    found = _VARIABLES.match(vendor.moved)
    if not found or not environment.get(found[1], "").strip():
        return None
    return _address_in(found[1], environment) + vendor.moved[found.end() :]


def checked(base_url: object) -> str:
    """A base URL that a user gave.

    Raises:
        ConfigError: it is no address that paths can be added to.
    """
    wanted = "base_url takes the address of a server, http(s)://HOST[:PORT]/PATH"
    if not isinstance(base_url, str):
        raise ConfigError(f"{wanted}, not {base_url!r:.80}")
    told = re.sub(r"^(\w*:?)//[^/]*@", r"\1//…@", base_url)  # without the user name and password
    if not base_url.startswith(("http://", "https://")):
        # What looks like no address may be a key, given in its place.
        is_place = re.match(r"\w*://|[\w-]+\.[\w.-]+(:\d+)?/|localhost", base_url)
        raise ConfigError(f"{wanted}, not {repr(told) if is_place else 'what was given'}")
    place = re.split("[?#]", told)[0]
    if told != base_url:
        raise ConfigError(f"base_url takes no user name or password, as in {place!r}: give api_key=")
    if place != base_url:  # a query may be a key too
        raise ConfigError(f"base_url takes no query: give the part before '?' or '#', {place!r}")
    if found := _ENDPOINT.search(base_url):
        raise ConfigError(
            f"base_url takes the part of an address that all calls share: {base_url!r} without {found[0]!r}"
        )
    return base_url
