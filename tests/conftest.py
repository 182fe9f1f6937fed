"""What every test gets: no network, the demo model, and one way of running properties."""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

import genkit
from genkit.messages import Audio, Document, Image, Native

_UNHURRIED: Any = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.too_slow],
}  # the machine may be busy
settings.register_profile("here", **_UNHURRIED)
settings.register_profile("ci", **_UNHURRIED, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

# What types alone do not tell: media is bytes or a URL, and a provider's own content is JSON.
for media in (Image, Audio, Document):
    kinds = st.sampled_from(["", "image/png", "x/y"])
    by_value = st.builds(media, data=st.binary(min_size=1, max_size=8), media_type=kinds)
    by_place = st.builds(media, url=st.text("htps:/.xé", min_size=1, max_size=8), media_type=kinds)
    st.register_type_strategy(media, by_value | by_place)
_words = st.dictionaries(st.text(max_size=4), st.text(max_size=4) | st.booleans() | st.none(), max_size=2)
st.register_type_strategy(Native, st.builds(Native, dialect=st.text(max_size=4), data=_words))

_TO_AN_ADDRESS = ("socket.connect", "socket.sendto", "socket.sendmsg")
_OF_A_NAME = ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr")


def _refuse_network(event: str, args: tuple[Any, ...]) -> None:
    """An audit hook: the interpreter asks it before every use of a socket, whoever makes it."""
    if event in _TO_AN_ADDRESS:
        address = args[1]
        host = address[0] if isinstance(address, tuple) else ""  # else the path of a Unix socket
    elif event in _OF_A_NAME:
        address = host = args[0]
    else:
        return
    if not _is_here(host):
        pytest.fail(f"a test used the network: {event} {address!r}")  # no `except Exception` swallows it


def _is_here(host: Any) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost") or isinstance(name, int):  # an int is a netlink socket's group
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


sys.addaudithook(_refuse_network)


@pytest.fixture(scope="session")
def demo() -> Iterator[genkit.Generator]:
    """The model in the box, seeded; shared by the tests that only ask it something."""
    with genkit.Generator(seed=7) as generator:
        yield generator
