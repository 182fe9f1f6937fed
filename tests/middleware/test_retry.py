"""The one retry loop: what it tries again, how long it waits, and when it lets be."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable

import pytest

from genkit.backend import Handler
from genkit.errors import (
    AuthFailed,
    BadRequest,
    ConnectFailed,
    DeadlineExceeded,
    GenkitError,
    IncompleteStream,
    ProtocolError,
    QuotaExceeded,
    RateLimited,
    ServerFailed,
)
from genkit.events import Event, Finish, Received, Start, TextDelta, Usage, Warned
from genkit.messages import Message
from genkit.middleware.breaker import Breaker
from genkit.middleware.retry import Retry
from genkit.request import Request
from genkit.response import Response, collect
from genkit.runtime.base import Runtime
from genkit.runtime.blocking import BlockingRuntime
from genkit.runtime.drive import run


class Clock(BlockingRuntime):
    """A runtime whose time passes only by waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.waits: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


class Server:
    """A handler that fails as told, then answers; an error after ``pieces`` pieces of text."""

    def __init__(self, *failures: GenkitError, pieces: int = 0) -> None:
        self.failures, self.pieces, self.calls = list(failures), pieces, 0

    async def __call__(self, request: Request, runtime: object) -> AsyncGenerator[Event, None]:
        self.calls += 1
        yield Start("model")
        if self.failures:
            yield Usage(3)  # of the prompt, which is known before the answer
            for _ in range(self.pieces):
                yield TextDelta("a")
            raise self.failures.pop(0)
        yield Received("id", {})
        yield TextDelta("hello")
        yield Finish("stop")


def call(
    server: Callable[..., AsyncGenerator[Event, None]],
    clock: Clock,
    *,
    deadline: float | None = None,
    attempts: int = 3,
) -> Response:
    return ask(Retry(attempts, clock=clock)(server), clock, deadline)


def ask(handler: Handler, clock: Clock, deadline: float | None = None) -> Response:
    request = Request(messages=[Message.user("hi")], deadline=deadline)
    return run(collect(handler(request, clock)))


def failed() -> ServerFailed:
    return ServerFailed("overloaded", status=503)


def test_a_passing_failure_is_tried_again_after_a_growing_wait() -> None:
    clock, server = Clock(), Server(failed(), failed())
    assert call(server, clock).text == "hello"
    first, second = clock.waits
    assert 0.375 <= first <= 0.5
    assert 0.75 <= second <= 1.0


def test_the_last_error_carries_the_ones_before_it() -> None:
    errors = [failed(), RateLimited("slow down"), failed()]
    errors[2].attempts = (lost := ConnectFailed("a kept connection broke"),)  # within that try
    with pytest.raises(ServerFailed) as caught:
        call(Server(*errors), Clock())
    assert caught.value is errors[2]
    assert caught.value.attempts == (errors[0], errors[1], lost)


@pytest.mark.parametrize("error", [BadRequest("no"), AuthFailed("no key")])
def test_an_error_that_will_not_pass_is_raised_at_once(error: GenkitError) -> None:
    server = Server(error)
    with pytest.raises(type(error)):
        call(server, Clock())
    assert server.calls == 1


def test_ctrl_c_in_a_try_ends_the_call() -> None:
    async def interrupted(request: Request, runtime: object) -> AsyncGenerator[Event, None]:
        yield Start("model")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call(interrupted, Clock())


def test_nothing_is_tried_again_once_content_was_delivered() -> None:
    server = Server(failed(), pieces=1)
    with pytest.raises(ServerFailed):
        call(server, Clock())
    assert server.calls == 1


@pytest.mark.parametrize("seconds", [7.25, 60.0])
def test_the_server_decides_how_long_to_wait(seconds: float) -> None:
    clock = Clock()
    assert call(Server(RateLimited("wait", retry_after=seconds)), clock).text == "hello"
    assert clock.waits == [seconds]


def test_a_machine_that_sleeps_too_long_each_time_does_not_draw_the_wait_out() -> None:
    class Busy(Clock):
        async def sleep(self, seconds: float) -> None:
            await super().sleep(seconds + 0.03125)

    clock = Busy()
    handler = Retry(clock=clock, closed=lambda: False)(Server(RateLimited("wait", retry_after=7.25)))
    assert ask(handler, clock).text == "hello"
    assert 7.25 <= clock.now - 100 <= 7.25 + 0.03125


