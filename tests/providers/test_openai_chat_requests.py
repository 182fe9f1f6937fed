"""Chat Completions: requests, compared with those of the official SDKs and of recorded conversations."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from recordings import canon, collect, corpus, needs_corpus, payloads
from test_openai_chat import CHAT, target

import genkit
from genkit.errors import BadRequest, UnsupportedOption
from genkit.messages import (
    Audio,
    CacheMark,
    Document,
    Image,
    Message,
    Native,
    Part,
    Reasoning,
    Refusal,
    Text,
    ToolCall,
    ToolResult,
)
from genkit.providers.address import placed
from genkit.providers.base import DONE, Call
from genkit.request import Output, Request, Tool
from genkit.sampling import Sampling
from genkit.testing import Answer, LoopbackProvider

HELLO = (Message.system("Be terse."), Message.user("Hello"))
WEATHER_SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "City name"},
        "unit": {"type": "string", "enum": ["c", "f"]},
    },
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = Tool(name="get_weather", description="Get weather", parameters=WEATHER_SCHEMA, strict=True)
LOOSE = Tool(name="get_weather", description="Get weather", parameters=WEATHER_SCHEMA)
PERSON = {
    "properties": {
        "name": {"title": "Name", "type": "string"},
        "age": {"title": "Age", "type": "integer"},
        "tags": {"default": [], "items": {"type": "string"}, "title": "Tags", "type": "array"},
    },
    "required": ["name", "age", "tags"],
    "title": "Person",
    "type": "object",
    "additionalProperties": False,
}
LOOP = (
    *HELLO,
    Message.assistant(
        ToolCall(id="call_1", name="get_weather", arguments='{"city":"Paris"}'),
        ToolCall(id="call_2", name="get_weather", arguments='{"city":"Rome"}'),
    ),
    Message.tool(ToolResult(id="call_1", content="18C"), ToolResult(id="call_2", content="21C")),
)


def asked(*messages: Message, **more: Any) -> Request:
    return Request(messages=messages or HELLO, **{"stream": False, **more})


def media(sdk_case: dict[str, Any]) -> str:
    """The data URL or base64 that an official request carries."""
    return next(_strings(sdk_case["request"]["body"], ("data:", "UklGR")))


def _strings(value: Any, starts: tuple[str, ...]) -> Any:
    if isinstance(value, str) and value.startswith(starts):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _strings(inner, starts)


def _image_of(case: dict[str, Any]) -> Image:
    return Image(url=media(case))


def _sound_of(case: dict[str, Any]) -> Audio:
    return Audio(url=f"data:audio/wav;base64,{media(case)}")


EVERY_KNOB = Sampling(
    max_tokens=64, temperature=0.2, top_p=0.9, frequency_penalty=0.2, presence_penalty=0.1, seed=7,
    stop=("END",), logprobs=2, logit_bias={50256: -100},
)  # fmt: skip

# Official request -> vendor, and the same intent in genkit's words.
OFFICIAL: dict[str, tuple[str, Any]] = {
    "groq chat_stream": ("groq", lambda _: asked(stream=True)),
    "groq chat_tool": ("groq", lambda _: asked(tools=[WEATHER])),
    "mistralai chat_image": ("mistral", lambda case: asked(Message.user("What?", _image_of(case)))),
    "mistralai chat_json_schema": (
        "mistral",
        lambda _: asked(output=Output(schema=WEATHER_SCHEMA, name="w", strict=True)),
    ),
    "mistralai chat_stream": ("mistral", lambda _: asked(stream=True)),
    "mistralai chat_system_tool": (
        "mistral",
        lambda _: asked(sampling=Sampling(seed=7), tools=[LOOSE], tool_choice="required"),
    ),
    "openai azure_chat": ("azure", lambda _: asked()),
    "openai chat_audio_in": ("openai-chat", lambda case: asked(Message.user(_sound_of(case)))),
    "openai chat_file_in": (
        "openai-chat",
        lambda case: asked(Message.user(Document(url=media(case), name="a.pdf"))),
    ),
    "openai chat_image_data": (
        "openai-chat",
        lambda case: asked(Message.user("What is it?", _image_of(case))),
    ),
    "openai chat_image_url": (
        "openai-chat",
        lambda _: asked(Message.user("What is it?", Image(url="https://example.com/a.png", detail="low"))),
    ),
    "openai chat_json_object": ("openai-chat", lambda _: asked(output=Output())),
    "openai chat_parse_pydantic": (
        "openai-chat",
        lambda _: asked(output=Output(schema=PERSON, name="Person", strict=True)),
    ),
    "openai chat_reasoning_effort": (
        "openai-chat",
        lambda _: asked(
            Message("developer", "Be terse."),
            Message.user("Hello"),
            sampling=Sampling(max_tokens=100),
            reasoning="low",
        ),
    ),
    "openai chat_sampling": (
        "openai-chat",
        lambda _: asked(sampling=EVERY_KNOB, extra={"n": 2, "user": "u1"}),
    ),
    "openai chat_stream_tool_image": (
        "openai-chat",
        lambda case: asked(
            HELLO[0], Message.user("Weather here?", _image_of(case)), tools=[WEATHER], stream=True
        ),
    ),
    "openai chat_stream_usage": ("openai-chat", lambda _: asked(stream=True)),
    "openai chat_system_user": ("openai-chat", lambda _: asked()),
    "openai chat_tool_auto": ("openai-chat", lambda _: asked(tools=[WEATHER], tool_choice="auto")),
    "openai chat_tool_loop_parallel": ("openai-chat", lambda _: asked(*LOOP, tools=[WEATHER])),
    "openai chat_tool_named": ("openai-chat", lambda _: asked(tools=[WEATHER], tool_choice="get_weather")),
    "openai chat_tool_required": (
        "openai-chat",
        lambda _: asked(tools=[WEATHER], tool_choice="required", parallel_tool_calls=False),
    ),
    "openai retry_429_then_ok": ("openai-chat", lambda _: asked()),
}
# What genkit's API has no words for, or another part of it says.
ELSEWHERE = {
    "images_edit_multipart": "images are not generated by chat",
    "images_generate": "images are not generated by chat",
    "moderation": "genkit does not moderate",
    "speech": "speech is not generated by chat",
    "transcription_multipart": "transcription is not chat",
}
NOT_GENERATING = ("embeddings", "embeddings_default", "models_list")


def cases() -> list[Any]:
    found = corpus.official_requests("openai", "groq", "mistralai")
    return [case for case in found if not case["case"].startswith("responses")]


def name_of(case: dict[str, Any]) -> str:
    return f"{case['sdk']} {case['case']}"


CASES = cases()


@needs_corpus
def test_every_official_request_is_expressed_or_has_a_reason_not_to() -> None:
    left = {name_of(case) for case in CASES if case["case"] not in (*NOT_GENERATING, *ELSEWHERE)}
    assert left == set(OFFICIAL)


def where(vendor: str, call: Call) -> str:
    """The path and query that a call has on the wire."""
    base = target(vendor).vendor.base_url.partition("://")[2]
    query = "&".join(f"{name}={value}" for name, value in call.query.items())
    return "/" + (base + call.path).partition("/")[2] + (f"?{query}" if query else "")


@pytest.mark.parametrize("official", [case for case in CASES if name_of(case) in OFFICIAL], ids=name_of)
def test_the_official_sdk_sends_the_same(official: Any) -> None:
    vendor, make = OFFICIAL[name_of(official)]
    sent = official["request"]
    to = target(vendor, sent["body"]["model"])
    to = replace(to, vendor=placed(to.vendor, {"OPENAI_API_VERSION": "2024-10-21"}, to.vendor.base_url))
    call = CHAT.encode(make(official), to)
    assert canon("openai.chat", call.body) == canon("openai.chat", sent["body"])
    assert (call.method, where(vendor, call)) == (sent["method"], sent["path"])
    headers = {name.lower(): value for name, value in dict(sent["headers"]).items()}
    auth = target(vendor).vendor.auth
    assert headers["authorization" if auth == "bearer" else auth] == (
        "Bearer TEST_KEY" if auth == "bearer" else "TEST_KEY"
    )


@pytest.mark.parametrize("official", [case for case in CASES if case["case"] in NOT_GENERATING], ids=name_of)
def test_the_official_sdk_asks_for_the_same_embeddings_and_models(official: Any) -> None:
    vendor, sent = {"openai": "openai-chat", "mistralai": "mistral"}[official["sdk"]], official["request"]
    if official["case"] == "models_list":
        call = CHAT.encode_models(target(vendor))
    else:
        to = target(vendor, sent["body"]["model"])
        call = CHAT.encode_embed(sent["body"]["input"], to, dimensions=sent["body"].get("dimensions"))
    assert (call.method, where(vendor, call)) == (sent["method"], sent["path"])
    assert call.body == sent["body"]


# Conversations


def read(wire: dict[str, Any]) -> Message:
    """A message on the wire, in genkit's words."""
    content = wire.get("content")
    pieces = content if isinstance(content, list) else [{"type": "text", "text": content}] if content else []
    said: list[Part] = []
    for piece in pieces:
        said.append(_read_part(piece))
        if mark := piece.get("cache_control"):
            said.append(CacheMark(ttl=mark.get("ttl", "")))
    if wire["role"] == "tool":
        results = tuple(part for part in said if isinstance(part, (Text, Image, Document)))
        marks = [part for part in said if isinstance(part, CacheMark)]
        return Message("tool", [ToolResult(id=wire["tool_call_id"], content=results), *marks])
    if thought := wire.get("reasoning_content") or wire.get("reasoning"):
        said.insert(0, Reasoning(thought))
    if details := wire.get("reasoning_details"):
        said.insert(0, Native(dialect="openai.chat", data={"reasoning_details": details}))
    for call in wire.get("tool_calls") or ():
        function = call["function"]
        said.append(ToolCall(id=call["id"], name=function["name"], arguments=function["arguments"]))
    return Message(wire["role"], said)


