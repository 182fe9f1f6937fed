"""What several dialects do alike."""

from __future__ import annotations

from typing import Any

import pytest
from recordings import target

from genkit.errors import BadRequest
from genkit.messages import Message
from genkit.providers.anthropic import Anthropic
from genkit.providers.bedrock import Bedrock
from genkit.providers.gemini import Gemini
from genkit.request import Request

TALK = [Message.user("a"), Message.assistant("b")]


@pytest.mark.parametrize("dialect", [Anthropic(), Bedrock(), Gemini()], ids=lambda dialect: dialect.name)
@pytest.mark.parametrize("parts", [("",), ("", ""), ()], ids=repr)
def test_a_question_that_says_nothing_does_not_make_the_model_go_on_with_its_own_words(
    dialect: Any, parts: tuple[str, ...]
) -> None:
    with pytest.raises(BadRequest, match="the last message is empty, which here does not take"):
        dialect.encode(Request(messages=[*TALK, Message.user(*parts)]), target())
    dialect.encode(Request(messages=TALK), target())  # where that is what is wanted
    dialect.encode(Request(messages=[Message.user(*parts), *TALK[1:], Message.user("", "c")]), target())


@pytest.mark.parametrize("dialect", [Anthropic(), Bedrock()], ids=lambda dialect: dialect.name)
def test_nor_does_one_that_is_blank_where_such_text_is_refused(dialect: Any) -> None:
    with pytest.raises(BadRequest, match="the last message is empty, which here does not take"):
        dialect.encode(Request(messages=[*TALK, Message.user(" ", "\n")]), target())
    Gemini().encode(Request(messages=[*TALK, Message.user(" ")]), target())
