"""The Generator, on the model in the box: one answer, by whichever way it is asked for."""

from __future__ import annotations

import asyncio
import copy
import os
import pickle
import re
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr

import genkit
from genkit import Finish, Generator, Image, Message, Metrics, Start, Stream, TextDelta, Usage
from genkit.errors import (
    BadRequest,
    Closed,
    ConfigError,
    ContextOverflow,
    DeadlineExceeded,
    GenkitError,
    ModelFileError,
)
from genkit.local import files
from genkit.local.backend import LocalBackend
from genkit.options import conversation

# An answer that the model is sure of: where two tokens are nearly as likely, calls before or beside decide.
PROMPT = "What is genkit?"
LONG = {"max_tokens": 40, "temperature": 0}


def bad(demo: Generator, prompt="hi", **options) -> str:
    with pytest.raises(BadRequest) as caught:
        demo.generate(prompt, **options)
    return caught.value.message


def test_generate_is_the_fold_of_stream(demo: Generator) -> None:
    with demo.stream(PROMPT, **LONG) as stream:
        events = list(stream)
    answer = demo.generate(PROMPT, **LONG)
    assert stream.response == answer
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == answer.text != ""
    others = [event for event in events if not isinstance(event, TextDelta)]
    assert [type(event) for event in others] == [Start, Usage, Usage, Metrics, Finish]
    assert (others[2], others[4]) == (answer.usage, Finish(answer.finish_reason, answer.raw_finish_reason))
    assert (events[0], events[-1]) == (others[0], others[4])


def test_async_is_sync(demo: Generator) -> None:
    async def main() -> None:
        assert await demo.agenerate(PROMPT, **LONG) == answer
        async with demo.astream(PROMPT, **LONG) as stream:
            assert "".join([piece async for piece in stream.text]) == answer.text
        assert stream.response == answer
        assert await demo.acount(PROMPT) == demo.count(PROMPT)
        await demo.awarm()

    answer = demo.generate(PROMPT, **LONG)
    asyncio.run(main())
    asyncio.run(main())  # on another loop


def test_sync_calls_work_inside_a_running_loop(demo: Generator) -> None:
    async def main() -> genkit.Response:
        return demo.generate(PROMPT, **LONG)

    assert asyncio.run(main()) == demo.generate(PROMPT, **LONG)