def _read_part(piece: dict[str, Any]) -> Part:
    match piece["type"]:
        case "image_url":
            url = piece["image_url"]
            return Image(url=url) if isinstance(url, str) else Image(**url)
        case "file":
            return Document(url=piece["file"]["file_data"], name=piece["file"]["filename"])
        case "document_url":
            return Document(url=piece["document_url"], name=piece.get("document_name", ""))
        case "input_audio":
            sound = piece["input_audio"]
            data, kind = (sound, "mpeg") if isinstance(sound, str) else (sound["data"], sound["format"])
            return Audio(url=f"data:audio/{kind};base64,{data}")
        case "video_url":  # for which genkit has no word
            return Native(dialect="openai.chat", data=piece)
    assert piece["type"] == "text"
    return Text(piece["text"])


# What the client that was recorded puts into a conversation, and no other does.
HABITS = {
    "openai/tools/mirascope__openai_gpt_4o_completions__0": "writes the model's tool call down as its text",
    "groq/error/pydantic-ai__test_tool_use_failed_error__0": "makes up the tool call that the server refused",
    "groq/tools/pydantic-ai__test_tool_use_failed_error__1": "writes reasoning into the text, as <think>",
}


def loops() -> list[tuple[Any, Any]]:
    groups: dict[str, list[Any]] = {}
    for exchange in corpus.exchanges("openai.chat"):
        if exchange.group and exchange.request["body"]:
            groups.setdefault(exchange.group, []).append(exchange)
    found = []
    for group in groups.values():
        group.sort(key=lambda exchange: exchange.order)
        for one, two in pairwise(group):
            longer = len(two.request["body"]["messages"]) > len(one.request["body"]["messages"])
            if two.order == one.order + 1 and longer:
                found.append((one, two))
    return found


