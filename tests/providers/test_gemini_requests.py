"""What Gemini is sent: as the official SDK sends it, and conversations as they were recorded."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from recordings import canon, collect, corpus, needs_corpus, payloads, target

from genkit.errors import ProtocolError, UnsupportedOption
from genkit.messages import (
    Audio,
    CacheMark,
    Document,
    Image,
    Message,
    Native,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from genkit.providers.base import Call
from genkit.providers.gemini import Gemini
from genkit.request import Output, Request, Tool
from genkit.sampling import Sampling

GEMINI, HERE = Gemini(), target("gemini-2.5-flash")

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC"
)
FILE = "https://generativelanguage.googleapis.com/v1beta/files/abc"
SCHEMA = {
    "type": "object",
    "properties": {
        "city": {"type": "string", "description": "City name"},
        "unit": {"type": "string", "enum": ["c", "f"]},
    },
    "required": ["city"],
    "additionalProperties": False,
}
WEATHER = Tool(name="get_weather", description="Get weather", parameters=SCHEMA)
# The older form of a schema, in the words of OpenAPI, goes in the provider's own tool.
OPENAPI = {
    "type": "OBJECT",
    "properties": {
        "city": {"type": "STRING", "description": "City name"},
        "unit": {"type": "STRING", "enum": ["c", "f"]},
    },
    "required": ["city"],
}
DECLARED = {
    "functionDeclarations": [{"name": "get_weather", "description": "Get weather", "parameters": OPENAPI}]
}
PERSON = {
    "type": "OBJECT",
    "title": "Person",
    "properties": {
        "name": {"title": "Name", "type": "STRING"},
        "age": {"title": "Age", "type": "INTEGER"},
        "tags": {"default": [], "items": {"type": "STRING"}, "title": "Tags", "type": "ARRAY"},
    },
    "propertyOrdering": ["name", "age", "tags"],
    "required": ["name", "age"],
}
HELLO = Message.user("Hello")
TERSE = [Message.system("Be terse."), HELLO]
HARASSMENT = {"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}


def asked(*messages: Message, **options: Any) -> Request:
    return Request(messages=messages, **{"stream": False, **options})


def configured(**fields: Any) -> dict[str, Any]:
    return {"generationConfig": fields}


LOOP = (
    Message.user("Weather?"),
    Message.assistant(
        ToolCall(id="", name="get_weather", arguments='{"city": "Paris"}', signature="c2ln"),
        ToolCall(id="", name="get_weather", arguments='{"city": "Rome"}'),
    ),
    Message.tool(ToolResult(id="", name="get_weather", content="18C")),
    Message.tool(ToolResult(id="", name="get_weather", content="boom", error=True)),
)
SAMPLING = Sampling(
    temperature=0.2,
    top_p=0.9,
    top_k=5,
    max_tokens=64,
    stop=("END",),
    logprobs=2,
    presence_penalty=0.1,
    frequency_penalty=0.2,
    seed=7,
)
VERTEX = target("text-embedding-005", predict_embed=True)
SAME = {
    "builtin_tools": asked(HELLO, tools=[{"googleSearch": {}}, {"urlContext": {}}, {"codeExecution": {}}]),
    "cached_content": asked(HELLO, extra={"cachedContent": "cachedContents/abc"}),
    "image_inline": asked(Message.user(Image(data=PNG, media_type="image/png"), "What is it?")),
    "image_uri": asked(Message.user(Image(url=FILE, media_type="image/png"), "What is it?")),
    "image_output": asked(
        HELLO, extra=configured(responseModalities=["TEXT", "IMAGE"], imageConfig={"aspectRatio": "1:1"})
    ),
    "sampling": asked(
        HELLO,
        sampling=SAMPLING,
        extra={"safetySettings": [HARASSMENT], **configured(candidateCount=1)},
    ),
    "schema_json": asked(HELLO, output=Output(schema=SCHEMA)),
    "schema_pydantic": asked(
        HELLO, extra=configured(responseMimeType="application/json", responseSchema=PERSON)
    ),
    "stream_tool_image": asked(
        Message.system("Be terse."),
        Message.user(Image(data=PNG, media_type="image/png"), "Weather?"),
        tools=[WEATHER],
        stream=True,
    ),
    "system_user": asked(*TERSE),
    "thinking": asked(HELLO, reasoning=512),
    "tool_json_schema": asked(HELLO, tools=[WEATHER]),
    "tool_loop_parallel": asked(*LOOP, tools=[WEATHER]),
    "tool_openapi_schema_any": asked(HELLO, tools=[DECLARED], tool_choice="get_weather"),
    "vertex_system_user": asked(*TERSE),
}
CALLS = {
    **{case: GEMINI.encode(request, HERE) for case, request in SAME.items()},
    "count_tokens": GEMINI.encode_count(asked(HELLO), HERE),
    "embed": GEMINI.encode_embed(["a", "b"], target("gemini-embedding-001"), dimensions=2, purpose="query"),
    "vertex_embed": GEMINI.encode_embed(["a"], VERTEX),
}
NOT_SPOKEN = {"vertex_imagen"}  # images are made through another endpoint


def compared(body: Any) -> Any:
    found = canon("gemini.generate", body)
    for one in found.get("requests", ()):  # an absent role is that of a user
        one["content"].setdefault("role", "user")
    if found.get("parameters") == {"autoTruncate": False}:  # the SDK leaves it at texts being cut in silence
        del found["parameters"]
    return found


def query_of(call: Call) -> str:
    return "?" + "&".join(f"{name}={value}" for name, value in call.query.items()) if call.query else ""


official = corpus.official_requests("google-genai")


@needs_corpus
@pytest.mark.parametrize(
    "case", [c for c in official if c["case"] not in NOT_SPOKEN], ids=lambda c: c["case"]
)
def test_it_sends_what_the_official_sdk_sends(case: dict[str, Any]) -> None:
    call, sent = CALLS[case["case"]], case["request"]
    assert compared(call.body) == compared(sent["body"])
    # The version, and Vertex's project and location, are in the base URL.
    path = re.sub(r"^/v1(beta1?)?(/projects/.*/publishers/google)?(?=/)", "", sent["path"])
    assert (call.method, call.path + query_of(call)) == (sent["method"], path)


@needs_corpus
def test_every_official_request_is_compared() -> None:
    assert {case["case"] for case in official} == CALLS.keys() | NOT_SPOKEN


def camel(value: Any) -> Any:
    """Keys as the documentation writes them; arguments and answers of tools are left alone."""
    if isinstance(value, list):
        return [camel(item) for item in value]
    if not isinstance(value, dict):
        return value
    named = {re.sub("_([a-z])", lambda found: found[1].upper(), key): item for key, item in value.items()}
    return {key: item if key in ("args", "response") else camel(item) for key, item in named.items()}


def media(blob: dict[str, Any]) -> Any:
    kind = {"image": Image, "audio": Audio}.get(blob["mimeType"].partition("/")[0], Document)
    if "data" in blob:
        return kind(data=base64.b64decode(blob["data"]), media_type=blob["mimeType"])
    return kind(url=blob["fileUri"], media_type=blob["mimeType"])


def part(wire: dict[str, Any]) -> Any:
    signature = wire.get("thoughtSignature", "")
    match wire:
        case {"text": text, "thought": True}:
            return Reasoning(text, signature)
        case {"text": text}:
            return Text(text, signature=signature)
        case {"functionCall": call}:
            arguments = json.dumps(call.get("args", {}))
            return ToolCall(
                id=call.get("id", ""), name=call["name"], arguments=arguments, signature=signature
            )
        case {"functionResponse": answer}:
            files = [media(next(iter(item.values()))) for item in answer.get("parts", ())]
            text = json.dumps(answer["response"])
            content = (Text(text), *files) if files else text
            return ToolResult(id=answer.get("id", ""), name=answer["name"], content=content)
        case {"inlineData": blob} | {"fileData": blob}:
            return media(blob)
    raise AssertionError(wire)


def read(body: dict[str, Any]) -> list[Message]:
    """A recorded conversation in genkit's words."""
    body, messages = camel(body), []
    if system := body.get("systemInstruction"):
        parts = system["parts"] if isinstance(system["parts"], list) else [system["parts"]]
        messages.append(Message.system(*map(part, parts)))
    for content in body["contents"]:
        parts = [part(item) for item in content["parts"]]
        tool = all(isinstance(item, ToolResult) for item in parts)
        role = "assistant" if content.get("role") == "model" else "tool" if tool else "user"
        messages.append(Message(role, parts))
    return messages