def test_calls_from_many_threads_and_tasks_do_not_mix(demo: Generator) -> None:
    prompts = ["Hello!", "Who are you?", PROMPT]
    alone = [demo.generate(prompt, **LONG) for prompt in prompts]
    together: list[genkit.Response | None] = [None] * len(prompts)

    def ask(index: int) -> None:
        together[index] = demo.generate(prompts[index], **LONG)

    threads = [threading.Thread(target=ask, args=[index]) for index in range(len(prompts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone

    async def main() -> list[genkit.Response]:
        return await asyncio.gather(*(demo.agenerate(prompt, **LONG) for prompt in prompts))

    assert asyncio.run(main()) == alone


def test_usage_counts_what_was_read_and_written(demo: Generator) -> None:
    conversation = [Message.system("Be brief."), Message.user("Hello!"), Message.assistant("Hi."), "And you?"]
    with demo.stream(conversation, max_tokens=3) as stream:
        pieces = list(stream.text)
    usage = stream.response.usage
    assert demo.count(conversation) == genkit.TokenCount(usage.input_tokens, exact=True)
    assert demo.count("a").limit == demo.metrics().kv_room  # the context window, which all calls share
    assert (usage.output_tokens, stream.response.finish_reason) == (3, "length")
    assert 1 <= len(pieces) <= 3


def test_what_options_add_to_the_prompt_is_counted(demo: Generator) -> None:
    options: genkit.Options = {
        "system": "Be brief.",
        "tools": [genkit.Tool(name="f", description="Does it.")],
    }
    bare = demo.count(Message.user("Hello!")).tokens
    one = demo.count("Hello!", system="Be brief.").tokens
    both = demo.count("Hello!", **options).tokens
    assert bare < one < both == demo.generate("Hello!", max_tokens=1, **options).usage.input_tokens
    with pytest.raises(BadRequest, match="did you mean system"):
        demo.count("Hello!", sytem="Be brief.")  # type: ignore[call-arg]


def test_a_bare_text_counts_as_it_is(demo: Generator) -> None:
    assert demo.count("").tokens == 0
    assert 0 < demo.count("Hello!").tokens < demo.count([Message.user("Hello!")]).tokens
    assert demo.count(Message.user("Hello!")) == demo.count([Message.user("Hello!")])


def test_a_prompt_may_be_text_a_message_or_a_conversation(demo: Generator) -> None:
    answer = demo.generate("Hello!", **LONG)
    assert demo.generate(Message.user("Hello!"), **LONG) == answer
    assert demo.generate(["Hello!"], **LONG) == demo.generate((Message.user("Hello!"),), **LONG) == answer


def test_system_is_a_system_message(demo: Generator) -> None:
    given = demo.generate("Hello!", system="Be brief.", **LONG)
    assert given == demo.generate([Message.system("Be brief."), Message.user("Hello!")], **LONG)
    assert given.usage.input_tokens > demo.generate("Hello!", **LONG).usage.input_tokens


def test_the_generators_seed_is_the_default_seed() -> None:
    def answer(default: int | None = None, **options: int | None) -> str:
        with Generator(seed=default, context=512) as generator:  # a worker of its own: nothing ran before
            return generator.generate("Tell me a story.", max_tokens=30, temperature=1.5, **options).text

    seeded = answer(seed=7)
    assert seeded == answer(7) == answer(7, seed=None)
    assert seeded != answer(7, seed=8)


def test_an_answer_ends_before_the_stop_string(demo: Generator) -> None:
    whole = demo.generate(PROMPT, **LONG)
    stop = whole.text[5:8]
    cut = demo.generate(PROMPT, stop=stop, **LONG)
    assert cut.text == whole.text.partition(stop)[0]
    assert (cut.finish_reason, cut.raw_finish_reason) == ("stop", "stop_string")
    assert cut.usage.output_tokens < whole.usage.output_tokens
    assert demo.generate(PROMPT, stop=["\0never", stop], **LONG) == cut


# Options are tried on a Generator of their own: whatever one breaks, it breaks there alone.
@pytest.mark.parametrize("option", [{"temperature": 0}, {"top_k": 1}, {"top_p": 0}, {"min_p": 1}], ids=str)
def test_an_option_that_leaves_one_token_leaves_the_likeliest(option: dict[str, float]) -> None:
    anything = {"temperature": 100, "top_k": 0, "top_p": 1, "min_p": 0, "seed": 1}
    with Generator() as generator:
        texts = [
            generator.generate(PROMPT, max_tokens=12, **options).text
            for options in ({"temperature": 0}, {**anything, **option}, anything)
        ]
    assert texts[0] == texts[1] != texts[2]


@pytest.mark.parametrize("name", ["repeat_penalty", "frequency_penalty", "presence_penalty"])
def test_a_penalty_decides_whether_tokens_come_again(name: str) -> None:
    def different(**options: float) -> int:
        answer = generator.generate(PROMPT, max_tokens=30, temperature=0, logprobs=0, **options)
        return len({token.token for token in answer.logprobs})

    with Generator() as generator:
        without = different()
        assert different(**{name: 100}) == 30 > without
        assert different(**{name: 0.01 if name == "repeat_penalty" else -100}) < without


def test_a_greedy_answer_does_not_depend_on_the_seed(demo: Generator) -> None:
    one, other = (demo.generate(PROMPT, temperature=0, max_tokens=20, seed=seed) for seed in (1, 2))
    assert one == other


def test_a_stream_left_early_leaves_the_model_to_the_next(demo: Generator) -> None:
    answer = demo.generate("Hello!", **LONG)
    with demo.stream(PROMPT, max_tokens=2000, seed=1) as stream:
        next(stream.text)
    assert stream.response.finish_reason == "incomplete"
    assert demo.generate("Hello!", **LONG) == answer


def test_a_cancelled_task_leaves_the_model_to_the_next(demo: Generator) -> None:
    async def main() -> genkit.Response:
        task = asyncio.ensure_future(demo.agenerate(PROMPT, max_tokens=2000))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await demo.agenerate("Hello!", **LONG)

    assert asyncio.run(main()) == demo.generate("Hello!", **LONG)


@pytest.mark.parametrize(
    "prompt", [None, 5, [], (), {}, [None], [["hi"]], [{"role": "user"}], {"role": "user", "content": "hi"}]
)
def test_what_is_no_prompt_is_refused(demo: Generator, prompt) -> None:
    assert "prompt" in bad(demo, prompt)
    with pytest.raises(BadRequest):
        demo.count(prompt)


def test_a_part_or_an_answer_in_the_place_of_a_message_is_told_how_to_be_one(demo: Generator) -> None:
    image, response = Image(url="https://a.example/cat.png"), demo.generate("Hello!", max_tokens=1)
    for prompt in (image, ["What is this?", image], genkit.Text("a")):
        assert bad(demo, prompt).endswith("; put it into genkit.Message.user(...)")
    call = genkit.ToolCall(id="1", name="f", arguments="{}")
    for prompt in (call, ["a", call, "b"], genkit.Reasoning("Hm")):
        assert bad(demo, prompt).endswith("; put it into genkit.Message.assistant(...)")
    assert "; give genkit.Message.tool(" in bad(demo, genkit.ToolResult(id="1", content="a"))
    for prompt in (response, ["a", response, "b"]):
        assert bad(demo, prompt).endswith("; give its message, response.message")


def test_a_dictionary_is_not_read_as_a_list_of_its_keys(demo: Generator) -> None:
    assert "prompt" in bad(demo, {"role": "user", "content": "hi"})
    assert bad(demo, {"role": "user", "content": "hi"}).endswith("; a mapping is a message of a list")


def test_what_the_model_cannot_read_is_refused(demo: Generator) -> None:
    assert "Image" in bad(demo, Message.user("what is this?", Image(url="http://x/y.png")))


@pytest.mark.parametrize(
    ("typo", "meant"), [("temprature", "temperature"), ("max_token", "max_tokens"), ("stops", "stop")]
)
def test_a_misspelt_option_gets_a_suggestion(demo: Generator, typo: str, meant: str) -> None:
    assert bad(demo, **{typo: 1}).endswith(f"did you mean {meant}?")


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("stream", r"stream\(\)"),
        ("response_format", "output"),
        ("model", "Generator"),
        ("n", "a call"),
        ("format", "write output$"),
        ("num_predict", "write max_tokens$"),
        ("n_predict", "write max_tokens$"),
        ("grammar", r"write output=genkit\.Output"),
        ("enable_thinking", "write reasoning$"),
        ("template", "give it to genkit.Generator$"),
        ("attempts", "give it to genkit.Generator$"),
        ("extra_headers", "genkit.Generator, as headers$"),
        ("num_ctx", "genkit.Generator, as context$"),
        ("temp", "write temperature$"),
        ("choices", r"write output=genkit.Output\(choices=...\)$"),
        ("retries", "genkit.Generator, as attempts$"),
    ],
)
def test_what_others_call_it_leads_to_what_it_is_called_here(demo: Generator, name: str, hint: str) -> None:
    assert re.search(rf"'{name}' is not an option; .*{hint}", bad(demo, **{name: 1}))


@pytest.mark.parametrize("timeout", [0, -1, True, "3", float("nan")])
def test_a_timeout_is_seconds_above_0(demo: Generator, timeout) -> None:
    assert "timeout takes the seconds that a call may take" in bad(demo, timeout=timeout)


@pytest.mark.parametrize("timeout", [0, -1, True, "5", float("nan")])
def test_a_timeout_of_a_search_is_the_same(demo: Generator, timeout) -> None:
    complaint = bad(demo, timeout=timeout)
    for call in (
        lambda: demo.embed(["a"], timeout=timeout),
        lambda: demo.rerank("a", ["b"], timeout=timeout),
        lambda: asyncio.run(demo.aembed(["a"], timeout=timeout)),
        lambda: asyncio.run(demo.arerank("a", ["b"], timeout=timeout)),
    ):
        with pytest.raises(BadRequest) as caught:
            call()
        assert caught.value.message == complaint


def test_a_late_count_is_not_told_to_ask_for_fewer_tokens(demo: Generator) -> None:
    with pytest.raises(DeadlineExceeded, match=r"give it more \(timeout=\)$"):
        demo.count("Hello!", timeout=1e-9)


def test_a_call_may_have_a_timeout_of_its_own(demo: Generator) -> None:
    with pytest.raises(DeadlineExceeded, match="max_tokens="):
        demo.generate("Hello!", timeout=1e-9)
    assert demo.generate("Hello!", timeout=float("inf"), max_tokens=2).usage.output_tokens == 2


@pytest.mark.parametrize("prompt", ["Hello!", [Message.user("Hello!")]], ids=["text", "talk"])
def test_a_count_may_have_a_timeout_of_its_own(demo: Generator, prompt) -> None:
    with pytest.raises(DeadlineExceeded):
        demo.count(prompt, timeout=1e-9)
    with pytest.raises(BadRequest, match="timeout takes the seconds"):
        demo.count(prompt, timeout=-1)
    assert demo.count(prompt, timeout=60) == demo.count(prompt)


def test_messages_may_come_in_openais_form(demo: Generator) -> None:
    own = [Message.system("Be brief."), Message.user("Hello!")]
    theirs = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello!"}]
    assert conversation(theirs) == own
    assert "role and content alone, both text" in bad(demo, [{"role": "user", "content": [{"type": "text"}]}])
    assert "'robot' is not a role" in bad(demo, [{"role": "robot", "content": "a"}])
    message = bad(demo, [*theirs, {"role": "tool", "content": "22 degrees"}])
    assert "does not say which call it answers; give genkit.Message.tool(genkit.ToolResult(id=" in message


def test_an_unknown_option_is_answered_with_those_there_are(demo: Generator) -> None:
    message = bad(demo, zzz=1)
    assert all(name in message for name in genkit.generator.Options.__annotations__)


def test_a_wrong_call_is_refused_when_it_is_made(demo: Generator) -> None:
    for call in (demo.stream, demo.astream):
        with pytest.raises(BadRequest):
            call("hi", top_p=2)


def test_a_prompt_that_cannot_fit_says_its_size(demo: Generator) -> None:
    with pytest.raises(ContextOverflow) as caught:
        demo.generate("Hello! " * 9000)
    error = caught.value
    assert error.tokens == demo.count(Message.user("Hello! " * 9000)).tokens > error.limit > 0
    assert str(error.tokens) in error.message


def test_a_generator_is_closed_for_good() -> None:
    with Generator(seed=1) as generator:
        stream = generator.stream("Hello!", logit_bias={"<|im_end|>": -100})  # does not end by itself
        next(iter(stream))
    generator.close()
    with pytest.raises(Closed):
        generator.generate("Hello!")
    with pytest.raises(Closed):
        list(generator.stream("Hello!"))
    with pytest.raises(GenkitError):
        list(stream)


def test_a_generator_is_an_async_context_too() -> None:
    async def main() -> None:
        async with Generator() as generator:
            assert (await generator.agenerate("Hello!", max_tokens=1)).usage.output_tokens == 1
        with pytest.raises(Closed):
            await generator.agenerate("Hello!")

    asyncio.run(main())


def test_a_file_may_be_named_by_a_path_or_by_its_backend(demo: Generator) -> None:
    answer = demo.generate("Hello!", **LONG)
    for model in (files.DEMO, f"llama:{files.DEMO}"):
        with Generator(model) as twin:
            assert repr(twin) == f"Generator('llama:{files.DEMO}')"
            assert twin.generate("Hello!", **LONG) == answer


def test_a_template_of_ones_own_is_what_the_model_reads(demo: Generator) -> None:
    with Generator(template="{{ messages[0].content }}") as generator:
        message = [Message.user("Hello! Hello!")]
        assert generator.count(message).tokens < demo.count(message).tokens


@pytest.mark.parametrize(
    ("model", "hint"),
    [
        ("", "demo"),
        ("gpt", "demo"),
        ("llama:", "llama:PATH"),
        ("openai:", "a name follows the colon, as in openai:MODEL"),
        ("a.gguf", "llama:a.gguf"),
        ("a.GGUF", "llama:a.GGUF"),
        ("https://a.example/a.gguf", "not from an address: write llama:PATH.gguf"),
        ("other:a.gguf", "llama:"),
        ("https://models.example/a.gguf", "llama:PATH.gguf, once it is downloaded"),
        ("openai/gpt-5", "openai:gpt-5"),
        ("gpt-5", "openai:gpt-5"),
        ("claude-sonnet-4-5", "anthropic:claude-sonnet-4-5"),
        ("google:gemini-3-pro", "gemini:gemini-3-pro"),
        ("openrouter/meta-llama/x", "openrouter:meta-llama/x"),
        ("ollama_chat/llama3", "ollama:llama3"),
        ("o3-mini", "openai:o3-mini"),
        ("OpenAI:gpt-5", "did you mean openai:gpt-5?"),
        ("LLAMA:a.gguf", "did you mean llama:a.gguf?"),
        ("OpenAI", "did you mean openai?"),
        ("mistral-large", "did you mean mistral:mistral-large?"),
        ("opnai:gpt-5", "did you mean openai?"),
        ("Nobody:gpt-5", "use 'demo', 'llama:PATH.gguf', or 'VENDOR:MODEL'"),
    ],
)
def test_an_unknown_model_is_a_config_error_with_a_hint(model: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Generator(model)
    assert hint in caught.value.message


@pytest.mark.parametrize(
    ("setting", "hint"),
    [
        ({"n_ctx": 4096}, "did you mean context="),
        ({"thread": 2}, "did you mean threads="),
        ({"chat_format": "chatml"}, "did you mean template="),
        ({"keep_alive": 60}, "did you mean idle="),
        ({"temperature": 1}, "an option of each call"),
        ({"nonsense": 1}, "it takes context, threads"),
        ({"nonsense": 1}, "'demo' does not take nonsense=; it takes"),
    ],
)
def test_a_misspelt_setting_is_a_config_error_with_a_hint(setting: dict[str, object], hint: str) -> None:
    with pytest.raises(ConfigError, match=hint):
        Generator("demo", **setting)


@pytest.mark.parametrize(
    ("model", "setting", "says"),
    [
        (
            "demo",
            {"attempts": 2},
            "does not take attempts=, which is for remote models; it takes context",
        ),
        ("openai:m", {"threads": 2}, "threads=, which is for local models; it takes api_key"),
        ("openai:m", {"lora": "a.gguf"}, "lora=, which is for local models"),
        ("demo", {"temperature": 1}, "does not take temperature=: it is an option of each call$"),
        ("demo", {"parallel": 0}, "parallel takes a whole number from 1 to 128, not 0"),
        ("demo", {"timeout": float("inf")}, "above 0, not inf; leave it out for no limit"),
        ("demo", {"template": "chat.jinja"}, "itself and not its path, not 'chat.jinja'"),
    ],
)
def test_a_setting_that_is_refused_says_where_it_belongs_or_what_it_takes(
    model: str, setting: dict[str, Any], says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        Generator(model, **setting)


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("m.gguf", "m.gguf"),
        ("gguf:m.gguf", "m.gguf"),
        ("file:m.gguf", "m.gguf"),
        (" llama:my models/m.gguf", "my models/m.gguf"),
        ("C:\\m.gguf", "C:\\m.gguf"),
        *((path, path) for path in ("./models", "../m", "~/m.bin", "~ada/m", "/m", "D:/m", ".\\m")),
    ],
)
def test_a_path_without_a_scheme_is_told_how_to_name_it(model: str, path: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"for a file write llama:{path}") + "$"):
        Generator(model)


