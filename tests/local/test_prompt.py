"""Prompts: the right token ids for any vocabulary, and no control token that data could forge."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import fabricate
import pytest
from hypothesis import given
from hypothesis import strategies as st

import genkit
from genkit.errors import BadRequest, ContextOverflow, ModelFileError, UnsupportedOption
from genkit.local.chat import ChatTemplate
from genkit.local.guard import Guard, forgeable
from genkit.local.llama import Model
from genkit.local.prompt import Prompts

SHARED = Path(__file__).resolve().parents[3] / "shared"
VOCABULARIES = sorted((SHARED / "vocab").glob("*.gguf"))
needs_shared = pytest.mark.skipif(not VOCABULARIES, reason="../shared (vocabularies of models) is not here")
each_vocabulary = pytest.mark.parametrize("path", VOCABULARIES, ids=lambda path: path.stem)

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content | trim }}<|im_end|>\n{% endfor %}"
    "{% if tools %}{{ tools | tojson }}{% endif %}<|im_start|>assistant\n"
)
MARKUP = ["<|im_start|>", "<|im_end|>", "</s>", "[INST]", "[/INST]", "<tool_call>"]


@cache
def model(path: Path) -> Model:
    return Model(str(path), vocabulary_only=True)


@cache
def prompts(path: Path) -> Prompts:
    """The literals of CHATML are tokens of most vocabularies here; the template adds each model's own."""
    loaded = model(path)
    return Prompts(loaded, ChatTemplate(CHATML, bos=loaded.bos, eos=loaded.eos))


@pytest.fixture(scope="session")
def marked_up(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model whose vocabulary has markup."""
    return fabricate.noise(tmp_path_factory.mktemp("models") / "markup.gguf", control=MARKUP)


def decoded(path: Path, ids: list[int]) -> str:
    return b"".join(map(model(path).piece, ids)).decode()


@needs_shared
@each_vocabulary
def test_texts_become_the_tokens_that_the_models_were_made_with(path: Path) -> None:
    vectors = json.loads((SHARED / "corpus/conformance/ggml_vocab_vectors.json").read_text(encoding="utf-8"))
    assert len(vectors[path.stem]) > 40
    wrong = [v["text"] for v in vectors[path.stem] if prompts(path).bare(v["text"]) != v["ids"]]
    assert not wrong


@needs_shared
def test_a_file_without_weights_counts_tokens_and_does_not_generate() -> None:
    with genkit.Generator(SHARED / "vocab" / "ggml-vocab-qwen2.gguf") as generator:
        assert generator.count("ied 4 ½ months") == genkit.TokenCount(6, exact=True)
        with pytest.raises(ModelFileError, match="vocabulary without weights"):
            generator.generate("hi")
        assert generator.count("") == genkit.TokenCount(0, exact=True)


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\ufffd"), max_size=60)


@needs_shared
@pytest.mark.parametrize(
    "path", [path for path in VOCABULARIES if "bert" not in path.stem], ids=lambda path: path.stem
)
def test_tokens_become_the_text_again(path: Path) -> None:
    """BERT's tokenizer is left out: it forgets capitals and spaces; to SentencePiece U+2581 is a space."""
    space = bool(model(path)._prefix)

    @given(TEXTS)
    def check(text: str) -> None:
        again = decoded(path, prompts(path).bare(text))
        assert again == (" " + text.replace("\u2581", " ") if space and text else text)
        continued = decoded(path, model(path).continued(text, parse_special=False))
        assert continued == (text.replace("\u2581", " ") if space else text)

    check()


@needs_shared
@pytest.mark.parametrize(
    "path", [path for path in VOCABULARIES if "bert" not in path.stem], ids=lambda path: path.stem
)
def test_every_token_is_read_whole(path: Path) -> None:
    """The longest are spaces, 128 and more of them, which a fixed buffer would cut or drop."""
    pieces = {piece for id in range(model(path).vocabulary_size) if (piece := model(path).piece(id))}
    assert max(map(len, pieces)) > 32 or "spm" in path.stem
    long = sorted((p for p in pieces if len(p) > 12 and p.isascii()), key=len)[-300:]
    for text in [piece.decode() for piece in long]:
        assert decoded(path, prompts(path).bare(text)) in (text, " " + text)


def literals(path: Path) -> list[str]:
    return [text for _, text, control in model(path).special_texts if control]


def conversation(user: str, tool: str, description: str) -> dict[str, Any]:
    return {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": user},
            {"role": "tool", "content": tool},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "description": description}}],
    }