def conversation(body: Any) -> Any:
    found = canon("gemini.generate", body)
    for content in found["contents"]:
        for item in content["parts"]:
            if "thoughtSignature" in item:  # the recordings were cut after about 1,000 characters
                item["thoughtSignature"] = item["thoughtSignature"][:1000]
    return found.get("systemInstruction"), found["contents"]


recorded = corpus.exchanges("gemini.generate")
asking = [e for e in recorded if isinstance(e.request["body"], dict) and "contents" in e.request["body"]]
EMPTY_SYSTEM = {"gemini/document/ellmer__google-upload__2"}  # its client sends a text without characters
# Its client sends the pieces of a stream as parts of their own, and loses the signature at the end.
PIECES = {"gemini/document/chatlas__test_google_pdfs__1"}


@needs_corpus
@pytest.mark.parametrize("exchange", asking, ids=str)
def test_it_writes_recorded_conversations_as_they_were(exchange: Any) -> None:
    body = exchange.request["body"]
    system, contents = conversation(GEMINI.encode(asked(*read(body)), HERE).body)
    if exchange.id in EMPTY_SYSTEM:
        assert system is None
        assert contents == conversation(body)[1]
        return
    assert (system, contents) == conversation(body)


groups: dict[str, list[Any]] = {}
for member in sorted(asking, key=lambda e: e.order):
    groups.setdefault(member.group, []).append(member)
