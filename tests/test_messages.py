"""Messages: what they are made of, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import FrozenInstanceError
from enum import Enum
from pathlib import Path

import pytest

from genkit import (
    Audio,
    CacheMark,
    Document,
    Image,
    Message,
    Native,
    Output,
    Reasoning,
    Refusal,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolResult,
)
from genkit.errors import BadRequest
from genkit.options import conversation

CALL = ToolCall(id="1", name="weather", arguments='{"city": "Oslo"}')
RESULT = ToolResult(id="1", content="rain")


@pytest.mark.parametrize("parts", ["hi", Text("hi"), ["hi"], (Text("hi"),), iter(["hi"])])
def test_text_may_be_given_in_every_way(parts) -> None:
    assert Message("user", parts) == Message.user("hi")
    assert Message("user", parts if not hasattr(parts, "__next__") else ["hi"]).parts == (Text("hi"),)


def test_each_role_has_its_maker() -> None:
    assert Message.system("a") == Message("system", "a")
    assert Message.user("a", Image(url="u")) == Message("user", ["a", Image(url="u")])
    assert Message.assistant(Reasoning("r"), "a", CALL) == Message(
        "assistant", (Reasoning("r"), Text("a"), CALL)
    )
    assert Message.tool(RESULT, RESULT) == Message("tool", [RESULT, RESULT])


def test_the_bytes_of_media_are_not_written_out() -> None:
    for kind in (Image, Audio, Document):
        message = Message.user(kind(data=b"x" * 10_000, media_type="a/b"))
        assert len(repr(message)) < 100
        assert "media_type='a/b'" in repr(message)


@pytest.mark.parametrize("result", ["Rain", Text("Rain")])
def test_a_tools_result_says_which_call_it_answers(result) -> None:
    with pytest.raises(BadRequest, match=r"Rain.* does not say which call it answers"):
        Message.tool(result)


def test_text_is_the_text_parts_only() -> None:
    assert Message.assistant(Reasoning("hm"), "a", CALL, Text("b"), Audio(data=b"x")).text == "ab"
    assert Message.user().text == ""


@pytest.mark.parametrize("role", ["bot", "", "User", None, 3])
def test_an_unknown_role_is_refused_with_the_roles_there_are(role) -> None:
    with pytest.raises(BadRequest, match="system, developer, user, assistant, tool"):
        Message(role, "hi")


@pytest.mark.parametrize("parts", [None, 3, b"hi", ["a", 3], [["a"]], {"type": "text", "text": "hi"}, [None]])
def test_what_is_no_part_is_refused(parts) -> None:
    with pytest.raises(BadRequest):
        Message("user", parts)


def test_messages_are_values() -> None:
    assert hash(Message.user("a", Image(data=b"x"))) == hash(Message.user("a", Image(data=b"x")))
    assert Message.user("a") != Message.assistant("a")
    assert Text("a") != Reasoning("a")
    with pytest.raises(FrozenInstanceError):
        Message.user("a").role = "system"


@pytest.mark.parametrize(
    "make",
    [
        lambda: Text(None),
        lambda: ToolCall(id="1", name="n", arguments={"a": 1}),
        lambda: ToolResult(id="1", content=3),
        lambda: ToolResult(id="1", content={"a": 1}),
        lambda: ToolResult(id="1", content=["a"]),
        lambda: Tool(name="n", parameters='{"type": "object"}'),
        lambda: Tool(name="", parameters={}),
        lambda: Output(schema="{}"),
        lambda: Output(schema=dict),
        lambda: Request(messages=[], extra="a"),
        lambda: Request(messages=[], metadata=["a"]),
        lambda: Request(messages=[], reasoning=True),
    ],
    ids=range(12),
)
def test_what_is_of_the_wrong_type_is_refused_where_it_is_made(make) -> None:
    with pytest.raises(BadRequest):
        make()


def test_several_texts_are_no_conversation() -> None:
    with pytest.raises(BadRequest, match="make a call for each"):
        conversation(["a", "b"])
    assert len(conversation(["a", Message.assistant("b"), "c"])) == 3
    assert conversation([{"role": "user", "content": "hi"}]) == [Message.user("hi")]
    with pytest.raises(BadRequest, match="message is empty"):
        conversation([Message.user("a"), Message.assistant("b"), Message.user()])
    with pytest.raises(BadRequest, match="not bytes"):
        conversation(b"hi")


@pytest.mark.parametrize(
    ("kind", "name", "media_type"), [(Image, "a.WEBP", "image/webp"), (Audio, "a.flac", "audio/flac")]
)
def test_media_types_do_not_depend_on_the_system(
    kind, name: str, media_type: str, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr("mimetypes.guess_type", lambda _: (None, None))
    (tmp_path / name).write_bytes(b"x")
    assert kind.read(tmp_path / name).media_type == media_type


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: Image(data="aGVsbG8="), "as bytes, not str; base64 goes into a data: URL"),
        (lambda: Image(url=Path("x.png")), "as text, not"),
        (lambda: Image(data=b""), "not empty"),
        (lambda: ToolCall(id=None, name="f", arguments="{}"), "an id and a name"),
        (lambda: ToolCall(id="1", name=5, arguments="{}"), "an id and a name"),
        (lambda: Refusal(None), "Refusal takes text"),
        (lambda: Reasoning(5), "Reasoning takes text, not 5"),
        (lambda: CacheMark(ttl=5), "CacheMark takes ttl= as text, such as '5m', not 5"),
        (lambda: Native(dialect="d", data=None), "takes a dialect and a mapping, not 'd' and None"),
        (lambda: Native(dialect=5, data={}), "not 5 and {}"),
        (lambda: Image(url="u", detail=5), "Image takes detail= as text, not 5"),
        (lambda: Document(url="u", name=5), "Document takes name= as text, not 5"),
        (lambda: Image.read(b"a.png"), "takes the path of a file as text, not b'a.png'"),
        (lambda: ToolResult(id="1", content="r", error="no"), "is True or False, not 'no'"),
        (lambda: ToolResult(id="1", content=[Audio(data=b"OggS")]), "what a tool answers is text, or"),
        (lambda: Message(10**5000, "hi"), "is not a role"),
        (lambda: ToolResult(id=None, content="r"), "the id of its call"),
        (lambda: ToolResult(id="1", content="r", name=5), "the name of its tool, a text, not 5"),
        (lambda: Image(url="data:text/plain,a\ud800"), "a broken data: URL"),
    ],
)
def test_a_part_of_the_wrong_type_is_refused(make: Callable[[], object], why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        make()


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"RIFF\n\0\0\0WEBPVP8 ", "image/webp"),
        (b"%PDF-1.7", "application/pdf"),
        (b"ID3\x03\0", "audio/mpeg"),
        (b"\xff\xfb\x90", "audio/mpeg"),
        (b"OggS\0", "audio/ogg"),
        (b"fLaC\0", "audio/flac"),
        (b"\xff\xfea\0", ""),
        (b"ID3,name\n", ""),
        (b"who knows", ""),
    ],
)
def test_bytes_have_the_media_type_of_their_beginning(data: bytes, media_type: str) -> None:
    assert Document(data=data).media_type == media_type
    assert Document(data=data, media_type="a/b").media_type == "a/b"


@pytest.mark.parametrize(
    "url",
    ["data:text/plain;base64,aGVsbG8%3D", "DATA:text/plain;BASE64,aGVsbG8=", "data:text/plain,hel%6Co"],
)
def test_a_data_url_is_taken_apart(url: str) -> None:
    document = Document(url=url)
    assert (document.data, document.media_type, document.url) == (b"hello", "text/plain", "")


def test_a_data_url_without_a_type_has_that_of_its_beginning() -> None:
    assert Image(url="data:;base64,iVBORw0KGgo=").media_type == "image/png"
    assert Document(url="data:,hello").media_type == "text/plain"  # RFC 2397


@pytest.mark.parametrize(
    ("name", "data", "media_type"),
    [
        ("upload", b"\x89PNG\r\n\x1a\n", "image/png"),
        ("a.jpeg", b"\x89PNG\r\n\x1a\n", "image/png"),
        ("a.jpeg", b"?", "image/jpeg"),
        ("upload", b"?", "application/octet-stream"),
    ],
)
def test_a_file_is_what_it_begins_like_or_else_what_its_name_says(
    name: str, data: bytes, media_type: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(data)
    assert Image.read(tmp_path / name).media_type == media_type


@pytest.mark.parametrize(
    ("kind", "name"),
    [(Image, "a.txt"), (Image, "a.pdf"), (Image, "a.mp3"), (Audio, "a.png"), (Audio, "a.txt")],
)
def test_a_file_that_its_name_tells_is_no_image_is_not_read_as_one(kind, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"?")
    with pytest.raises(BadRequest, match=rf"{name} is .*, no {kind.__name__}"):
        kind.read(tmp_path / name)
    assert Document.read(tmp_path / name).data == b"?"


def test_bytes_that_nobody_knows_are_in_no_data_url() -> None:
    with pytest.raises(BadRequest, match=r"b'who knows' begins does not tell .* give Image media_type="):
        _ = Image(data=b"who knows").data_url


class Word(str, Enum):
    HELLO = "hello"


@pytest.mark.parametrize(
    "text",
    [
        Message.user(Word.HELLO).parts[0].text,
        Refusal(Word.HELLO).text,
        Reasoning(Word.HELLO).text,
        ToolResult(id="1", content=Word.HELLO).content,
    ],
)
def test_a_text_that_is_an_enum_is_its_value(text: object) -> None:
    assert type(text) is str
    assert str(text) == "hello"


def test_a_document_has_the_name_of_its_file(tmp_path: Path) -> None:
    for name, media_type in (("a b.pdf", "application/pdf"), ("d.csv.gz", "application/gzip")):
        (tmp_path / name).write_bytes(b"x")
        document = Document.read(tmp_path / name)
        assert (document.name, document.media_type) == (name, media_type)