@pytest.mark.parametrize(("retry_after", "deadline"), [(61.0, None), (5.0, 104.0), (5.0, 105.0)])
def test_a_wait_that_is_too_long_is_not_waited(retry_after: float, deadline: float | None) -> None:
    clock = Clock()
    with pytest.raises(RateLimited) as caught:
        call(Server(RateLimited("wait", retry_after=retry_after)), clock, deadline=deadline)
    assert clock.waits == []
    assert caught.value.retry_after == retry_after


def test_a_call_may_have_more_time_than_is_usual_or_less() -> None:
    for deadline, waits in ((None, []), (110.0, [5.0]), (102.0, [])):
        clock, server = Clock(), Server(RateLimited("wait", retry_after=5.0))
        with contextlib.suppress(RateLimited):
            ask(Retry(timeout=4.0, clock=clock)(server), clock, deadline)
        assert clock.waits == waits
    clock = Clock()
    assert ask(Retry(timeout=6.0, clock=clock)(Server(RateLimited("wait", retry_after=5.0))), clock).text


def test_a_budget_for_retries_is_shared_by_all_calls() -> None:
    clock, server = Clock(), Server(*[RateLimited("slow down") for _ in range(2000)])
    handler = Retry(clock=clock)(server)
    for _ in range(500):
        with pytest.raises(RateLimited):
            ask(handler, clock)
    assert server.calls == 500 + 500 / 10


def test_a_server_that_says_when_to_come_back_takes_nothing_of_the_budget() -> None:
    clock, server = Clock(), Server(*[RateLimited("slow down", retry_after=1.0) for _ in range(2000)])
    handler = Retry(clock=clock)(server)
    for _ in range(500):
        with pytest.raises(RateLimited):
            ask(handler, clock)
    assert server.calls == 3 * 500


def test_a_call_that_alone_fails_has_all_its_tries_until_the_budget_is_spent() -> None:
    clock, server = Clock(), Server(*[failed() for _ in range(2000)])
    handler = Retry(1000, clock=clock)(server)
    with pytest.raises(ServerFailed):
        ask(handler, clock)
    assert server.calls == 1 + 500 / 5
    assert 6 <= min(clock.waits[9:]) <= max(clock.waits) <= 8


def test_calls_that_overlap_do_not_make_an_outage_worse() -> None:
    clock, calls = Clock(), 200
    server = Server(*[failed() for _ in range(3 * calls)])
    all_asked = asyncio.Event()

    async def busy(request: Request, runtime: Runtime) -> AsyncGenerator[Event, None]:
        asked = server(request, runtime)
        yield await anext(asked)
        if server.calls == calls:
            all_asked.set()
        await all_asked.wait()
        async for event in asked:
            yield event

    async def outage() -> list[Response | BaseException]:
        handler = Retry(clock=clock)(busy)
        events = (handler(Request(messages=[Message.user("hi")]), clock) for _ in range(calls))
        return await asyncio.gather(*map(collect, events), return_exceptions=True)

    assert {type(error) for error in asyncio.run(outage())} == {ServerFailed}
    assert calls < server.calls <= calls * 1.05


def test_after_five_failures_in_a_row_the_server_is_left_alone_for_a_while() -> None:
    clock, server = Clock(), Server(*[failed() for _ in range(5)])
    handler = Retry(1, clock=clock)(server)
    for _ in range(5):
        with pytest.raises(ServerFailed):
            ask(handler, clock)
    with pytest.raises(ServerFailed, match="not asked again") as caught:
        ask(handler, clock)
    assert server.calls == 5
    assert caught.value.retry_after == pytest.approx(5.0)
    assert caught.value.retryable  # later, or elsewhere
    clock.now += 5.0
    assert ask(handler, clock).text == "hello"
    assert ask(handler, clock).text == "hello"


def test_a_log_hears_of_tries_that_are_repeated_and_of_a_server_that_is_left_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "genkit")
    clock, server = Clock(), Server(*[failed() for _ in range(6)])
    handler = Retry(2, clock=clock)(server)
    for _ in range(3):
        with pytest.raises(ServerFailed):
            ask(handler, clock)
    heard = [record.getMessage() for record in caplog.records]
    assert [told.startswith("tried again in 0.") for told in heard] == [True, True, False]
    assert heard[-1] == "not asked again for 5 s: overloaded (status 503)"


