"""Rows 5 to 9, 19 and 20 of the fault table: answers with an error, with nonsense, or from elsewhere."""

from __future__ import annotations

import time
from email.utils import formatdate
from typing import Any

import pytest
from serving import GOOD, both, closing, fails, retried
from words_dialect import ask

import genkit
from genkit import errors
from genkit.middleware.retry import Retry
from genkit.testing import Answer, LoopbackProvider

LATER = {"error": {"message": "later"}}


def answered(bad: Answer, mode: str, **settings: Any) -> tuple[Any, int]:
    """What comes of a call whose first answer is this one, and how many requests it took."""
    with LoopbackProvider([bad, GOOD]) as server, closing(server) as remote:
        outcome = retried(remote, mode, Retry(), ask(**settings))
    return outcome, len(server.requests)


@both
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "body", ["", "<html><h1>hello</h1></html>", "hello", "[]", "{}", "null", "3", '"a"', "[[1]]", "{"]
)
def test_row_05_a_good_status_with_no_answer_in_it(body: str, stream: bool, mode: str) -> None:
    error = fails(Answer(body=body, headers={"content-type": "application/json"}), mode, ask(stream=stream))
    assert isinstance(error, (errors.ProtocolError, errors.IncompleteStream))


@both
def test_row_05_an_error_in_a_good_status(mode: str) -> None:
    told = {"error": {"message": "slow down", "code": "rate_limit_exceeded"}}
    assert isinstance(fails(Answer(body=told), mode), errors.RateLimited)


@both
def test_row_05_a_wrong_shape_that_the_dialect_did_not_think_of(mode: str) -> None:
    assert isinstance(fails(Answer(body={"words": 3}), mode), errors.ProtocolError)


@both
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.BadRequest),
        (401, errors.AuthFailed),
        (402, errors.QuotaExceeded),
        (403, errors.AuthFailed),
        (404, errors.NotFound),
        (413, errors.BadRequest),
        (422, errors.BadRequest),
    ],
)
def test_row_06_an_error_of_the_callers_own_is_raised_at_once(status: int, kind: Any, mode: str) -> None:
    bad = Answer(status=status, body={"error": {"message": "no"}}, headers={"x-request-id": "r1"})
    outcome, requests = answered(bad, mode)
    assert type(outcome.error) is kind
    assert (outcome.error.status, outcome.error.retryable, outcome.error.request_id) == (status, False, "r1")
    assert (outcome.waits, requests) == ([], 1)


@both
@pytest.mark.parametrize("status", [408, 409, 425, 429, 500, 502, 503, 504, 529])
@pytest.mark.parametrize("body", [LATER, "<html>later</html>", ""])
def test_row_07_an_error_that_may_pass_is_tried_again(status: int, body: Any, mode: str) -> None:
    outcome, requests = answered(Answer(status=status, body=body), mode)
    assert (outcome.text, outcome.error, requests) == ("ab", None, 2)
    assert 0.375 <= outcome.waits[0] <= 0.5


@both
@pytest.mark.parametrize(("status", "should", "requests"), [(400, "true", 2), (503, "false", 1)])
def test_row_08_the_server_says_whether_to_retry(status: int, should: str, requests: int, mode: str) -> None:
    assert (
        answered(Answer(status=status, body=LATER, headers={"x-should-retry": should}), mode)[1] == requests
    )


@both
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "1"}, 1),
        ({"retry-after": "0.3"}, 0.3),
        ({"retry-after": "60"}, 60),
        ({"retry-after-ms": "250"}, 0.25),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": formatdate(1_700_000_030, usegmt=True)}, 30),
    ],
)
def test_row_09_the_wait_is_what_the_server_asked_for(
    headers: dict[str, str], seconds: float, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    outcome, requests = answered(Answer(status=429, body=LATER, headers=headers), mode)
    assert (outcome.text, requests) == ("ab", 2)
    assert outcome.waits == [pytest.approx(seconds)]


@both
@pytest.mark.parametrize("value", ["-5", "nan", "inf", "soon", "", "1e400"])
def test_row_09_nonsense_is_passed_over(value: str, mode: str) -> None:
    outcome, requests = answered(Answer(status=429, body=LATER, headers={"retry-after": value}), mode)
    assert (outcome.text, requests) == ("ab", 2)
    assert 0.375 <= outcome.waits[0] <= 0.5


@both
@pytest.mark.parametrize(("value", "left"), [("9999", 1e6), ("61", 1e6), ("30", 20)])
def test_row_09_a_wait_that_is_too_long_is_for_the_caller(value: str, left: float, mode: str) -> None:
    answer = Answer(status=429, body=LATER, headers={"retry-after": value})
    outcome, requests = answered(answer, mode, deadline=time.monotonic() + left)
    assert isinstance(outcome.error, errors.RateLimited)
    assert (outcome.error.retry_after, outcome.waits, requests) == (float(value), [], 1)


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


CHAT = '{"choices": [{"message": {"role": "assistant", "content": "a"}, "finish_reason": "stop"}], %s}'
CHUNK = 'data: {"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}], %s}\n\n'


@pytest.mark.parametrize("form", [CHAT, CHUNK], ids=["body", "stream"])
@pytest.mark.parametrize(
    "odd",
    [
        f'"x": {nested(100_000)}',
        '"x": ' + "[" * 1_000_000,
        '"usage": {"prompt_tokens": %s}' % ("9" * 10_000),
        '"usage": {"prompt_tokens": 1e999}',
        '"usage": {"prompt_tokens": NaN}',
        '"usage": {"prompt_tokens": -Infinity}',
        '"x": NaN',
        '"usage": {"prompt_tokens": -1}',
    ],
    ids=["deep", "open", "huge integer", "infinite", "NaN", "-Infinity", "NaN elsewhere", "negative"],
)
def test_row_19_json_that_breaks_parsers(odd: str, form: str) -> None:
    with (
        LoopbackProvider(Answer(body=form % odd)) as server,
        genkit.Generator("chat:m", base_url=server.url, api_key="k", attempts=1) as generator,
        pytest.raises(errors.ProtocolError),
    ):
        for _ in generator.stream("hi"):
            pass


@both
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_row_20_no_redirect_is_followed(status: int, mode: str) -> None:
    with LoopbackProvider(GOOD) as other:
        outcome, requests = answered(Answer(status=status, headers={"location": other.url + "/x?y=z"}), mode)
    assert isinstance(outcome.error, errors.ProtocolError)
    assert outcome.error.status == status
    assert other.url.removeprefix("http://") in outcome.error.message
    assert (len(other.requests), requests) == (0, 1)


@both
@pytest.mark.parametrize("location", ["http://[", "//\u2100/".encode().decode("latin-1")])
def test_row_20_a_redirect_to_what_is_no_address_is_an_error_like_others(location: str, mode: str) -> None:
    answer = Answer(status=302, headers={"location": location})
    outcome, _ = answered(answer, mode)
    assert isinstance(outcome.error, errors.ProtocolError)