def plain(body: Any, replay: str = "") -> Any:
    """A canonical conversation without what clients add that no server heeds.

    Args:
        body: the request.
        replay: the field for reasoning, of which some clients send two.
    """
    messages = canon("openai.chat", body)["messages"]
    for message in messages:
        # Marks on a whole message or call are one client's own; those on content have a test of their own.
        message.pop("cache_control", None)
        if message["role"] == "tool" and not isinstance(message["content"], str):
            for piece in message["content"]:
                piece.pop("cache_control", None)
            message["content"] = "".join(piece.get("text", "") for piece in message["content"])
        if message["role"] == "assistant":
            message["content"] = message.get("content") or ""  # no text is "" to some, null to others
            if "reasoning" in message and "reasoning_content" in message:
                del message[{"reasoning": "reasoning_content"}.get(replay, "reasoning")]
            if message.get("prefix") is False:  # Mistral's default
                del message["prefix"]
        for call in message.get("tool_calls", ()):
            call.pop("index", None)  # rig sends back the place in the stream
            call.pop("cache_control", None)
    return messages


SENT = [e for e in corpus.exchanges("openai.chat") if e.request["body"]]
LOOPS = loops()


@needs_corpus
def test_there_are_loops_to_replay() -> None:
    assert len(LOOPS) >= 15