def check_forgery(path: Path, forge: Callable[[st.DataObject], str], count_of: str = "plain") -> None:
    everything = range(model(path).vocabulary_size)
    control = {id for id in everything if not model(path).piece(id)}
    control -= {
        id for id in control if model(path)._special(id) == "[UNK]"
    }  # BERT's word for any it knows not

    def controls(ids: list[int]) -> list[int]:
        return [id for id in ids if id in control]

    expected = controls(prompts(path).chat(conversation(count_of, count_of, count_of)).tokens)

    @given(st.data())
    def check(data: st.DataObject) -> None:
        user, tool, description = (forge(data) for _ in range(3))
        text, ids, *_ = prompts(path).chat(conversation(user, tool, description))
        assert controls(ids) == expected
        assert user.strip() in text
        assert tool.strip() in text
        if "bert" not in path.stem:
            shown = b"".join(model(path)._read_piece(id, special=True) for id in ids).decode()
            assert user.strip() in shown
            assert tool.strip() in shown

    check()


def forger(spellings: list[str]) -> Callable[[st.DataObject], str]:
    pieces = st.one_of(
        st.sampled_from(spellings),
        st.sampled_from(spellings).flatmap(lambda s: st.integers(1, len(s)).map(lambda n: s[:n])),
        st.sampled_from(spellings).flatmap(lambda s: st.integers(0, len(s) - 1).map(lambda n: s[n:])),
        st.sampled_from(["hello", " ", "\n", "<", ">", "东京", "\ue000", "a b", "|"]),
    )
    return lambda data: "".join(data.draw(st.lists(pieces, max_size=8)))


@needs_shared
@each_vocabulary
def test_data_never_becomes_a_control_token(path: Path) -> None:
    check_forgery(path, forger(literals(path)))


def test_data_never_becomes_a_control_token_of_a_fabricated_model(marked_up: Path) -> None:
    assert set(MARKUP) <= set(literals(marked_up))
    check_forgery(marked_up, forger(literals(marked_up)))


def test_two_texts_side_by_side_make_no_control_token(marked_up: Path) -> None:
    loaded = model(marked_up)
    joined = Prompts(
        loaded, ChatTemplate("{% for m in messages %}{{ m.content }}{% endfor %}", bos="", eos="")
    )
    for spelling in MARKUP:
        for at in range(1, len(spelling)):
            halves = [{"role": "user", "content": half} for half in (spelling[:at], spelling[at:])]
            text, ids, *_ = joined.chat({"messages": halves})
            assert text == spelling
            assert decoded(marked_up, ids) == spelling


def test_a_text_that_a_template_writes_between_others_makes_no_control_token(marked_up: Path) -> None:
    """As Qwen Coder's does with what it does not know of a tool's schema."""
    keys = "{% for key in tools[0] %}<{{ key }}>[{{ tools[0][key] }}]<|{{ key }}{% endfor %}"
    written = Prompts(model(marked_up), ChatTemplate(keys, bos="", eos=""))
    for key in ("|im_end|", "|im_start|", "/s", "im_end|>"):
        question = {"messages": [{"role": "user", "content": "x"}], "tools": [{key: "/INST"}]}
        text, ids, *_ = written.chat(question)
        assert f"<{key}>[/INST]" in text
        assert decoded(marked_up, ids) == text


def test_of_a_role_a_template_makes_a_control_token(tmp_path: Path) -> None:
    loaded = Model(str(fabricate.noise(tmp_path / "m.gguf", control=["<|user|>"])), vocabulary_only=True)
    made = Prompts(loaded, ChatTemplate("<|{{ messages[0].role }}|>", bos="", eos=""))
    (token,) = made.chat({"messages": [{"role": "user", "content": "user"}]}).tokens[-1:]
    assert (token, "<|user|>", True) in loaded.special_texts
    loaded.close()


@pytest.mark.parametrize("pre", ["tekken", "deepseek-llm", "gpt-4o"])
def test_a_word_may_be_as_long_as_a_file_in_base64(tmp_path: Path, pre: str) -> None:
    """These are the words that llama.cpp looks for with a call of a function for each letter."""
    with genkit.Generator(fabricate.noise(tmp_path / "m.gguf", pre=pre)) as generator:
        for letter in "a1 ":
            assert generator.count(letter * 300_000).tokens == 300_000


def test_a_prompt_does_not_end_as_a_text_would(tmp_path: Path) -> None:
    """Nor is it ended where it was cut, which is in the middle."""
    loaded = Model(str(fabricate.noise(tmp_path / "m.gguf", ends=True)), vocabulary_only=True)
    made = Prompts(loaded, ChatTemplate(fabricate.BARE, bos="", eos=""))
    assert made.whole("x")[1:] == [fabricate.END]
    for text in ("x", "", "a <|end|> b"):
        ids = made.chat({"messages": [{"role": "user", "content": text}]}).tokens
        assert b"".join(map(loaded.piece, ids)).decode() == text
        assert fabricate.END not in ids
    loaded.close()


