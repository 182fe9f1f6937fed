"""Chat templates: what Hugging Face's templates rely on, and that they can do no harm."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from genkit.errors import BadRequest, ModelFileError
from genkit.local.chat import ChatTemplate

HELLO = [{"role": "user", "content": "hi"}]


def rendered(source: str, messages: list[dict[str, Any]] = HELLO, **more: Any) -> str:
    return ChatTemplate(source, bos="<s>", eos="</s>").render(messages, **more)


def test_a_template_sees_what_it_expects() -> None:
    source = (
        "{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m['content'] }}{{ eos_token }}{% endfor %}"
    )
    assert rendered(source) == "<s>user: hi</s>"
    assert rendered("{{ add_generation_prompt }} {{ tools is none }}") == "True True"
    assert rendered("{{ tools[0].name }}", tools=[{"name": "weather"}]) == "weather"


def test_blocks_leave_no_blank_lines() -> None:
    assert rendered("{% if true %}\n  {% if true %}\na\n  {% endif %}\n{% endif %}\nb") == "a\nb"


def test_json_is_not_escaped_for_html() -> None:
    value = [{"role": "user", "content": "<a href='x'>&é</a>"}]
    assert rendered("{{ messages[0].content | tojson }}", value) == "\"<a href='x'>&é</a>\""
    assert rendered("{{ {'b': 1, 'a': 2} | tojson(indent=2) }}") == '{\n  "b": 1,\n  "a": 2\n}'
    assert (
        rendered("{{ {'b': 1, 'a': 2} | tojson(sort_keys=true, separators=(',', ':')) }}") == '{"a":2,"b":1}'
    )
    assert rendered("{{ 'é' | tojson(ensure_ascii=true) }}") == '"\\u00e9"'


def test_nothing_else_is_escaped_either() -> None:
    assert rendered("{{ messages[0].content }}", [{"role": "user", "content": "<b>&'\""}]) == "<b>&'\""


def test_loops_may_break_and_continue() -> None:
    turns = "{% if n == 1 %}{% continue %}{% endif %}{% if n == 3 %}{% break %}{% endif %}{{ n }}"
    assert rendered("{% for n in range(9) %}" + turns + "{% endfor %}") == "02"


def test_the_date_is_todays() -> None:
    days = {datetime.now().strftime("%Y-%m-%d")}
    day = rendered("{{ strftime_now('%Y-%m-%d') }}")
    assert day in days | {datetime.now().strftime("%Y-%m-%d")}


def test_a_template_may_mark_what_the_model_says() -> None:
    """``generation`` is a tag of transformers' own; it marks text for training and prints it as it is."""
    assert rendered("a{% generation %}b{% endgeneration %}c") == "abc"


def test_a_template_may_refuse_in_its_own_words() -> None:
    with pytest.raises(BadRequest, match="roles must alternate"):
        rendered("{{ raise_exception('roles must alternate') }}")


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}",
        "{{ messages.append.__self__ }}",
        "{{ raise_exception.__globals__ }}",
        "{{ cycler.__init__.__globals__.os.system('true') }}",
        "{{ ('%s' | attr('format')).__class__ }}",
        "{{ '{0.__class__}'.format(1) }}",
        "{{ messages | map(attribute='__class__') | list }}",
        "{{ messages.append(1) }}",
        "{{ messages[0].update(role='system') }}",
        "{% set x = messages.clear() %}",
    ],
)
def test_the_sandbox_holds(source: str) -> None:
    messages = [{"role": "user", "content": "hi"}]
    try:
        text = rendered(source, messages)
    except BadRequest:
        pass
    else:
        assert "class" not in text
        assert "hi" not in text
    assert messages == [{"role": "user", "content": "hi"}]


@pytest.mark.parametrize(
    "source",
    [
        "{{ missing.attribute }}",
        "{{ 1 / 0 }}",
        "{{ messages[0].content + 1 }}",
        "{{ missing() }}",
        "{{ [1] | first | tojson(indent='x', nope=1) }}",
        "{{ range(10000000) | list }}",
        "{% include 'other' %}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    ],
)
def test_a_template_that_fails_is_a_bad_request(source: str) -> None:
    with pytest.raises(BadRequest, match="chat template does not take these messages"):
        rendered(source)


@pytest.mark.parametrize(
    "source",
    [
        "{{ x",
        "{% for %}",
        "{% if true %}",
        "{{ x | nosuchfilter }}",
        "{% break %}",
        "{% for a in b %}" * 25 + "{% endfor %}" * 25,
        "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    ],
    ids=["open", "for", "endless", "filter", "break", "deep blocks", "deep expression"],
)
def test_what_is_no_template_is_a_broken_model_file(source: str) -> None:
    with pytest.raises(ModelFileError, match="chat template is broken"):
        ChatTemplate(source, bos="", eos="")


def test_what_jinja_makes_lazily_is_a_list_in_json() -> None:
    assert rendered("{{ messages | map(attribute='role') | tojson }}") == '["user"]'