@pytest.mark.parametrize(("one", "two"), [pair for pair in LOOPS if pair[0].id not in HABITS], ids=str)
def test_the_second_request_carries_the_recorded_conversation(one: Any, two: Any) -> None:
    to = target(one.provider)
    first, second = one.request["body"]["messages"], two.request["body"]["messages"]
    reply = collect(CHAT, payloads(one), to).message
    said = [*map(read, first), reply, *map(read, second[len(first) + 1 :])]
    call = CHAT.encode(asked(*said), to)
    assert plain(call.body) == plain(two.request["body"], to.quirk("replay"))


@pytest.mark.parametrize("exchange", SENT, ids=str)
def test_a_recorded_conversation_is_sent_as_it_was(exchange: Any) -> None:
    body = exchange.request["body"]
    to = target(exchange.provider)
    call = CHAT.encode(asked(*map(read, body["messages"])), to)
    assert plain(call.body) == plain(body, to.quirk("replay"))


# What no official request and no recording shows


def sent(request: Request, vendor: str = "openai-chat") -> dict[str, Any]:
    call = CHAT.encode(request, target(vendor))
    assert call.body is not None
    return dict(call.body)


def test_a_message_that_says_nothing_is_left_out() -> None:
    said = [
        Message.user("hi"),
        Message.assistant(),
        Message.assistant(Reasoning("hm")),
        Message.user("go on"),
    ]
    assert [message["content"] for message in sent(Request(messages=said))["messages"]] == ["hi", "go on"]


def test_nothing_is_sent_that_was_not_set() -> None:
    assert sent(asked()).keys() == {"model", "messages"}
    assert sent(asked(stream=True)).keys() == {"model", "messages", "stream", "stream_options"}
    assert sent(asked(stream=True), "together").keys() == {"model", "messages", "stream"}


def test_extra_is_sent_verbatim_and_last() -> None:
    body = sent(asked(sampling=Sampling(seed=1), extra={"seed": 2, "service_tier": "flex"}))
    assert (body["seed"], body["service_tier"]) == (2, "flex")


def test_a_vendors_own_tool_is_sent_verbatim() -> None:
    own = {"type": "web_search_preview", "search_context_size": "low"}
    assert sent(asked(tools=[own]))["tools"] == [own]


@pytest.mark.parametrize(
    ("vendor", "effort", "fields"),
    [
        ("openai-chat", "minimal", {"reasoning_effort": "minimal"}),
        ("openrouter", "high", {"reasoning": {"effort": "high"}}),
        ("openrouter", 2000, {"reasoning": {"max_tokens": 2000}}),
        ("deepseek", "low", {"reasoning_effort": "low"}),
        ("deepseek", "none", {"thinking": {"type": "disabled"}}),
        ("alibaba", "high", {"enable_thinking": True}),
        ("alibaba", "none", {"enable_thinking": False}),
        ("alibaba", 500, {"enable_thinking": True, "thinking_budget": 500}),
    ],
)
def test_effort_is_told_in_the_vendors_way(vendor: str, effort: str | int, fields: dict[str, Any]) -> None:
    body = sent(asked(reasoning=effort), vendor)
    rest = body.keys() - {"model", "messages", "stream", "stream_options"}
    assert {name: body[name] for name in rest} == fields