pairs = [pair for members in groups.values() for pair in pairwise(members)]


@needs_corpus
@pytest.mark.parametrize(("first", "second"), pairs, ids=lambda e: e.id)
def test_the_next_turn_carries_the_answer_as_it_came(first: Any, second: Any) -> None:
    before, after = read(first.request["body"]), read(second.request["body"])
    response = collect(GEMINI, payloads(first), HERE)
    messages = [*before, response.message, *after[len(before) + 1 :]]
    sent = conversation(GEMINI.encode(asked(*messages), HERE).body)
    kept = conversation(second.request["body"])
    if second.id in PIECES:
        sent[1][1]["parts"] = sent[1][1]["parts"][:1]
        kept[1][1]["parts"] = [{"text": "".join(item["text"] for item in kept[1][1]["parts"])}]
    assert sent == kept


def test_a_tool_result_with_files_carries_them() -> None:
    image = Image(data=PNG, media_type="image/png")
    result = ToolResult(id="x", name="look", content=(Text("seen"), image))
    (turn,) = encoded(Message.tool(result))["contents"]
    (wire,) = turn["parts"]
    assert wire["functionResponse"]["response"] == {"result": "seen"}
    assert [list(item) for item in wire["functionResponse"]["parts"]] == [["inlineData"]]


def encoded(*messages: Message, to: Any = HERE, **options: Any) -> Any:
    return GEMINI.encode(asked(*messages, **options), to).body


@pytest.mark.parametrize("content", ['{"m": NaN}', '{"m": 1e999}', r'{"m": "\ud83d"}', "[" * 9999])
def test_what_is_no_json_goes_as_text(content: str) -> None:
    call = ToolCall(id="7", name="f", arguments=content)
    body = encoded(Message.assistant(call), Message.tool(ToolResult(id="7", content=content)))
    called, answered = (turn["parts"][0] for turn in body["contents"])
    assert called["functionCall"]["args"] == {"INVALID_JSON": content}
    assert answered["functionResponse"]["response"] == {"result": content}


def test_calls_of_other_models_are_excused_where_a_signature_is_asked_for() -> None:
    first, second = (ToolCall(id=id, name="f", arguments="{}") for id in "12")
    signed = ToolCall(id="3", name="f", arguments="{}", signature="c2ln")
    said = [Message.user("x"), Message.assistant(first, second), Message.assistant(signed, second)]
    for model, excuse in (("gemini-3-pro", "skip_thought_signature_validator"), ("gemini-2.5-pro", None)):
        _, foreign, own = encoded(*said, to=replace(HERE, model=model))["contents"]
        assert [part.get("thoughtSignature") for part in foreign["parts"]] == [excuse, None]
        assert [part.get("thoughtSignature") for part in own["parts"]] == ["c2ln", None]


def test_a_tool_result_without_a_name_has_that_of_its_call() -> None:
    call = ToolCall(id="7", name="f", arguments="{}")
    body = encoded(Message.assistant(call), Message.tool(ToolResult(id="7", content="[1]")))
    answer = body["contents"][1]["parts"][0]["functionResponse"]
    assert answer == {"id": "7", "name": "f", "response": {"result": "[1]"}}