def test_a_log_hears_one_line_whatever_a_server_says(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "genkit")
    clock, forged = Clock(), "a\r\nWARNING: all is well\x1b[2K\u2028\u202e\x9b1mé"
    ask(Retry(2, clock=clock)(Server(ServerFailed(forged))), clock)
    assert caplog.records[0].getMessage().isprintable()
    assert caplog.records[0].getMessage().endswith(r": a\r\nWARNING: all is well\x1b[2K\u2028\u202e\x9b1mé")


def test_a_failed_probe_doubles_the_pause() -> None:
    clock, server = Clock(), Server(*[failed() for _ in range(6)])
    handler = Retry(1, clock=clock)(server)
    for _ in range(5):
        with pytest.raises(ServerFailed):
            ask(handler, clock)
    clock.now += 5.0
    with pytest.raises(ServerFailed, match="overloaded"):
        ask(handler, clock)
    with pytest.raises(ServerFailed, match="not asked again") as caught:
        ask(handler, clock)
    assert caught.value.retry_after == pytest.approx(10.0)


def test_a_refused_key_is_not_tried_again_right_away() -> None:
    refused = AuthFailed("wrong key", status=401, code="invalid_api_key", provider="acme")
    clock, server = Clock(), Server(refused)
    handler = Retry(clock=clock)(server)
    with pytest.raises(AuthFailed):
        ask(handler, clock)
    with pytest.raises(AuthFailed, match="not asked again") as caught:
        ask(handler, clock)
    assert server.calls == 1
    assert (caught.value.status, caught.value.code, caught.value.provider) == (401, "invalid_api_key", "acme")


def test_a_stream_left_early_closes_the_handler_at_once() -> None:
    closed: list[bool] = []

    async def endless(request: Request, runtime: object) -> AsyncGenerator[Event, None]:
        try:
            while True:
                yield TextDelta("a")
        finally:
            closed.append(True)

    async def read_one() -> None:
        events = Retry()(endless)(Request(messages=[Message.user("hi")]), Clock())
        await anext(events)
        await events.aclose()
        assert closed.pop()

    asyncio.run(read_one())
    run(read_one())


def test_a_server_that_limits_the_rate_of_calls_is_not_taken_for_one_that_fails() -> None:
    clock, server = Clock(), Server(*[RateLimited("slow down", status=429) for _ in range(12)])
    handler = Retry(1, clock=clock)(server)
    for _ in range(12):
        with pytest.raises(RateLimited, match="slow down"):
            ask(handler, clock)
    assert ask(handler, clock).text == "hello"


def test_once_a_probe_is_answered_others_need_not_wait_for_its_end() -> None:
    clock = Clock()
    server = Server(*[failed() for _ in range(5)])
    handler = Retry(1, clock=clock)(server)
    for _ in range(5):
        with pytest.raises(ServerFailed):
            ask(handler, clock)
    clock.now += 5.0

    async def probe() -> None:
        events = handler(Request(messages=[Message.user("hi")]), clock)
        assert [type(await anext(events)) for _ in range(2)] == [Start, Received]
        assert (await collect(handler(Request(messages=[Message.user("hi")]), clock))).text == "hello"
        await events.aclose()

    run(probe())


def probed() -> tuple[Clock, Breaker]:
    """A breaker that opened, and has let in one call to find out how the server is."""
    clock, breaker = Clock(), Breaker(lambda: clock.now)
    for _ in range(5):
        breaker.failed(failed())
    clock.now += 5.0
    breaker.admit()
    return clock, breaker


def test_while_a_probe_is_not_answered_others_are_told_when_to_come_back() -> None:
    _, breaker = probed()
    with pytest.raises(ServerFailed, match="not asked again") as caught:
        breaker.admit()
    assert caught.value.retry_after == pytest.approx(1.0)


def test_once_a_probe_was_answered_all_calls_are_let_in() -> None:
    _, breaker = probed()
    breaker.answered()
    for _ in range(3):
        breaker.admit()


def test_once_a_probe_was_answered_a_failure_is_no_failed_probe() -> None:
    clock, breaker = probed()
    breaker.answered()
    breaker.failed(failed())  # of another call
    with pytest.raises(ServerFailed, match=r"not asked again for 5\.0 s"):
        breaker.admit()
    clock.now += 4.5
    with pytest.raises(ServerFailed, match=r"not asked again for 0\.5 s"):
        breaker.admit()