class BytesPath:
    def __fspath__(self) -> bytes:
        return os.fsencode(files.DEMO)


def test_a_path_may_be_of_bytes() -> None:
    with Generator(BytesPath()) as generator:  # type: ignore[arg-type]
        assert generator.count("a").tokens == 1


def test_a_setting_may_be_a_number_of_numpys() -> None:
    settings: dict[str, Any] = {"context": 512, "threads": 1, "parallel": 2, "gpu_layers": 0, "seed": 3}
    numpys = {name: np.int64(value) for name, value in settings.items()}
    with Generator(**settings) as one, Generator(**numpys, timeout=np.float32(60)) as other:
        assert other.count("a").limit == one.count("a").limit == 512
    Generator("chat:m", base_url="http://127.0.0.1:9", attempts=np.int64(2)).close()  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="threads takes a whole number"):
        Generator(threads=np.bool_(True))  # type: ignore[arg-type]


def test_an_address_is_no_model_file() -> None:
    with pytest.raises(ModelFileError, match="nothing is loaded from an address"):
        Generator("llama:https://a.example/a.gguf")


@pytest.mark.parametrize("write", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_generator_is_not_copied(demo: Generator, write) -> None:
    with pytest.raises(TypeError, match="cannot pickle or copy a Generator: make one in each process"):
        write(demo)


@pytest.mark.parametrize("model", ["llama:no-such.gguf", Path("no-such.gguf"), f"llama:{files.DEMO.parent}"])
def test_a_missing_file_is_a_model_file_error_at_once(model) -> None:
    with pytest.raises(ModelFileError):
        Generator(model)


@pytest.mark.parametrize(
    "setting",
    [
        *(
            {"context": 0},
            {"context": True},
            {"context": 1.5},
            {"threads": 0},
            {"gpu_layers": -1},
            {"seed": -1},
        ),
        *({"lookup": 1}, {"keep_on_disk": "no"}, {"context_shift": 0}, {"template": ""}),
        *({"flash_attention": "off"}, {"deterministic": 1}),
        *({"timeout": 0}, {"timeout": True}, {"timeout": float("inf")}),
        *({"idle": 0}, {"idle": float("inf")}, {"idle": float("nan")}),
        {"model": "openai:gpt-5", "base_url": ""},
        {"model": "openai:gpt-5", "base_url": "api.example.com/v1"},
        {"model": "openai:gpt-5", "base_url": "https://a.example/v1?api-version=1"},
        {"model": "openai:gpt-5", "base_url": "https://a.example/v1#x"},
        {"model": "openai:gpt-5", "base_url": "https://a.example/v1/responses"},
        {"model": "openai-chat:gpt-5", "base_url": "https://a.example/v1/chat/completions/"},
        {"api_key": "k", "model": "openai:gpt-5", "headers": {"x-a": "a\nb"}},
        {"api_key": "k", "model": "openai:gpt-5", "headers": "x-a: b"},
        {"api_key": "k", "model": "openai:gpt-5", "headers": []},
        {"headers": {"x-a": "b"}},
        {"api_key": "k", "model": "openai:gpt-5", "timeout": 0},
        {"api_key": "k", "model": "openai:gpt-5", "timeout": "5"},
        *({"api_key": "k", "model": "openai:gpt-5", "attempts": value} for value in (0, True, 1.5, "3")),
    ],
    ids=str,
)
def test_a_wrong_setting_is_a_config_error_at_once(setting) -> None:
    with pytest.raises(ConfigError, match=list(setting)[-1]):
        Generator(**setting)


@pytest.mark.parametrize(
    "base_url",
    [
        "sk-SECRET",
        "https://a.example/v1?key=SECRET",
        "https://user:SECRET@a.example/v1",
        "https://SECRET@a.example/v1",
        "http://user:pa#SECRET@a.example/v1",
        "sk-ant/SECRET",
        "ftp://u:SECRET@a.example",
    ],
)
def test_an_error_about_an_address_tells_no_secret(base_url: str) -> None:
    with pytest.raises(ConfigError, match="base_url takes") as caught:
        Generator("openai:m", base_url=base_url, api_key="k")
    assert "SECRET" not in str(caught.value)


def test_an_at_sign_in_a_path_is_no_password() -> None:
    Generator("openai:m", base_url="https://gateway.example/x//a@b", api_key="k").close()


def test_a_blank_key_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", " \n")
    with pytest.raises(ConfigError, match="there is no key"):
        Generator("openai:m")


@pytest.mark.parametrize("key", ["", " \n", SecretStr("")])
def test_an_empty_key_is_an_error(key: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-123456")
    for model in ("openai:m", "bedrock:m"):
        with pytest.raises(ConfigError, match="api_key is empty"):
            Generator(model, api_key=key)


def test_streams_are_not_made_by_hand_but_typed(demo: Generator) -> None:
    with demo.stream("Hello!", max_tokens=1) as stream:
        assert isinstance(stream, Stream)
    assert isinstance(demo.astream("Hello!", max_tokens=1), genkit.AsyncStream)


@pytest.mark.parametrize("limit", ["total", "connect", "first", "idle"])
@pytest.mark.parametrize("value", ["5", 0, -1, True, float("nan")], ids=str)
def test_a_limit_of_time_is_seconds_above_0(limit: str, value) -> None:
    with pytest.raises(ConfigError, match="takes seconds above 0"):
        genkit.Timeouts(**{limit: value})


def test_a_key_is_taken_without_the_blanks_around_it_and_with_none_inside() -> None:
    Generator("openai:m", api_key=" sk-123456\n").close()
    for key in ("sk 123456", "sk-123\n456", "sk-é"):
        with pytest.raises(ConfigError, match="the key holds a blank"):
            Generator("openai:m", api_key=key)


@pytest.mark.parametrize("model", [None, 5, object(), LocalBackend], ids=str)
def test_what_is_no_model_is_refused(model) -> None:
    with pytest.raises(ConfigError, match="a model is a name"):
        Generator(model)


def test_a_generator_is_no_backend(demo: Generator) -> None:
    with pytest.raises(ConfigError, match="a model is a name"):
        Generator(demo)  # type: ignore[arg-type]


def test_a_key_of_another_type_is_refused() -> None:
    with pytest.raises(ConfigError, match="not int"):
        Generator("openai:m", api_key=5)


def test_a_backend_of_ones_own_takes_no_settings() -> None:
    with Generator() as generator, pytest.raises(ConfigError, match="give it context, timeout itself"):
        Generator(generator._backend, context=8192, timeout=3)


def test_a_backend_of_ones_own_that_cannot_be_closed_is_refused() -> None:
    class Half:
        def stream(self, request: Any, runtime: Any) -> Any: ...

    with pytest.raises(ConfigError, match="lacks close, which"):
        Generator(Half())  # type: ignore[arg-type]
