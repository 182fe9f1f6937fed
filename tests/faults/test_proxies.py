"""Calls that go through the proxy of HTTPS_PROXY, to a server that proves itself with SSL_CERT_FILE."""

from __future__ import annotations

import base64
import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpcore
import pytest
from serving import GOOD, both, closed_port, closing
from words_dialect import backend, call

from genkit import Timeouts, errors
from genkit.runtime.proxy import Proxy, Tunnel, proxy_of
from genkit.testing import LoopbackProvider

NAME = "api.genkit.invalid"  # the proxy alone knows who that is
OPEN = b"HTTP/1.1 200 Connection established\r\n\r\n"


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("https_proxy", "http_proxy", "all_proxy", "no_proxy", "ssl_cert_file", "ssl_cert_dir"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> str:
    if shutil.which("openssl") is None:
        pytest.skip("openssl makes the certificate")
    path = str(tmp_path_factory.mktemp("tls") / "both.pem")
    options = f"req -x509 -newkey rsa:2048 -nodes -subj /CN={NAME} -addext subjectAltName=DNS:{NAME}"
    command = ["openssl", *options.split(), "-keyout", path, "-out", f"{path}.crt"]
    subprocess.run(command, check=True, capture_output=True)
    with Path(path).open("a") as file:
        file.write(Path(f"{path}.crt").read_text())
    return path


@contextmanager
def proxy(answer: bytes, certificate: str = "") -> Iterator[tuple[str, list[bytes]]]:
    """A proxy for one connection, and the server behind it; its address, and what it was told."""
    heard: list[bytes] = []

    def until_blank(sock: socket.socket) -> bytes:
        data = b""
        while not data.endswith(b"\r\n\r\n") and (piece := sock.recv(1)):
            data += piece
        return data

    def serve() -> None:
        with contextlib.suppress(OSError), listener.accept()[0] as sock:
            sock.settimeout(10)
            heard.append(until_blank(sock))
            sock.sendall(answer)
            if certificate:
                tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                tls.load_cert_chain(certificate)
                with tls.wrap_socket(sock, server_side=True) as secure:
                    for _ in range(2):
                        heard.append(until_blank(secure))
                        for piece in GOOD.pieces():
                            secure.sendall(piece)
                        secure.recv(65536)  # the body of the request

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}", heard
        thread.join()