def test_most_of_ten_calls_within_half_a_minute_failing_is_enough() -> None:
    clock = Clock()
    breaker = Breaker(lambda: clock.now)
    for number in range(9):
        breaker.failed(failed()) if number % 3 else breaker.succeeded()
        clock.now += 1
    breaker.admit()  # nine are too few
    breaker.failed(failed())
    with pytest.raises(ServerFailed, match="not asked again"):
        breaker.admit()


def test_a_pause_is_a_minute_at_most() -> None:
    clock = Clock()
    breaker = Breaker(lambda: clock.now)
    for _ in range(5):
        breaker.failed(failed())
    for _ in range(6):
        clock.now += 60.0
        breaker.admit()
        breaker.failed(failed())
    with pytest.raises(ServerFailed) as caught:
        breaker.admit()
    assert caught.value.retry_after == pytest.approx(60.0)


def test_a_server_that_was_not_reached_is_one_that_fails() -> None:
    clock, breaker = Clock(), Breaker(lambda: clock.now)
    for _ in range(5):
        breaker.failed(ConnectFailed("no route", phase="connect"))
    with pytest.raises(ServerFailed, match=r"again for 5\.0 s, since it failed before: no route"):
        breaker.admit()


def test_an_answer_to_a_call_that_began_before_says_nothing_until_its_end() -> None:
    clock, breaker = Clock(), Breaker(lambda: clock.now)
    for _ in range(5):
        breaker.failed(failed())
    breaker.answered()
    with pytest.raises(ServerFailed, match="not asked again"):
        breaker.admit()
    breaker.succeeded()
    breaker.admit()


def test_an_empty_account_is_not_asked_again_right_away() -> None:
    clock, server = Clock(), Server(QuotaExceeded("no money", status=429))
    handler = Retry(clock=clock)(server)
    for match in ("no money", "not asked again"):
        with pytest.raises(QuotaExceeded, match=match):
            ask(handler, clock)
    assert server.calls == 1


def test_nobody_waits_for_the_next_try_of_what_was_closed() -> None:
    clock, closed = Clock(), [False, False, False, True]
    server = Server(RateLimited("wait", retry_after=30.0))
    retry = Retry(clock=clock, closed=lambda: closed.pop(0) if len(closed) > 1 else True)
    assert ask(retry(server), clock).text == "hello"  # the next try, which is to fail then
    assert sum(clock.waits) < 1


def test_a_probe_that_is_not_answered_is_followed_by_another() -> None:
    clock, breaker = Clock(), Breaker(lambda: clock.now)
    for _ in range(5):
        breaker.failed(failed())
    clock.now += 5.0
    breaker.admit()
    clock.now += 4.5
    with pytest.raises(ServerFailed, match=r"not asked again for 0\.5 s"):
        breaker.admit()
    clock.now += 0.5
    breaker.admit()


@pytest.mark.parametrize(
    "error", [QuotaExceeded("too much for it", status=402), AuthFailed("no", status=403)]
)
def test_what_one_call_may_not_do_says_nothing_of_the_others(error: GenkitError) -> None:
    clock, server = Clock(), Server(error)
    handler = Retry(clock=clock)(server)
    with pytest.raises(type(error)):
        ask(handler, clock)
    assert ask(handler, clock).text == "hello"


def test_a_warning_is_given_once_however_many_tries_there_are() -> None:
    server = Server(failed(), failed())

    async def warns(request: Request, runtime: Runtime) -> AsyncGenerator[Event, None]:
        yield Warned("top_k was left out")
        async for event in server(request, runtime):
            yield event

    assert call(warns, Clock()).warnings == ("top_k was left out",)


@pytest.mark.parametrize(
    ("error", "doubtful"),
    [
        (ConnectFailed("reset", phase="headers"), True),
        (DeadlineExceeded("no content", phase="body", retryable=True), True),
        (IncompleteStream("cut", phase="body"), True),
        (ProtocolError("half a body", phase="body", retryable=True), True),
        (ConnectFailed("refused", phase="connect"), False),
        (ServerFailed("overloaded", status=503, phase="headers"), False),
        (RateLimited("slow down", status=429, phase="headers"), False),
    ],
    ids=lambda value: getattr(value, "message", None),
)
def test_a_request_that_may_have_been_served_before_is_warned_of(error: GenkitError, doubtful: bool) -> None:
    warnings = call(Server(failed(), error), Clock()).warnings
    assert [("may have been served" in warning, error.message in warning) for warning in warnings] == [
        (True, True)
    ] * doubtful