def test_a_tool_result_answers_the_last_call_of_its_id() -> None:
    said = [Message.user("a")]
    for name in ("f", "g"):  # as servers have it that count the calls of each answer
        said.append(Message.assistant(ToolCall(id="call_0", name=name, arguments="{}")))
        said.append(Message.tool(ToolResult(id="call_0", content="1")))
    answers = [
        part["functionResponse"] for turn in encoded(*said)["contents"][2::2] for part in turn["parts"]
    ]
    assert [answer["name"] for answer in answers] == ["f", "g"]


@pytest.mark.parametrize("arguments", ['{"a": ', "[1]", '{"a": NaN}'])
def test_arguments_that_are_no_object_are_wrapped(arguments: str) -> None:
    (turn,) = encoded(Message.assistant(ToolCall(id="", name="f", arguments=arguments)))["contents"]
    assert turn["parts"] == [{"functionCall": {"name": "f", "args": {"INVALID_JSON": arguments}}}]


def test_what_an_output_is_for_is_in_its_schema() -> None:
    config = encoded(HELLO, output=Output(schema=SCHEMA, description="a place"))["generationConfig"]
    assert config["responseJsonSchema"] == {**SCHEMA, "description": "a place"}


def test_a_tool_result_that_answers_no_call_is_refused() -> None:
    with pytest.raises(UnsupportedOption):
        encoded(Message.tool(ToolResult(id="7", content="1")))


@pytest.mark.parametrize(
    ("model", "reasoning", "thinking"),
    [
        ("gemini-3-flash-preview", "medium", {"includeThoughts": True, "thinkingLevel": "medium"}),
        ("gemini-2.5-flash", "medium", {"includeThoughts": True, "thinkingBudget": 8192}),
        ("gemini-2.5-flash", "none", {"thinkingBudget": 0}),
        ("gemini-2.5-pro", 1600, {"includeThoughts": True, "thinkingBudget": 1600}),
    ],
)
def test_reasoning_is_a_level_or_a_budget_as_the_model_takes_it(
    model: str, reasoning: Any, thinking: dict[str, Any]
) -> None:
    body = encoded(HELLO, to=target(model), reasoning=reasoning)
    assert body["generationConfig"] == {"thinkingConfig": thinking}


@pytest.mark.parametrize(
    ("choice", "calling"),
    [("auto", {"mode": "AUTO"}), ("none", {"mode": "NONE"}), ("required", {"mode": "ANY"})],
)
def test_a_tool_choice_is_a_mode(choice: str, calling: dict[str, Any]) -> None:
    body = encoded(HELLO, tools=[WEATHER], tool_choice=choice)
    assert body["toolConfig"] == {"functionCallingConfig": calling}


@pytest.mark.parametrize(
    "options",
    [
        {"sampling": Sampling(min_p=0.1)},
        {"sampling": Sampling(repeat_penalty=1.1)},
        {"parallel_tool_calls": False},
        {"metadata": {"a": "b"}},
        {"tools": [Tool(name="f", strict=True)]},
        {"output": Output(schema=SCHEMA, strict=True)},
    ],
)
def test_what_gemini_cannot_do_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedOption):
        encoded(HELLO, **options)
    call = GEMINI.encode(asked(HELLO, on_unsupported="warn", **options), HERE)
    assert len(call.warnings) == 1


@pytest.mark.parametrize("refused", [CacheMark(), Native(dialect="another", data={})])
def test_content_that_gemini_does_not_know_is_refused(refused: Any) -> None:
    with pytest.raises(UnsupportedOption):
        encoded(Message.user("Hi", refused))


def test_vertex_takes_metadata_as_labels() -> None:
    assert encoded(HELLO, to=target(labels=True), metadata={"team": "a"})["labels"] == {"team": "a"}


def test_a_count_of_more_than_contents_wraps_the_request() -> None:
    body = GEMINI.encode_count(asked(*TERSE), HERE).body
    assert body is not None
    assert body["generateContentRequest"]["model"] == "models/gemini-2.5-flash"
    flat = GEMINI.encode_count(asked(*TERSE, tool_choice="auto"), target(flat_count=True)).body
    assert flat is not None
    assert flat.keys() == {"contents", "systemInstruction"}


counting = corpus.exchanges("gemini.count_tokens")
embedding = corpus.exchanges("gemini.embed", "gemini.predict")


@needs_corpus
@pytest.mark.parametrize("exchange", counting, ids=str)
def test_recorded_counts_are_read(exchange: Any) -> None:
    body = exchange.response["body"]
    assert GEMINI.decode_count(body, HERE) == body["totalTokens"]


