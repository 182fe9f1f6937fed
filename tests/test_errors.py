"""The exceptions: one tree, as drawn; they travel between processes with all they carry."""

from __future__ import annotations

import copy
import pickle
import re

import pytest

import genkit
from genkit import Message, Response, errors
from genkit.errors import GenkitError

CARRYING = [
    errors.GenkitError("m"),
    errors.MissingDependency("m", extra="local"),
    errors.UnsupportedOption("m", option="tools"),
    errors.ContextOverflow("m", tokens=9, limit=8),
    errors.ModelFileError("m", path="/x.gguf"),
    errors.WorkerDied("m", signal=11),
    errors.OutOfMemory("m", needed=3, free=2, context=256),
]


def drawn() -> dict[str, tuple[str, list[str]]]:
    """The tree in the docstring: each name with its parent's, and the attributes beside it."""
    path: list[str] = []
    tree = {}
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"    ([ │├└─]*)(\w+)(?:  |$)", line):
            depth = len(match[1]) // 4
            path[depth:] = [match[2]]
            tree[match[2]] = (path[depth - 1] if depth else "", re.findall(r"\.(\w+)", line))
    return tree


def classes(root: type[GenkitError] = GenkitError) -> list[type[GenkitError]]:
    return [root, *(below for kind in root.__subclasses__() for below in classes(kind))]


def test_the_tree_in_the_docstring_is_the_real_one() -> None:
    real = {kind.__name__: kind.__base__.__name__ for kind in classes() if kind is not GenkitError}
    assert {name: parent for name, (parent, _) in drawn().items() if parent} == real


@pytest.mark.parametrize("kind", classes(), ids=lambda kind: kind.__name__)
def test_an_error_has_the_attributes_that_the_tree_names(kind: type[GenkitError]) -> None:
    _, attributes = drawn()[kind.__name__]
    if kind is not GenkitError:  # what all have is in the text below the tree
        assert attributes == [name for name in kind.__annotations__ if name != "retryable"]
    for name in attributes:
        assert hasattr(kind("m"), name)


def test_what_every_error_has_is_in_the_text() -> None:
    below = (errors.__doc__ or "").partition("Every error has")[2]
    assert set(GenkitError.__annotations__) <= set(re.findall(r"``(\w+)``", below))


def test_in_a_log_an_error_says_whose_it_is() -> None:
    first = errors.ServerFailed("busy")
    error = errors.ServerFailed("busy", provider="openai", status=503, request_id="r1", attempts=(first,))
    assert str(error) == "busy (openai, status 503, request r1, after 2 tries)"
    assert (error.message, str(first)) == ("busy", "busy")


def test_an_error_takes_only_the_facts_of_its_class() -> None:
    assert errors.RateLimited("m", retry_after=2.5, status=429).retry_after == 2.5
    with pytest.raises(TypeError, match="tokens"):
        errors.BadRequest("m", tokens=3)


@pytest.mark.parametrize("error", CARRYING, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("again", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy])
def test_pickling_and_copying_keep_everything(error: GenkitError, again) -> None:
    error.partial = Response(message=Message.assistant("so far"), finish_reason="incomplete")
    twin = again(error)
    assert type(twin) is type(error)
    assert twin is not error
    assert (twin.args, vars(twin), twin.message) == (error.args, vars(error), "m")


def test_what_the_caller_did_wrong_is_never_worth_another_try() -> None:
    callers = [
        *classes(errors.ConfigError),
        *classes(errors.BadRequest),
        errors.ModelFileError,
        errors.Closed,
    ]
    assert not any(kind.retryable for kind in [*callers, errors.AuthFailed, errors.QuotaExceeded])
    assert errors.WorkerDied.retryable
    assert errors.RateLimited.retryable


def test_what_carries_less_is_less_set() -> None:
    assert GenkitError("m").partial is None
    assert errors.WorkerDied("m").signal is None


def test_an_error_that_is_looked_for_in_genkit_itself_is_told_where_it_is() -> None:
    with pytest.raises(AttributeError, match=r"'RateLimited'; there is genkit\.errors\.RateLimited$"):
        _ = genkit.RateLimited