def opened(breaker: Breaker, clock: Clock) -> None:
    """The breaker has opened, and the next call is a probe."""
    for _ in range(5):
        breaker.failed(failed())
    clock.now += 5.0
    breaker.admit()


def test_a_server_that_is_back_has_its_first_pause_again() -> None:
    clock, breaker = Clock(), Breaker(lambda: clock.now)
    opened(breaker, clock)
    breaker.failed(failed())  # the pause is twice as long now
    clock.now += 60.0
    breaker.admit()
    breaker.succeeded()
    for _ in range(5):
        breaker.admit()
        breaker.failed(failed())
    with pytest.raises(ServerFailed, match=r"not asked again for 5\.0 s"):
        breaker.admit()


def test_what_failed_more_than_half_a_minute_ago_counts_no_more() -> None:
    clock, breaker = Clock(), Breaker(lambda: clock.now)
    for number in range(9):
        breaker.failed(failed()) if number % 3 else breaker.succeeded()
    clock.now += 30.5
    breaker.failed(failed())
    breaker.admit()


def test_half_of_ten_calls_failing_is_not_enough() -> None:
    clock, breaker = Clock(), Breaker(lambda: clock.now)
    for number in range(20):
        breaker.failed(failed()) if number % 2 else breaker.succeeded()
        breaker.admit()


@pytest.mark.parametrize(
    "tell",
    [
        lambda breaker: breaker.abandoned(),
        lambda breaker: breaker.failed(RateLimited("slow down")),
        lambda breaker: breaker.failed(BadRequest("no")),
    ],
    ids=["left", "limited", "refused"],
)
def test_a_probe_that_says_nothing_of_the_server_leaves_that_to_the_next_call(
    tell: Callable[[Breaker], None],
) -> None:
    clock, breaker = Clock(), Breaker(lambda: clock.now)
    opened(breaker, clock)
    tell(breaker)
    breaker.admit()
    with pytest.raises(ServerFailed, match="not asked again"):  # it is the probe now
        breaker.admit()


def test_a_probe_that_fails_in_another_way_has_failed_all_the_same() -> None:
    clock, breaker = Clock(), Breaker(lambda: clock.now)
    breaker.failed(AuthFailed("wrong key", status=401))
    clock.now += 5.0
    breaker.admit()
    breaker.failed(failed())
    with pytest.raises(ServerFailed, match=r"not asked again for 10\.0 s"):
        breaker.admit()


def test_a_log_hears_once_that_a_server_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "genkit")
    clock, breaker = Clock(), Breaker(lambda: clock.now)
    for _ in range(8):  # calls that began before it opened
        breaker.failed(failed())
    assert len(caplog.records) == 1


def test_a_log_hears_of_each_longer_pause(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "genkit")
    clock, breaker = Clock(), Breaker(lambda: clock.now)
    opened(breaker, clock)
    breaker.failed(failed())
    heard = [record.getMessage().partition(":")[0] for record in caplog.records]
    assert heard == ["not asked again for 5 s", "not asked again for 10 s"]


def test_a_call_that_is_left_before_it_is_answered_was_no_probe() -> None:
    clock, server = Clock(), Server(AuthFailed("wrong key", status=401))
    handler = Retry(clock=clock)(server)
    with pytest.raises(AuthFailed):
        ask(handler, clock)
    clock.now += 5.0

    async def leave() -> None:
        events = handler(Request(messages=[Message.user("hi")]), clock)
        assert isinstance(await anext(events), Start)
        await events.aclose()

    run(leave())
    assert ask(handler, clock).text == "hello"


def test_a_retry_that_helped_costs_nothing_and_the_budget_never_grows_beyond_itself() -> None:
    clock = Clock()
    retry = Retry(clock=clock)
    for _ in range(200):  # would cost 1000
        assert ask(retry(Server(failed())), clock).text == "hello"
    for _ in range(200):
        assert ask(retry(Server()), clock).text == "hello"
    assert retry.spend(500)
    assert not retry.spend(1)
    for _ in range(9):
        ask(retry(Server()), clock)
    assert retry.spend(9)
    assert not retry.spend(1)