def test_alibaba_is_always_asked_for_a_stream() -> None:
    told = {"stream": True, "stream_options": {"include_usage": True}}
    for stream in (False, True):
        assert sent(asked(stream=stream), "alibaba").items() >= told.items()
    assert "stream" not in sent(asked(), "groq")


def test_an_answer_that_came_in_a_stream_is_folded_for_generate() -> None:
    chunks = [
        {"choices": [{"delta": {"reasoning_content": "Hm."}}]},
        {"choices": [{"delta": {"content": "hi"}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}},
    ]
    body = "".join(f"data: {json.dumps(chunk)}\n\n" for chunk in chunks) + "data: [DONE]\n\n"
    with (
        LoopbackProvider(Answer(body=body)) as server,
        genkit.Generator("alibaba:qwen3-8b", base_url=server.url, api_key="k") as generator,
    ):
        answer = generator.generate("Hello")
    assert (answer.reasoning, answer.text, answer.usage.total_tokens) == ("Hm.", "hi", 5)


@pytest.mark.parametrize(
    ("vendor", "request_", "named"),
    [
        ("openai-chat", asked(sampling=Sampling(top_k=3)), "top_k"),
        ("openai-chat", asked(sampling=Sampling(logit_bias={"a": 1})), "logit_bias by text: it takes token"),
        ("groq", asked(metadata={"a": "b"}), "metadata"),
        ("openai-chat", asked(reasoning=100), "reasoning"),
        ("deepseek", asked(output=Output(schema=PERSON)), "output"),
        ("openai-chat", asked(Message.user("x", CacheMark())), "a cache mark"),
        ("openai-chat", asked(tools=[Tool(name="f", cache=True)]), "a cache mark"),
        ("openai-chat", asked(Message.user(Document(url="https://a.b/c.pdf"))), "Document by URL"),
        ("openai-chat", asked(Message.user(Audio(url="https://a.b/c.wav"))), "Audio by URL"),
        ("groq", asked(Message.assistant(Image(data=b"x"))), "images and sounds in the model's own"),
        ("openai-chat", asked(Message.assistant(Document(data=b"x"))), "documents in the model's own"),
        ("openai-chat", asked(Message.assistant(Audio(data=b"x"))), "sounds in the model's own messages"),
    ],
)
def test_what_a_vendor_does_not_take_is_an_error_or_a_warning(
    vendor: str, request_: Request, named: str
) -> None:
    with pytest.raises(UnsupportedOption, match=named):
        CHAT.encode(request_, target(vendor))
    assert named in CHAT.encode(replace(request_, on_unsupported="warn"), target(vendor)).warnings[0]
    assert CHAT.encode(replace(request_, on_unsupported="drop"), target(vendor)).warnings == ()


def test_an_output_is_held_to_its_schema_where_that_can_be() -> None:
    loose = {"type": "object", "properties": {"a": {"type": "string"}}}
    firm = {**loose, "required": ["a"]}
    shut = {"additionalProperties": False}

    def form(vendor: str, schema: Any, strict: bool | None = None) -> Any:
        body = sent(asked(output=Output(schema=schema, strict=strict)), vendor)
        return {
            name: value for name, value in body["response_format"]["json_schema"].items() if name != "name"
        }

    for vendor in ("openai-chat", "azure", "azure-v1"):
        assert form(vendor, firm) == {"schema": firm | shut, "strict": True}
        assert form(vendor, loose) == {"schema": loose, "strict": False}
    dated = {**firm, "properties": {"a": {"type": "string", "format": "date"}}}
    assert form("openai-chat", dated) == {"schema": dated | shut, "strict": True}
    assert form("azure", dated) == form("azure-v1", dated) == {"schema": dated, "strict": False}
    assert form("groq", firm) == {"schema": firm}
    assert form("groq", firm, strict=True) == {"schema": firm | shut, "strict": True}
    assert form("groq", firm, strict=False) == {"schema": firm, "strict": False}


def test_the_schema_of_a_strict_tool_is_closed() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
    tools = [Tool(name=f"{strict}", parameters=schema, strict=strict) for strict in (True, False, None)]
    found = [tool["function"]["parameters"] for tool in sent(asked(tools=tools))["tools"]]
    assert found == [{**schema, "additionalProperties": False}, schema, schema]


def test_options_of_servers_of_open_models_have_their_words() -> None:
    sampling = Sampling(top_k=3, min_p=0.1, repeat_penalty=1.1)
    assert sent(asked(sampling=sampling), "vllm").items() >= {"top_k": 3, "repetition_penalty": 1.1}.items()
    assert sent(asked(sampling=sampling), "llama-server")["repeat_penalty"] == 1.1


def test_developers_are_systems_where_the_role_is_not_known() -> None:
    developer = Message("developer", "Be terse.")
    assert sent(asked(developer))["messages"][0]["role"] == "developer"
    assert sent(asked(developer), "groq")["messages"][0]["role"] == "system"


def test_cache_marks_go_onto_what_is_before_them() -> None:
    said = asked(Message.user("long", CacheMark(ttl="5m"), "short"), tools=[Tool(name="f", cache=True)])
    body = sent(said, "openrouter")
    assert body["messages"][0]["content"] == [
        {"type": "text", "text": "long", "cache_control": {"type": "ephemeral", "ttl": "5m"}},
        {"type": "text", "text": "short"},
    ]
    assert body["tools"][0]["cache_control"] == {"type": "ephemeral"}


DETAILS = [
    {"type": "reasoning.text", "text": "Hm", "signature": "s", "format": "anthropic-claude-v1", "index": 0}
]
BLOCKS = [{"type": "thinking", "thinking": "Hm", "signature": "s"}]
THOUGHT = Message.assistant(
    Reasoning("Hm"),
    Native(dialect="openai.chat", data={"reasoning_details": DETAILS}),
    Native(dialect="openai.chat", data={"thinking_blocks": BLOCKS}),
    "Yes",
)


@pytest.mark.parametrize(
    ("vendor", "wire"),
    [
        ("openai-chat", {"content": "Yes"}),
        ("deepseek", {"content": "Yes", "reasoning_content": "Hm"}),
        ("cerebras", {"content": "Yes", "reasoning": "Hm"}),
        ("vllm", {"content": "Yes", "reasoning": "Hm"}),
        ("openrouter", {"content": "Yes", "reasoning_details": DETAILS}),
        ("litellm", {"content": "Yes", "reasoning_content": "Hm", "thinking_blocks": BLOCKS}),
        (
            "mistral",
            {
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}]},
                    {"type": "text", "text": "Yes"},
                ]
            },
        ),
    ],
)
def test_reasoning_is_sent_back_where_the_vendor_wants_it(vendor: str, wire: dict[str, Any]) -> None:
    assert sent(asked(THOUGHT), vendor)["messages"] == [{"role": "assistant", **wire}]