def test_an_effort_makes_no_control_token(marked_up: Path) -> None:
    loaded = model(marked_up)
    template = ChatTemplate("{{ reasoning_effort }}{{ messages[0].content }}", bos="", eos="")
    question = {"messages": [{"role": "user", "content": "x"}], "reasoning": "<|im_end|>"}
    assert decoded(marked_up, Prompts(loaded, template).chat(question).tokens) == "<|im_end|>x"


def test_a_text_that_is_far_too_long_is_refused_before_its_tokens_are_all_counted(marked_up: Path) -> None:
    for text in ("a" * (1 << 24 >> 1), "<|im_end|>" * 300_000):
        question = {"messages": [{"role": "user", "content": text}]}
        with pytest.raises(ContextOverflow, match=r"at least|more than") as caught:
            prompts(marked_up).of(question, 4096)
        assert 4096 <= caught.value.tokens <= len(text)
        assert caught.value.limit == 4096


def check_benign(path: Path, texts: st.SearchStrategy[str]) -> None:
    @given(texts, texts)
    def check(user: str, tool: str) -> None:
        text, ids, *_ = prompts(path).chat(conversation(user, tool, "what it does"))
        assert ids == model(path).tokenize(text, add_special=True, parse_special=True)

    check()


BENIGN = st.lists(
    st.sampled_from(
        ["hello", "naïve", "東京", "\n\n", "  ", "\t", "{", "'quoted'", "😀", "</b>", "<table>", "  x"]
    )
).map("".join)


@needs_shared
@each_vocabulary
def test_other_prompts_are_tokenised_as_llama_cpp_does(path: Path) -> None:
    check_benign(path, BENIGN)


def test_a_template_in_ascii_hides_no_mark(marked_up: Path) -> None:
    loaded = model(marked_up)
    template = ChatTemplate("{{ messages[0].content | tojson(ensure_ascii=true) }}", bos="", eos="")
    messages = [{"role": "user", "content": "é<|im_end|>"}]
    text, ids, *_ = Prompts(loaded, template).chat({"messages": messages})
    assert text == r'"\u00e9<|im_end|>"'
    assert decoded(marked_up, ids) == text


def test_a_text_alone_is_cut_only_where_a_spelling_is_whole() -> None:
    guard = Guard(["<s>", "</s>"])
    assert guard.pieces("<div></", alone=True) == ["<div></"]
    assert guard.pieces("<div></") == ["<div><", "/"]
    assert guard.pieces("a <s") == ["a <", "s"]  # beside which a ">" may stand
    assert guard.pieces("s> a") == ["s", "> a"]
    assert guard.pieces("a</s>b", alone=True) == ["a<", "/s>b"]
    assert Guard(["", ""]).pieces("ab") == ["ab"]


def test_what_looks_like_markup_or_is_in_the_template_is_no_text_that_came_often() -> None:
    control, often = ["<s>"], ["<table>", "  ", "a"]
    defined = ["<tool>", "<|a|>", "<｜b｜>"]
    special = [(id, text, text in control) for id, text in enumerate([*control, *often, *defined])]
    assert forgeable(special, "<tool>  ") == [*control, *defined]


@pytest.mark.parametrize("literals", [["<" + "a" * 60_000 + ">"], [f"<|{n}|>" for n in range(200_000)]])
def test_control_tokens_that_would_take_gigabytes_are_refused(literals: list[str]) -> None:
    with pytest.raises(ModelFileError, match="control tokens"):
        Guard(literals)


def test_a_mark_is_a_character_that_is_not_there() -> None:
    guard = Guard(["<|x|>"])
    data, mark = guard.marked({"a": ["\uf8ff <|x|>", 3, None], "<|x|>": True})
    assert mark != "\uf8ff"
    assert data == {"a": [f"\uf8ff <{mark}|x|>", 3, None], f"<{mark}|x|>": True}
    assert guard.marked(["<|", "|y>", "plain"])[0] == ["<\uf8ff|", "|y>", "plain"]
    assert guard.marked(["plain"]) == (["plain"], "")
    with pytest.raises(BadRequest, match="private use"):
        guard.marked(["<|x|>", *map(chr, range(0xE000, 0xF900))])


FORM = {"messages": [{"role": "user", "content": "hi"}], "form": {"schema": {"type": "object"}}}
CHANNELS = (
    "{% for m in messages %}<|start|>{{ m.role }}{% if m.role == 'assistant' %}<|channel|>final{% endif %}"
    "<|message|>{{ m.content }}<|end|>{% endfor %}<|start|>assistant"
)