@both
def test_a_call_goes_through_the_proxy_that_the_environment_names(
    mode: str, certificate: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", certificate)
    with proxy(OPEN, certificate) as (place, heard):
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:p%40ss@{place}")
        with closing(f"https://{NAME}") as remote:
            assert call(remote, mode).text == "ab"
    connect, request, *_ = heard
    secret = base64.b64encode(b"me:p@ss").decode()
    assert connect.decode() == (
        f"CONNECT {NAME}:443 HTTP/1.1\r\nHost: {NAME}:443\r\nProxy-Authorization: Basic {secret}\r\n\r\n"
    )
    assert request.startswith(b"POST /")
    assert secret.encode() not in request


@both
@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"HTTP/1.1 502 Bad Gateway\r\n\r\n", "502 Bad Gateway"),
        (b"HTTP/1.1 2\r\n\r\n", "answered 'HTTP/1.1 2'"),
        (OPEN + b"220 mail", "sent more than its answer"),
        (b"HTTP/1.1 403 Forbidden\r\nA: " + b"a" * 20000, "did not answer with HTTP"),
        (b"SSH-2.0-x\r\n\r\n", "SSH-2.0-x"),
        (b"", "did not answer with HTTP"),
    ],
)
def test_a_proxy_that_makes_no_tunnel_is_named(
    mode: str, answer: bytes, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy(answer) as (place, _):
        monkeypatch.setenv("https_proxy", f"me:secret@{place}")
        with closing(f"https://{NAME}") as remote, pytest.raises(errors.ConnectFailed) as caught:
            call(remote, mode)
    assert f"the proxy at {place}" in caught.value.message
    assert said in caught.value.message
    assert "secret" not in str(caught.value)


@both
def test_a_password_that_the_proxy_refuses_is_not_tried_again(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxy(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n") as (place, _):
        monkeypatch.setenv("HTTPS_PROXY", f"me:secret@{place}")
        with closing(f"https://{NAME}") as remote, pytest.raises(errors.ConfigError, match="password"):
            call(remote, mode)


@both
def test_the_other_addresses_of_a_proxy_are_tried(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = socket.getaddrinfo

    def several(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
        return [found for place in ("127.0.0.2", host) for found in resolve(place, port, *rest, **more)]

    with proxy(b"HTTP/1.1 502 Bad Gateway\r\n\r\n") as (place, _):
        monkeypatch.setattr(socket, "getaddrinfo", several)  # nobody listens at the first one
        monkeypatch.setenv("HTTPS_PROXY", place)
        with closing(f"https://{NAME}") as remote, pytest.raises(errors.ConnectFailed, match="502"):
            call(remote, mode)


@both
def test_closing_reaches_a_call_that_waits_for_its_proxy(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def close() -> None:
        with listener.accept()[0] as sock:
            sock.recv(1)
            remote.close()
            while sock.recv(65536):  # the rest of what it asked, and then the end that close() makes
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{listener.getsockname()[1]}")
        remote = backend(f"https://{NAME}", timeouts=Timeouts(connect=10))
        thread = threading.Thread(target=close, daemon=True)
        thread.start()
        with pytest.raises(errors.Closed):
            call(remote, mode)
        thread.join()


@both
def test_a_proxy_that_is_not_there_is_a_failed_connection(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{closed_port()}")
    with closing(f"https://{NAME}") as remote, pytest.raises(errors.ConnectFailed, match="cannot connect"):
        call(remote, mode)


@both
def test_a_silent_proxy_is_waited_for_as_long_as_a_server(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{listener.getsockname()[1]}")
        remote = backend(f"https://{NAME}", timeouts=Timeouts(connect=0.2))
        with contextlib.closing(remote), pytest.raises(errors.ConnectFailed, match=r"within 0\.2 s"):
            call(remote, mode)


@both
@pytest.mark.parametrize(
    "value",
    [
        "socks5://127.0.0.1:1080",
        "https://me:secret@proxy.invalid",
        "http://",
        "http://[x",
        "x:port",
        "proxy..corp:80",
        "http://me:12#secret@127.0.0.1",
        "http://me:secret/12@127.0.0.1",
        "http://127.0.0.1/path",
        "http://127.0.0.1?query",
    ],
)
def test_a_proxy_of_another_kind_is_an_error_before_anything_is_sent(
    mode: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", value)
    with (
        closing(f"https://{NAME}") as remote,
        pytest.raises(errors.ConfigError, match="HTTPS_PROXY") as caught,
    ):
        call(remote, mode)
    assert "secret" not in str(caught.value)


def test_an_error_names_the_variable_that_names_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1")
    with pytest.raises(errors.ConfigError, match=r"^ALL_PROXY is no"):
        proxy_of(httpcore.URL(f"https://{NAME}"))


def test_a_proxy_and_a_server_have_ports_unless_they_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.invalid")
    assert proxy_of(httpcore.URL(f"https://{NAME}")) == Proxy("proxy.invalid", 80)
    monkeypatch.setenv("NO_PROXY", f"{NAME}:443")
    assert proxy_of(httpcore.URL(f"https://{NAME}")) is None


@both
def test_servers_on_this_machine_and_plain_ones_are_reached_directly(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{closed_port()}")
    with LoopbackProvider(GOOD) as server, closing(server) as remote:
        assert call(remote, mode).text == "ab"
    urls = (
        "https://localhost",
        "https://127.0.0.1:8443",
        "https://[::1]",
        "https://[::ffff:127.0.0.1]",
        "https://a.localhost.",
        f"http://{NAME}",
    )
    assert [proxy_of(httpcore.URL(url)) for url in urls] == [None] * 6


@pytest.mark.parametrize("rule", ["*", f"other.com,{NAME}", ".invalid", f"{NAME}:8443"])
def test_no_proxy_names_servers_to_reach_directly(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.invalid:3128")
    monkeypatch.setenv("NO_PROXY", rule)
    assert proxy_of(httpcore.URL(f"https://{NAME}:8443")) is None
    elsewhere = proxy_of(httpcore.URL("https://genkit.example"))
    assert elsewhere == (None if rule == "*" else Proxy("proxy.invalid", 3128))


@pytest.mark.parametrize(
    ("who", "header"), [("u:%FF@", b"u:\xff"), (":pw@", b":pw"), ("u@", b"u:"), ("", None)]
)
def test_a_user_and_a_password_are_taken_as_they_are(
    who: str, header: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", f" http://{who}proxy.invalid:3128/ ")
    found = proxy_of(httpcore.URL(f"https://{NAME}"))
    assert found == Proxy(
        "proxy.invalid", 3128, (header and f"Basic {base64.b64encode(header).decode()}") or ""
    )


def test_a_tunnel_may_open_in_pieces_and_to_an_address_of_ipv6() -> None:
    tunnel = Tunnel(Proxy("p", 1), "2001:db8::1", 443)
    assert tunnel.request.startswith(b"CONNECT [2001:db8::1]:443 HTTP/1.1\r\n")
    assert b"Authorization" not in tunnel.request
    said = b"HTTP/1.1 100 Continue\r\n\r\n" + OPEN
    assert [tunnel.is_open(bytes([byte])) for byte in said] == [False] * (len(said) - 1) + [True]
    assert Tunnel(Proxy("p", 1), NAME, 443).is_open(said)


def test_a_head_of_a_proxy_that_does_not_end_is_not_read_for_ever() -> None:
    tunnel = Tunnel(Proxy("p", 1), NAME, 443)
    with pytest.raises(httpcore.ConnectError, match="did not answer with HTTP"):
        for _ in range(9):
            assert not tunnel.is_open(b"a" * 4096)


@both
def test_a_proxy_that_drips_is_left_when_its_time_is_up(mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def drip() -> None:
        with contextlib.suppress(OSError), listener.accept()[0] as sock:
            while not over.wait(0.01):
                sock.sendall(b"a")

    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("HTTPS_PROXY", f"127.0.0.1:{listener.getsockname()[1]}")
        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        remote = backend(f"https://{NAME}", timeouts=Timeouts(connect=0.2))
        with contextlib.closing(remote), pytest.raises(errors.ConnectFailed, match=r"within 0\.2 s"):
            call(remote, mode)
        over.set()
        thread.join()


@both
@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
def test_certificates_that_are_not_there_are_an_error(
    mode: str, variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "nowhere"))
    with closing(f"https://{NAME}") as remote, pytest.raises(errors.ConfigError, match=variable) as caught:
        call(remote, mode)
    assert "nowhere" in str(caught.value)