def test_mistral_gets_its_signature_and_its_images_back() -> None:
    thought = Reasoning("Hm", "sig", dialect="openai.chat")
    picture = Image(url="https://a.example/i.jpg")
    (message,) = sent(asked(Message.assistant(thought, "Yes", picture)), "mistral")["messages"]
    thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm"}], "signature": "sig"}
    shown = {"type": "image_url", "image_url": "https://a.example/i.jpg"}
    assert message["content"] == [thinking, {"type": "text", "text": "Yes"}, shown]
    twice = Message.assistant(thought, Reasoning(".", "other", dialect="openai.chat"))
    (message,) = sent(asked(twice), "mistral")["messages"]
    assert message["content"] == [{"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]}]
    (message,) = sent(asked(Message.assistant("Yes", picture)), "mistral")["messages"]
    assert message == {"role": "assistant", "content": [{"type": "text", "text": "Yes"}, shown]}
    (message,) = sent(asked(Message.assistant(picture)), "mistral")["messages"]
    assert message["content"] == [shown]
    sound = Native(dialect="openai.chat", data={"audio": {"id": "a"}})
    with pytest.raises(UnsupportedOption, match="sounds in the model's own messages"):
        sent(asked(Message.assistant(Audio(data=b"x", media_type="audio/wav"), sound)), "mistral")


def test_what_was_said_in_a_sound_of_openais_stays_where_the_sound_is_left_out() -> None:
    heard = Native(dialect="openai.chat", data={"audio": {"id": "a"}, "transcript": "Hello"})
    said = Message.assistant(heard, "Hello", Audio(data=b"x", media_type="audio/wav"))
    for vendor in ("mistral", "groq"):
        (message,) = sent(asked(said, on_unsupported="drop"), vendor)["messages"]
        assert message == {"role": "assistant", "content": "Hello"}


@pytest.mark.parametrize(
    ("vendor", "model", "fields"),
    [
        ("deepseek", "deepseek-v4-pro", {"reasoning_content": ""}),
        ("deepseek", "deepseek-chat", {}),
        ("moonshot", "kimi-k2.6", {"reasoning_content": " "}),
        ("moonshot", "moonshot-v1-8k", {}),
        ("groq", "deepseek-r1", {}),
    ],
)
def test_models_that_want_reasoning_in_all_they_said_get_it_where_there_was_none(
    vendor: str, model: str, fields: dict[str, str]
) -> None:
    called = Message.assistant(ToolCall(id="1", name="f", arguments="{}"))
    said = [Message.user("?"), called, Message.tool(ToolResult(id="1", content="1")), Message.assistant()]
    call = CHAT.encode(asked(*said, Message.assistant("Yes"), THOUGHT), replace(target(vendor), model=model))
    _, first, _, second, third = (call.body or {})["messages"]
    assert {name: value for name, value in first.items() if name.startswith("reason")} == fields
    assert second == {"role": "assistant", "content": "Yes", **fields}
    assert third["content"] == "Yes"
    assert third.get("reasoning_content") == ("Hm" if vendor != "groq" else None)


PROOF = {"google": {"thought_signature": "s"}}


def signed(place: str, *calls: dict[str, Any]) -> Message:
    """What a model said that called tools, in one body (``message``) or in a stream (``delta``)."""
    told = {place: {"role": "assistant", "content": "Hm", "tool_calls": [*calls]}}
    answer = {"choices": [{"index": 0, "finish_reason": "tool_calls", **told}]}
    return collect(CHAT, [answer, DONE], target("chat")).message


@pytest.mark.parametrize("place", ["message", "delta"])
def test_geminis_proof_of_its_thoughts_goes_back_with_its_call(place: str) -> None:
    first, second = ({"id": id, "function": {"name": "f", "arguments": "{}"}} for id in "ab")
    said = signed(place, {**first, "extra_content": PROOF}, second)
    (message,) = sent(asked(said), "chat")["messages"]
    assert [call.get("extra_content") for call in message["tool_calls"]] == [PROOF, None]
    assert message["content"] == "Hm"
    (message,) = sent(asked(said), "groq")["messages"]  # which refuses fields that it does not know
    assert "extra_content" not in str(message)


def test_geminis_proof_may_come_after_the_call() -> None:
    call = {"id": "a", "function": {"name": "f", "arguments": "{}"}}
    (message,) = sent(asked(signed("delta", call, {"extra_content": PROOF})), "chat")["messages"]
    assert message["tool_calls"] == [{**call, "type": "function", "extra_content": PROOF}]


def test_a_sound_that_the_model_made_goes_back_by_its_id() -> None:
    sound = Native(dialect="openai.chat", data={"audio": {"id": "a1"}, "transcript": "Hi"})
    (message,) = sent(asked(Message.assistant("Hi", Audio(data=b"x"), sound)))["messages"]
    assert message == {"role": "assistant", "content": None, "audio": {"id": "a1"}}
    (message,) = sent(asked(Message.assistant("Hi", sound)), "groq")["messages"]
    assert message == {"role": "assistant", "content": "Hi"}


def test_a_refusal_is_a_field_or_text() -> None:
    refusal = asked(Message.assistant(Refusal("No.")))
    assert sent(refusal)["messages"] == [{"role": "assistant", "content": None, "refusal": "No."}]
    assert sent(refusal, "groq")["messages"] == [{"role": "assistant", "content": "No."}]


CHART, PAGE = Image(url="https://a.b/c.png"), Document(data=b"%PDF-", name="a.pdf")


def test_what_tools_show_is_said_by_the_user_after_the_last_result() -> None:
    asks, result = Message.user("?"), ToolResult(id="1", content=(Text("It:"), CHART))
    others = Message.tool(ToolResult(id="2", content=(PAGE,)), ToolResult(id="3", content="plain"))
    messages = sent(asked(asks, Message.tool(result), others, Message.assistant("ok"), Message.tool(result)))
    tools = [message for message in messages["messages"] if message["role"] == "tool"]
    users = [message for message in messages["messages"] if message["role"] == "user"]
    roles = [message["role"] for message in messages["messages"]]
    assert roles == ["user", "tool", "tool", "tool", "user", "assistant", "tool", "user"]
    first, second = "(Attachment 1 is in the next message.)", "(Attachment 2 is in the next message.)"
    told = [{"type": "text", "text": "It:"}, {"type": "text", "text": first}]
    assert [message["content"] for message in tools] == [told, second, "plain", told]
    chart = [
        {"type": "text", "text": "Attachment 1, of a tool's result:"},
        {"type": "image_url", "image_url": {"url": "https://a.b/c.png"}},
    ]
    page = [
        {"type": "text", "text": "Attachment 2, of a tool's result:"},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0="}},
    ]
    assert [message["content"] for message in users] == ["?", chart + page, chart]


def test_what_tools_show_comes_before_what_the_user_says_next() -> None:
    result = ToolResult(id="1", content=(CHART,))
    for messages in ([Message.tool(result), Message.user("hm")], [Message("user", [result, "hm"])]):
        tool, shown, says = sent(asked(*messages))["messages"]
        assert (tool["role"], shown["content"][1]["type"], says["content"]) == ("tool", "image_url", "hm")


def test_mistrals_tools_show_it_themselves() -> None:
    (message,) = sent(asked(Message.tool(ToolResult(id="1" * 9, content=(CHART,)))), "mistral")["messages"]
    assert message["content"] == [{"type": "image_url", "image_url": "https://a.b/c.png"}]


def test_what_a_tool_cannot_show_is_refused_or_left_out() -> None:
    page = Document(url="https://a.b/c.pdf")
    result = Message.tool(ToolResult(id="1", content=(Text("It:"), page)))
    with pytest.raises(UnsupportedOption, match="Document by URL"):
        sent(asked(result))
    assert [m["content"] for m in sent(asked(result, on_unsupported="drop"))["messages"]] == ["It:"]


def test_the_azure_deployment_is_quoted_into_the_path() -> None:
    call = CHAT.encode(asked(), target("azure", "my model/4"))
    assert call.path == "/openai/deployments/my%20model%2F4/chat/completions"


def test_mistral_takes_plain_media() -> None:
    sound, page = Audio(data=b"x", media_type="audio/mpeg"), Document(url="https://a.b/c.pdf", name="c.pdf")
    assert sent(asked(Message.user(sound, page)), "mistral")["messages"][0]["content"] == [
        {"type": "input_audio", "input_audio": "eA=="},
        {"type": "document_url", "document_url": "https://a.b/c.pdf", "document_name": "c.pdf"},
    ]


def test_a_sound_has_a_format() -> None:
    (piece,) = sent(asked(Message.user(Audio(data=b"ID3\x03"))))["messages"][0]["content"]
    assert piece["input_audio"]["format"] == "mp3"
    with pytest.raises(BadRequest, match="give Audio media_type="):
        sent(asked(Message.user(Audio(data=b"who knows"))))


def test_what_a_user_cannot_say_is_refused() -> None:
    with pytest.raises(BadRequest, match="Reasoning"):
        CHAT.encode(asked(Message.user(Reasoning("Hm"))), target())