def asked_for(source: str, path: Path, **more: Any) -> str:
    return Prompts(model(path), ChatTemplate(source, bos="<s>", eos="</s>")).chat({**FORM, **more}).text


@pytest.mark.parametrize(
    ("end", "closed"),
    [("<think>\n", "<think>\n\n</think>\n\n"), ("<think>", "<think></think>")],
)
def test_an_answer_of_a_given_form_is_no_thought(marked_up: Path, end: str, closed: str) -> None:
    """Where a template begins to think whatever it is told, the thoughts end before the answer begins."""
    source = "{{ messages[0].content }}" + end + "{# #}"  # Jinja drops a line break at the very end
    assert asked_for(source, marked_up) == f"hi{closed}"
    assert asked_for(source, marked_up, form=None) == f"hi{end}"


def test_an_answer_of_a_given_form_comes_where_a_template_has_the_text_of_answers(marked_up: Path) -> None:
    asked = "<|start|>user<|message|>hi<|end|><|start|>assistant"
    assert asked_for(CHANNELS, marked_up) == f"{asked}<|channel|>final<|message|>"
    assert asked_for(CHANNELS, marked_up, form=None) == asked
    assert asked_for(CHATML, marked_up) == asked_for(CHATML, marked_up, form=None)


def test_a_template_with_words_of_its_own_for_efforts_is_told_none_for_a_given_form(marked_up: Path) -> None:
    source = "{% if reasoning_effort == 'none' %}{{ raise_exception('no word') }}{% endif %}"
    assert asked_for(source + CHANNELS, marked_up).endswith("<|start|>assistant<|channel|>final<|message|>")
    with pytest.raises(BadRequest, match="no word"):
        asked_for(source + CHANNELS, marked_up, form=None, reasoning="none")


@needs_shared
@pytest.mark.parametrize(
    ("effort", "form", "shown"),
    [(None, True, "low"), ("none", True, "low"), ("high", False, "high"), (None, False, "medium")],
)
def test_gpt_oss_is_told_no_effort_that_it_never_heard_of(
    effort: str | None, form: bool, shown: str, marked_up: Path
) -> None:
    source = (SHARED / "chat_templates" / "openai-gpt-oss-120b.jinja").read_text(encoding="utf-8")
    text = asked_for(source, marked_up, reasoning=effort, form=FORM["form"] if form else None)
    assert f"\nReasoning: {shown}\n" in text


@needs_shared
@pytest.mark.parametrize("effort", ["none", "minimal"])
def test_an_effort_that_gpt_oss_never_heard_of_is_an_error(effort: str, marked_up: Path) -> None:
    source = (SHARED / "chat_templates" / "openai-gpt-oss-120b.jinja").read_text(encoding="utf-8")
    with pytest.raises(UnsupportedOption, match="knows the efforts low, medium, high only"):
        asked_for(source, marked_up, form=None, reasoning=effort)
    text = asked_for(source, marked_up, form=None, reasoning=effort, strict=False)
    assert "\nReasoning: medium\n" in text  # as without the option


@needs_shared
@pytest.mark.parametrize("effort", ["medium", "high"])
def test_an_effort_that_is_the_templates_own_choice_is_taken(effort: str, marked_up: Path) -> None:
    """Solar's thinks less for a low effort only."""
    source = (SHARED / "chat_templates" / "upstage-Solar-Open-100B.jinja").read_text(encoding="utf-8")
    asked = asked_for(source, marked_up, form=None, reasoning=effort)
    assert asked == asked_for(source, marked_up, form=None)
    assert asked != asked_for(source, marked_up, form=None, reasoning="low")


@needs_shared
@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("openai-gpt-oss-120b", "<|start|>assistant<|channel|>final<|message|>"),
        ("upstage-Solar-Open-100B", "<|begin|>assistant<|content|>"),
        ("deepseek-ai-DeepSeek-R1-Distill-Llama-8B", "<think>\n\n</think>\n\n"),
        ("MiniMax-M2", "]~b]ai\n<think>\n\n</think>\n\n"),
        ("GLM-4.7-Flash", "<|assistant|></think>"),
        ("meta-llama-Llama-3.3-70B-Instruct", "<|start_header_id|>assistant<|end_header_id|>\n\n"),
    ],
)
def test_known_models_are_asked_for_a_form_where_they_answer(name: str, end: str, marked_up: Path) -> None:
    source = (SHARED / "chat_templates" / f"{name}.jinja").read_text(encoding="utf-8")
    assert asked_for(source, marked_up).endswith(end)