@needs_corpus
@pytest.mark.parametrize("exchange", [e for e in embedding if e.response["status"] == 200], ids=str)
def test_recorded_embeddings_are_asked_for_and_read(exchange: Any) -> None:
    body, answer = exchange.request["body"], exchange.response["body"]
    predict = "instances" in body
    model = re.sub(r".*/models/|:\w+$", "", exchange.request["url"])
    texts = ["Ruby is a programmer's best friend"] if predict else ["Some text goes here"]
    dimensions = None if predict else 768
    call = GEMINI.encode_embed(texts, target(model, predict_embed=predict), dimensions=dimensions)
    assert exchange.request["url"].endswith(call.path)
    for one in body.get("requests", ()):
        one["content"]["role"] = "user"
    assert compared(call.body) == compared(body)
    (values,) = GEMINI.decode_embed(answer, HERE)
    first = answer["predictions"][0]["embeddings"] if predict else answer["embeddings"][0]
    assert values == first["values"]


def test_a_text_that_is_too_long_to_embed_is_an_error_at_vertex() -> None:
    instances = [{"content": "a"}]
    assert GEMINI.encode_embed(["a"], VERTEX).body == {
        "instances": instances,
        "parameters": {"autoTruncate": False},
    }
    assert GEMINI.encode_embed(["a"], VERTEX, dimensions=8).body == {
        "instances": instances,
        "parameters": {"autoTruncate": False, "outputDimensionality": 8},
    }


@pytest.mark.parametrize(
    ("model", "method", "limit"),
    [  # t_is_vertex_embed_content_model in python-genai's _transformers.py
        ("gemini-embedding-2", "embedContent", 1),
        ("gemini-embedding-2-preview", "embedContent", 1),
        ("multilingual-e5-large-instruct-maas", "embedContent", 1),
        ("gemini-embedding-001", "predict", 1),
        ("text-embedding-005", "predict", 100),
    ],
)
def test_vertex_embeds_with_newer_models_one_text_a_call(model: str, method: str, limit: int) -> None:
    to = target(model, predict_embed=True)
    assert GEMINI.encode_embed(["a"], to).path == f"/models/{model}:{method}"
    assert GEMINI.embed_limit(to) == limit


def test_embed_content_at_vertex() -> None:
    to = target("gemini-embedding-2", predict_embed=True)
    assert GEMINI.encode_embed(["a"], to, dimensions=8, purpose="query").body == {
        "content": {"parts": [{"text": "a"}], "role": "user"},
        "embedContentConfig": {
            "taskType": "RETRIEVAL_QUERY",
            "autoTruncate": False,
            "outputDimensionality": 8,
        },
    }
    answer = {"embedding": {"values": [0.5, 1]}, "usageMetadata": {"promptTokenCount": 1}, "truncated": False}
    assert GEMINI.decode_embed(answer, to) == [[0.5, 1.0]]
    assert GEMINI.decode_embed(answer, to).usage.input_tokens == 1
    each = {"values": [0.5], "statistics": {"token_count": 10, "truncated": False}}
    predicted = {"predictions": [{"embeddings": each}, {"embeddings": {**each, "statistics": None}}]}
    assert GEMINI.decode_embed(predicted, to).usage.input_tokens == 10


@pytest.mark.parametrize("to", [HERE, VERTEX])
def test_no_dimensions_at_all_are_for_the_server_to_refuse(to: Any) -> None:
    assert '"outputDimensionality": 0' in json.dumps(GEMINI.encode_embed(["a"], to, dimensions=0).body)


def test_models_are_listed_by_the_names_that_generate_takes() -> None:
    body = {"models": [{"name": "models/gemini-2.5-flash"}, {"name": "tunedModels/mine"}]}
    assert GEMINI.decode_models(body, HERE) == ["gemini-2.5-flash", "tunedModels/mine"]
    assert GEMINI.encode(asked(HELLO), target("tunedModels/mine")).path == "/tunedModels/mine:generateContent"


@pytest.mark.parametrize(
    "body", [None, [], {}, {"models": 1}, {"embeddings": [1]}, {"embedding": 1}, {"totalTokens": "1"}, 3]
)
def test_other_answers_of_the_wrong_shape_are_protocol_errors(body: Any) -> None:
    for decode in (GEMINI.decode_count, GEMINI.decode_embed, GEMINI.decode_models):
        with pytest.raises(ProtocolError):
            decode(body, HERE)
