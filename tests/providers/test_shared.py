"""What several dialects do alike."""

from __future__ import annotations

from typing import Any

import pytest
from recordings import target

import genkit
from genkit import Audio, Document, Image, Message, Text, ToolResult
from genkit.errors import BadRequest, ConnectFailed
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


@pytest.mark.parametrize(
    "model", ["anthropic:m", "bedrock:m", "chat:m", "cohere:m", "gemini:m", "ollama:m", "openai:m", "vllm:m"]
)
@pytest.mark.parametrize(
    "media",
    [
        Image(url="cat.png"),
        Image(url="C:\\cat.png"),
        Audio(url="/a.wav"),
        Document(url="www.a.example/a.pdf"),
    ],
    ids=repr,
)
def test_a_path_in_the_place_of_a_url_is_refused(model: str, media: Any) -> None:
    hint = rf"cannot fetch: .* genkit.{type(media).__name__}.read\(path\)"
    with (
        genkit.Generator(model, base_url="http://127.0.0.1:9", api_key="k") as generator,
        pytest.raises(BadRequest, match=hint),
    ):
        generator.generate(Message.user("What is this?", media))


@pytest.mark.parametrize("model", ["anthropic:m", "bedrock:m", "gemini:m", "openai:m", "openai-chat:m"])
def test_a_file_here_is_none_to_a_server_elsewhere(model: str) -> None:
    image = Image(url="FILE:///home/ada/cat.png")
    result = Message.tool(ToolResult(id="1", name="f", content=[Text("a"), image]))
    with genkit.Generator(model, base_url="http://127.0.0.1:9", api_key="k") as generator:
        for message in (Message.user(image), result):
            with pytest.raises(BadRequest, match=r"cannot fetch: .* genkit.Image.read\(path\)"):
                generator.generate(message)


def test_where_an_image_of_the_models_own_is_is_not_asked() -> None:
    with (
        genkit.Generator("mistral:m", base_url="http://127.0.0.1:9", api_key="k", attempts=1) as generator,
        pytest.raises(ConnectFailed),
    ):
        generator.generate([Message.assistant(Image(url="made/1")), Message.user("Another one.")])


@pytest.mark.parametrize("model", ["chat:m", "llama-server:m", "responses:m", "vllm:m"])
def test_a_server_that_may_have_files_of_its_own_is_told_of_them(model: str) -> None:
    with (
        genkit.Generator(model, base_url="http://127.0.0.1:9", attempts=1) as generator,
        pytest.raises(ConnectFailed),
    ):
        generator.generate(Message.user(Image(url="file:///srv/cat.png")))
