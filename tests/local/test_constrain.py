"""Answers of a given form: what does not fit never comes, and what cannot be enforced is refused."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fabricate import BYTES

import genkit
from genkit import Output, Tool
from genkit.errors import BackendError, BadRequest, GenkitError, UnsupportedOption
from genkit.local.calls import Spelling
from genkit.local.constrain import Constraints, Mask
from genkit.local.llama import Model
from genkit.local.schema import further_keys, narrowed

SHARED = Path(__file__).resolve().parents[3] / "shared"
CONFORMANCE = SHARED / "corpus" / "conformance" / "llamacpp_grammar_behaviour.json"
VOCABULARIES = sorted(path for path in (SHARED / "vocab").glob("*.gguf") if "bert" not in path.stem)


@cache
def constraints(path: Path) -> Constraints:
    return Constraints(Model(str(path), vocabulary_only=True))


def fits(path: Path, form: dict[str, Any], text: str) -> bool:
    """Whether an answer may be this text."""
    mask = constraints(path).make(form)
    tokens = mask._model.continued(text, parse_special=False)
    return mask._matcher.try_consume_tokens(tokens) == len(tokens) and mask._matcher.is_accepting()


def said(mask: Mask) -> str:
    """An answer that a mask admits: always the first token, and the end where it may be."""
    tokens = list[int]()
    while not mask.whole:
        tokens.append(int(mask.allowed().nonzero()[0][0]))
        mask.accept(tokens[-1])
    return bytes(BYTES[token] for token in tokens).decode()


def refusal(path: Path, form: dict[str, Any]) -> str:
    """Why a form is refused, or ''."""
    try:
        constraints(path).make(form)
    except UnsupportedOption as error:
        return error.message
    return ""


@pytest.mark.skipif(not CONFORMANCE.is_file(), reason="../shared (grammars with what fits them) is not here")
def test_grammars_and_schemas_admit_what_they_do_in_llama_cpp(noise_file: Path) -> None:
    cases = json.loads(CONFORMANCE.read_text(encoding="utf-8"))
    assert len(cases) == 45
    refused, wrong = [], []
    for case in cases:
        form = {"schema" if case["kind"] == "schema" else "grammar": case["source"]}
        if reason := refusal(noise_file, form):
            refused.append(reason)
            continue
        wrong += [(case["name"], text) for text in case["accept"] if not fits(noise_file, form, text)]
        wrong += [(case["name"], text) for text in case["reject"] if fits(noise_file, form, text)]
    assert not wrong
    assert len(refused) == 2
    assert "uniqueItems" in refused[1]


PERSON = {
    "type": "object",
    "properties": {"full_name": {"type": "string"}, "city": {"enum": ["Paris", "Zürich"]}},
    "required": ["full_name", "city"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("path", VOCABULARIES, ids=lambda path: path.stem)
@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        (
            {"schema": PERSON},
            '{"full_name": "Ana", "city": "Zürich"}',
            '{"full_name": "Ana", "city": "Rome"}',
        ),
        ({"choices": ["yes", "no", "not sure"]}, "not sure", "not"),
        ({"regex": "hello( world)?"}, "hello world", " hello world"),
        ({"grammar": 'root ::= "the answer is " [0-9]+'}, "the answer is 42", "The answer is 42"),
    ],
    ids=["schema", "choices", "regex", "grammar"],
)
def test_forms_hold_in_vocabularies_of_models(path: Path, form: dict[str, Any], good: str, bad: str) -> None:
    """SentencePiece puts a space before a text, which is none of the form's."""
    assert fits(path, form, good)
    assert not fits(path, form, bad)
    rest = good.partition(" ")[2]
    mask = constraints(path).make(form)
    assert mask.begin(good.removesuffix(rest))
    assert mask.begin(rest)
    assert mask.whole


def guesses(mask: Mask, text: str) -> list[str]:
    """What is expected to come next, before this text and after each of its tokens."""
    model, found = mask._model, []
    for token in (None, *model.continued(text, parse_special=False)):
        if token is not None:
            mask.accept(token)
        found.append(b"".join(map(model.piece, mask.guess())).decode())
    return found


def test_what_json_leaves_no_choice_about_is_expected_as_it_was_written_so_far(noise_file: Path) -> None:
    def expected(said: str) -> str:
        return guesses(constraints(noise_file).of_form({"schema": PERSON}), said)[-1]

    assert expected("") == '{"full_name": "'
    assert expected('{"full_name": "Ana') == ""
    assert expected('{"full_name": "Ana"') == ', "city": "'
    assert expected('{"full_name":"Ana"') == ',"city":"'
    assert expected('{"full_name" :"Ana"') == ""  # as nobody writes it: what blanks are next is open
    assert expected('{"full_name" :"Ana" , "') == 'city"'
    assert expected('{"full_name": "Ana", "city": "P') == 'aris"}'
    assert expected('{"full_name": "Ana", "city": "Paris"}') == ""
    begun = constraints(noise_file).of_form({"schema": PERSON})
    assert begun.begin('{"full_name":"Ana"')
    assert guesses(begun, "") == [',"city":"']


def test_what_one_answer_says_leads_to_expect_nothing_of_another(noise_file: Path) -> None:
    made = constraints(noise_file)
    first, second = made.of_form({"schema": PERSON}), made.of_form({"schema": PERSON})
    assert guesses(first, '{"full_name":"Ana"')[-1] == ',"city":"'
    assert guesses(second, '{"full_name": "Ana"')[-1] == ', "city": "'


def test_of_a_long_text_that_must_come_a_part_is_expected_at_a_time(noise_file: Path) -> None:
    said = "".join(f"{number} sheep, " for number in range(100))  # fewer letters than guesses are kept
    mask = constraints(noise_file).make({"choices": [said]})
    tokens = mask._model.continued(said, parse_special=False)
    for at, token in enumerate(tokens):
        guess = mask.guess()
        assert guess
        assert guess == tokens[at : at + len(guess)]
        mask.accept(token)
    kept = sum(len(text) + len(guess) for text, guess in mask._guesses.items())
    assert kept < 1024 * 512  # of what is left at each token it would be millions


def test_what_is_loaded_once_is_not_taken_for_the_time_of_a_form(noise_file: Path) -> None:
    program = """
import sys
from genkit.local.constrain import Constraints
from genkit.local.llama import Model
Constraints(Model(sys.argv[1], vocabulary_only=True)).table
assert "numpy" in sys.modules
"""
    subprocess.run([sys.executable, "-c", program, str(noise_file)], check=True)


@pytest.mark.parametrize("path", VOCABULARIES, ids=lambda path: path.stem)
def test_what_is_expected_is_tokens_as_a_model_would_choose_them(path: Path) -> None:
    said = '{"full_name": "Ana", "city": "Paris"}'
    model, mask = constraints(path)._model, constraints(path).make({"schema": PERSON})
    tokens, right = model.continued(said, parse_special=False), 0
    for at, token in enumerate(tokens):
        guess = mask.guess()
        right += len(guess)
        assert tokens[at : at + len(guess)] == guess
        mask.accept(token)
    assert right > len(tokens)


def test_a_call_is_expected_to_go_on_as_models_write_it(noise_file: Path) -> None:
    functions = [{"name": "weather", "parameters": {**PERSON, "required": ["city"]}}]
    mask = constraints(noise_file).of_calls(functions, [None], None)
    assert guesses(mask, '{"name": "')[0] == '{"name": "weather", "arguments": {"'
    listed = Spelling("[CALLS]", listed=True)
    assert (
        guesses(constraints(noise_file).of_calls(functions, [None], listed), "[")[-1]
        == '{"name": "weather", "arguments": {"'
    )


@pytest.mark.parametrize("path", VOCABULARIES, ids=lambda path: path.stem)
def test_a_form_holds_where_a_tokenizer_would_change_its_text(path: Path) -> None:
    """To SentencePiece U+2581 is a space."""
    wanted, said = {"spark\u2581line": "\u2581\u2582 \u2581"}, b""
    mask = constraints(path).make({"schema": {"const": wanted}})
    while not mask.whole:
        token = int(mask.allowed().argmax())
        mask.accept(token)
        said += mask._model.piece(token)
    assert json.loads(said) == wanted


def text(pattern: str) -> dict[str, Any]:
    return {"type": "string", "pattern": pattern}


DEEP: dict[str, Any] = {"type": "integer"}
for _ in range(30):
    DEEP = {"type": "object", "properties": {"a": DEEP}, "required": ["a"]}
TREE = {
    "$ref": "#/$defs/t",
    "$defs": {
        "t": {
            "type": "object",
            "properties": {
                "v": {"type": "integer"},
                "next": {"anyOf": [{"$ref": "#/$defs/t"}, {"type": "null"}]},
            },
            "required": ["v", "next"],
        }
    },
}

PAIR: dict[str, Any] = {"type": "array", "items": [{"type": "integer"}, {"type": "string"}]}

# a schema, what fits it, and what does not
AWKWARD: list[tuple[dict[str, Any], Any, Any]] = [
    (text(r"^\d+$"), "12", "a"),
    (text(r"^\D+$"), "ab", "1"),
    (text(r"^\w+$"), "a_1", "-"),
    (text(r"^\W+$"), "--", "a"),
    (text(r"^\s$"), " ", "a"),
    (text(r"^\S+$"), "ab", " "),
    (text(r"^a\.b$"), "a.b", "axb"),
    (text(r"^.$"), "x", "xy"),
    (text(r"^[abc]+$"), "cab", "d"),
    (text(r"^[^abc]+$"), "xyz", "a"),
    (text(r"^[a-z0-9_-]+$"), "a-9_", "A"),
    (text(r"^[\w.+-]+@[\w-]+\.[\w.]+$"), "a.b@c.de", "a.b"),
    (text(r"^(foo|bar)$"), "bar", "baz"),
    (text(r"^(?:foo)?bar$"), "bar", "fobar"),
    (text(r"^a{3}$"), "aaa", "aa"),
    (text(r"^a{2,4}$"), "aaaa", "aaaaa"),
    (text(r"^a{2,}$"), "aaaaaa", "a"),
    (text(r"^a*b+c?$"), "bbc", "ac"),
    (text(r"^\[x\]$"), "[x]", "x"),
    (text(r"^\\$"), "\\", "/"),
    (text(r'^"$'), '"', "'"),
    (text(r"^\t\n$"), "\t\n", "tn"),
    (text(r"^\u00e9$"), "é", "e"),
    (text(r"^\x41$"), "A", "B"),
    (text(r"^é+$"), "éé", "e"),
    (text(r"^[\u4e00-\u9fff]+$"), "東京", "ab"),
    (text(r"^\p{Lu}+$"), "AB", "ab"),
    (text(r"b"), "abc", "ac"),
    (text(r"^b"), "bc", "cb"),
    (text(r"b$"), "cb", "bc"),
    (text(r"^\d{4}-\d{2}-\d{2}$"), "2026-11-24", "2026-1-24"),
    (text(r"^(\d{1,3}\.){3}\d{1,3}$"), "127.0.0.1", "127.0.0"),
    (text(r"^(?=a)a$"), "a", "b"),
    (text(r"^(a)\1$"), "aa", "ab"),
    (text(r"^a{1000000000}$"), None, None),
    (text(r"("), None, 1),
    (text(r"^(a|aa)+$"), "aaa", "b"),
    (text(r"^$"), "", "a"),
    ({"type": "string", "minLength": 10**9}, None, "a"),
    ({"type": "string", "maxLength": 2}, "ab", "abc"),
    ({"type": "string", "minLength": 3, "maxLength": 1}, None, "ab"),
    ({"type": "array", "maxItems": 2000, "items": {"type": "integer"}}, [1, 2], ["a"]),
    ({"type": "array", "minItems": 10**9}, None, [1]),
    ({"type": "array", "minItems": 2, "maxItems": 3, "items": {"type": "boolean"}}, [True, False], [True]),
    (
        {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
        [1, "a"],
        ["a"],
    ),
    ({"type": "array", "uniqueItems": True}, None, {}),
    ({"enum": ['a"b', "c\\d", "e\nf", "é", 1, None]}, 'a"b', "a"),
    ({"enum": [[1], {"a": 1}]}, {"a": 1}, [2]),
    ({"enum": []}, None, 1),
    ({"const": 'quote " and \\ back'}, 'quote " and \\ back', "quote"),
    ({"const": {"a": [1, "b"]}}, {"a": [1, "b"]}, {"a": [1]}),
    ({"type": "integer", "minimum": 10**15, "maximum": 10**15 + 5}, 10**15 + 3, 10**15 + 6),
    ({"type": "integer", "minimum": 5, "maximum": 3}, None, 4),
    ({"type": "integer", "exclusiveMinimum": -2, "exclusiveMaximum": 2}, -1, -2),
    ({"type": "integer", "multipleOf": 5}, 25, 26),
    ({"type": "number", "minimum": 0.5, "maximum": 1.5}, 1.25, 1.75),
    ({"type": ["string", "null"]}, None, 1),
    ({"type": "object"}, {"any": ["thing"]}, []),
    ({"type": "object", "properties": {'a"b': {"type": "integer"}}, "required": ['a"b']}, {'a"b': 1}, {}),
    ({"type": "object", "additionalProperties": {"type": "integer"}}, {"x": 1}, {"x": "1"}),
    ({"type": "object", "patternProperties": {"^x": {"type": "integer"}}}, {"x1": 1}, {"x1": "a"}),
    ({"type": "object", "propertyNames": {"maxLength": 1}}, None, []),
    ({"not": {"type": "string"}}, 1, "a"),
    ({"anyOf": [{"type": "integer"}, {"type": "string", "maxLength": 1}]}, "a", "ab"),
    ({"oneOf": [{"type": "integer"}, {"type": "string"}]}, 1, []),
    (
        {
            "allOf": [
                {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
                {"type": "object", "properties": {"b": {"type": "integer"}}, "required": ["b"]},
            ]
        },
        {"a": 1, "b": 2},
        {"a": 1},
    ),
    ({"$ref": "https://example.com/schema.json"}, None, 1),
    ({"$ref": "#/$defs/none"}, None, 1),
    ({"$ref": "#"}, None, 1),
    (TREE, {"v": 1, "next": {"v": 2, "next": None}}, {"v": 1}),
    (DEEP, None, {"a": 1}),
    ({"type": "string", "format": "date-time"}, "2026-11-24T10:00:00Z", "now"),
    ({"type": "string", "format": "uuid"}, "12345678-1234-1234-1234-123456789abc", "123"),
    ({"type": "string", "format": "email"}, "a@b.cd", "a"),
    ({"type": "string", "format": "no-such-format"}, None, 1),
    ({"type": "string", "format": "path", "maxLength": 3}, "a/b", "a/bc"),
    ({"format": "password", "title": "Key"}, "a", 1),
    ({"enum": ["a", "b"], "format": "binary"}, "b", "c"),
    ({"type": "nonsense"}, None, 1),
    ({"if": {"type": "integer"}, "then": {"minimum": 1}}, 1, 0),
    ({"dependentRequired": {"a": ["b"]}}, {"a": 1, "b": 1}, {"a": 1}),
    ({"type": ["integer", "null"], "minimum": 1000}, 1000, 10**16),
    ({"type": "integer", "multipleOf": 5}, 10, 10**17),
    ({"minimum": 3}, 4.5, "4"),
    ({"multipleOf": 5}, 10, "10"),
    ({"exclusiveMaximum": 3, "minLength": 2}, "ab", "a"),
    ({"maxProperties": 1, "additionalProperties": {"type": "integer"}}, {"a": 1}, {"a": 1, "b": 2}),
    ({"minProperties": 1}, {"a": 1}, "a"),
    ({"type": "integer", "minimum": 3, "maximum": 2**63 - 1}, 3, 2**60),
    ({"type": "integer", "exclusiveMaximum": 2**64}, -5, 2**60),
    (PAIR, [1, "a"], ["a", 1]),
    ({**PAIR, "additionalItems": False}, [1, "a"], [1, "a", 2]),
    ({**PAIR, "additionalItems": {"type": "integer"}}, [1, "a", 2], [1, "a", 2**60]),
    ({"items": [{"properties": {"a": {"type": "integer"}}}]}, [{"a": 1}], [{"a": 1, "b": 2}]),
    ({"prefixItems": PAIR["items"], "additionalItems": False}, [1, "a", 2], ["a"]),
    ({"prefixItems": PAIR["items"], "items": False, "additionalItems": True}, [1, "a"], [1, "a", 2]),
    ({"items": {"type": "integer"}, "additionalItems": False}, [1, 2], ["a"]),
]


REFUSED = (
    *(
        "(?=",
        "\\\\1",
        '"("',
        "uniqueItems",
        "propertyNames",
        '"not"',
        '"if"',
        "dependentRequired",
        '"enum": []',
    ),
    *(
        '"minLength": 3, "maxLength": 1',
        '"minimum": 5, "maximum": 3',
        '"$ref": "https',
        "#/$defs/none",
        '"#"}',
    ),
    *("no-such-format", "nonsense", "{1000000000}"),
)
"""What a schema has in it that cannot be enforced, is too complex, or that nothing fits."""


@pytest.mark.parametrize(("schema", "good", "bad"), AWKWARD, ids=lambda value: json.dumps(value)[:60])
def test_a_schema_is_enforced_or_refused(
    noise_file: Path, schema: dict[str, Any], good: Any, bad: Any
) -> None:
    form = {"schema": schema}
    if any(part in json.dumps(schema) for part in REFUSED):
        assert "an answer cannot be held to this schema: " in refusal(noise_file, form)
        return
    if good is not None:
        assert fits(noise_file, form, json.dumps(good, ensure_ascii=False))
    if bad is not None:
        assert not fits(noise_file, form, json.dumps(bad, ensure_ascii=False))


def test_a_number_that_may_be_digits_as_text_is_a_number_where_their_pattern_cannot_be_held(
    noise_file: Path,
) -> None:
    digits = {"type": "string", "pattern": r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$"}  # pydantic 2.12's of a Decimal
    for others in ([], [{"type": "null"}]):
        form = {"schema": {"anyOf": [{"type": "number"}, digits, *others]}}
        assert fits(noise_file, form, "12.5")
        assert not fits(noise_file, form, '"12.5"')
        assert fits(noise_file, form, "null") == bool(others)
    for choices in ([digits, {"type": "null"}], [{"type": "number"}, text("^(?!x)a+$")]):
        assert "an answer cannot be held" in refusal(noise_file, {"schema": {"anyOf": choices}})
    plain = {"schema": {"anyOf": [{"type": "number"}, text(r"^\d+$")]}}
    assert fits(noise_file, plain, "12.5")
    assert fits(noise_file, plain, '"12"')


@pytest.mark.parametrize(
    "grammar",
    [
        "root ::= foo",
        "",
        'root ::= "a',
        "root ::= " + "(" * 100000,
        'root ::= "a"{1000000}',
        "root ::= root",
        "root ::= [z-a]",
        'root ::= "a"{5,2}',
        "root ::= <[99999]>",
        "start: /(/",
        "start: nothing",
        "root ::= \0",
    ],
    ids=range(12),
)
def test_a_grammar_that_makes_no_sense_or_is_too_complex_is_refused(noise_file: Path, grammar: str) -> None:
    assert "cannot be held to this grammar" in refusal(noise_file, {"grammar": grammar})


def test_a_key_that_a_pattern_names_too_is_refused(noise_file: Path) -> None:
    """After the last key, a comma could come, and nothing then."""
    schema = {"properties": {"a": {"const": 1}}, "patternProperties": {"^a$": {"type": "integer"}}}
    assert "both have 'a'; write it once" in refusal(noise_file, {"schema": schema})


YES = {"type": "boolean"}


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"ab": YES}, "patternProperties": {"^(ab)$": YES}},
        {"properties": {"a": YES, "b": YES}, "patternProperties": {"^[ab]$": YES}, "required": ["a"]},
        {"patternProperties": {"^a$": YES}, "required": ["a"]},
        {"properties": {"a": YES, "b": YES}, "patternProperties": {"^(a)$": YES, "^(?:b)$": YES}},
        {"properties": {"enum": {"properties": {"a": YES}, "patternProperties": {"^(a)$": YES}}}},
    ],
)
def test_a_pattern_of_keys_that_are_all_named_is_refused(noise_file: Path, schema: dict[str, Any]) -> None:
    assert "is named beside it" in refusal(noise_file, {"schema": schema})
    call = {"name": "f", "parameters": {"type": "object", **schema}}
    assert "is named beside it" in refusal(noise_file, {"calls": [call]})


def test_a_pattern_may_have_keys_that_are_named_and_others(noise_file: Path) -> None:
    for more in ({"patternProperties": {"^a": YES}}, {"patternProperties": {"^(a)$": YES, "^ab$": YES}}):
        schema = {"properties": {"a": YES, 'b"': YES}, "required": ["a"], **more}
        assert fits(noise_file, {"schema": schema}, '{"a":true,"ab":false}')
    free = {"properties": {"a": YES}, "patternProperties": {"^(a)$": YES}, "additionalProperties": YES}
    assert fits(noise_file, {"schema": free}, '{"a":true,"ab":false}')


@pytest.mark.parametrize("free", [True, YES])
def test_that_free_keys_leave_others_is_known_without_a_parser_for_each_object(free: object) -> None:
    schema = {"properties": {"a": YES}, "required": ["a"], "additionalProperties": free}
    assert not list(further_keys(narrowed({"properties": {"b": schema, "c": schema}})))


def test_a_schema_as_a_grammar_is_told_to_be_one(noise_file: Path) -> None:
    for text in ('{"type": "object"}', ' {"grammars": [{"json_schema": {}}]}'):
        assert "it is JSON, and no grammar; a JSON schema goes into schema=" in refusal(
            noise_file, {"grammar": text}
        )


MANY = {f"p{number}": {"type": "string", "pattern": f"^(a|b){{1,50}}{number}$"} for number in range(1500)}


@pytest.mark.parametrize(
    "form",
    [
        {"regex": "(a?){500}a{500}"},
        {"schema": {"anyOf": [{"properties": {**MANY, "q": {"const": each}}} for each in range(3)]}},
        {"schema": {"properties": MANY}},
    ],
    ids=["regex", "anyOf", "properties"],
)
def test_a_form_that_is_too_complex_after_its_first_token_is_refused(
    noise_file: Path, form: dict[str, Any]
) -> None:
    assert refusal(noise_file, form).startswith("an answer cannot be held to this ")


@pytest.mark.parametrize(
    ("grammar", "good", "bad"),
    [
        (r'root ::= "caf\u00e9de"', "caféde", "caf\ue9de"),
        ('root ::= "." . "a"', ".\na", "ana"),
        (r"root ::= [\u00e0bc]+", "àbc", "e"),
        (r'root ::= "\u0041BC"', "ABC", "\u41bc"),
        (r"root ::= [\u0020-\u007E]+", "a ~", "\x7f"),
        (r'root ::= "\U0001F600"', "\U0001f600", "a"),
        (r'root ::= "\u0022\u005c\u000a\x2F" [\u005d\u005E\u002d]{3}', '"\\\n/]^-', '"\\\n/_^-'),
        (r'root ::= "\\u0041" # "\ud800', "\\u0041", "\\A"),
        ('root ::= "start" start\nstart ::= "a" # start', "starta", "start-a"),
        ('?start: x\nx: "a"', "a", "b"),
        ('!start: "a"', "a", "b"),
        ('start[capture]: "a"', "a", "b"),
        ('start: "<|end|>" // <|end|>', "<|end|>", ""),
        ('start: "a" <[^256]>', "ab", "a"),
    ],
)
def test_a_grammar_means_what_its_notation_says(noise_file: Path, grammar: str, good: str, bad: str) -> None:
    assert fits(noise_file, {"grammar": grammar}, good)
    assert not fits(noise_file, {"grammar": grammar}, bad)


def test_a_code_of_no_character_is_refused(noise_file: Path) -> None:
    for code in (r"\ud800", r"\UFFFFFFFF"):
        assert f"{code} is no character" in refusal(noise_file, {"grammar": f'root ::= "{code}"'})


@pytest.mark.parametrize("token", ["<|end|>", "<[256]>", "<[1,200-256]>", "<[*]>", "<[^1]>"])
def test_a_grammar_does_not_name_a_token_that_ends_the_answer(noise_file: Path, token: str) -> None:
    reason = refusal(noise_file, {"grammar": f'start: "x" {token} "y"'})
    assert f"{token} may be a token that ends an answer" in reason


@pytest.mark.parametrize("rest", [True, {"type": ["string", "object"]}])
@pytest.mark.parametrize("name", ["age", "", "é", "a-b", "$ref", "a\n"])
def test_a_key_is_the_same_however_it_is_spelled(noise_file: Path, name: str, rest: Any) -> None:
    schema = {"type": "object", "properties": {name: {"type": "integer"}}, "additionalProperties": rest}
    key, longer = (json.dumps(text, ensure_ascii=False) for text in (name, name + "b"))
    escaped = "".join(f"\\u{ord(each):04x}" for each in name)
    form = {"schema": schema}
    assert fits(noise_file, form, f'{{{key}:1,{longer}:"x"}}')
    assert fits(noise_file, form, r'{"c":"x","\n":{"x":[1]}}')
    assert not fits(noise_file, form, f'{{{key}:1,"{escaped}":"x"}}')
    assert not fits(noise_file, form, f'{{"{escaped}":"x"}}')


def test_keys_of_a_pattern_are_all_there_are_unless_a_schema_says_more(noise_file: Path) -> None:
    schema = {"type": "object", "patternProperties": {"^x": {"type": "integer"}}}
    assert fits(noise_file, {"schema": schema}, '{"x1":1}')
    assert not fits(noise_file, {"schema": schema}, r'{"\u0078":"s"}')
    assert fits(noise_file, {"schema": {**schema, "additionalProperties": True}}, '{"x1":1,"y":"s"}')


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("date", "2024-02-29", "2023-02-29"),
        ("date", "2000-02-29", "1900-02-29"),
        ("date", "6512-02-29", "6514-02-29"),
        ("date", "0001-01-01", "0000-01-01"),
        ("date", "9990-12-31", "9990-11-31"),
        ("date", "1000-02-28", "1000-02-30"),
        ("date", "1400-08-30", "1400-13-01"),
        ("time", "23:59:59.123456+23:59", "23:59:60Z"),
        ("time", "00:00:00Z", "00:00:00z"),
        ("time", "00:00:00-00:01", "00:00:00-23:60"),
        ("date-time", "2024-02-29T10:00:00.5Z", "2023-02-29T10:00:00Z"),
        ("date-time", "2024-01-31T10:00:59-01:00", "2024-01-31t10:00:59Z"),
        ("date-time", "2024-01-31T10:00:59Z", "2024-01-31T10:00:60Z"),
        ("date-time", "2024-01-31T10:00:59Z", "2024-01-31T10:00:59-23:60"),
    ],
)
def test_days_and_times_are_those_that_programs_read(
    noise_file: Path, kind: str, good: str, bad: str
) -> None:
    form = {"schema": {"type": ["string", "null"], "format": kind}}
    assert fits(noise_file, form, json.dumps(good))
    assert fits(noise_file, form, "null")
    assert not fits(noise_file, form, json.dumps(bad))
    narrower = {"schema": {**form["schema"], "pattern": "^[0-9]{2}2"}}
    assert fits(noise_file, narrower, json.dumps(good)) == (good[2] == "2")
    assert not fits(noise_file, narrower, json.dumps(bad))


@pytest.mark.parametrize("good", ["P12Y11M3DT4H5M6S", "P1Y", "P2M1D", "P1DT2M", "PT2H", "PT86400S", "P32W"])
def test_durations_are_those_that_programs_read(noise_file: Path, good: str) -> None:
    form = {"schema": {"type": "string", "format": "duration"}}
    assert fits(noise_file, form, json.dumps(good))
    assert not fits(noise_file, form, json.dumps(good + "1"))


@pytest.mark.parametrize("bad", ["P", "PT", "P1DT", "P1W1D", "P1M1Y", "P99545456M", "PT9954545S"])
def test_no_duration_is_beyond_what_programs_read(noise_file: Path, bad: str) -> None:
    assert not fits(noise_file, {"schema": {"type": "string", "format": "duration"}}, json.dumps(bad))


KIND = {"type": "object", "properties": {"kind": {"enum": ["a", "b"]}}, "required": ["kind"]}


@pytest.mark.parametrize(
    "schema",
    [
        {
            **KIND,
            "anyOf": [
                {"properties": {"x": {"type": "integer"}}, "required": ["x"]},
                {"properties": {"y": {"type": "string"}}, "required": ["y"]},
            ],
        },
        {
            **KIND,
            "$ref": "#/$defs/more",
            "$defs": {"more": {"properties": {"x": {"type": "integer"}}, "required": ["x"]}},
        },
        {"anyOf": [{"allOf": [KIND, {"properties": {"x": {"type": "integer"}}, "required": ["x"]}]}]},
    ],
    ids=["anyOf", "$ref", "allOf"],
)
def test_what_one_schema_of_an_object_does_not_know_another_may(
    noise_file: Path, schema: dict[str, Any]
) -> None:
    assert fits(noise_file, {"schema": schema}, '{"kind":"a","x":1}')
    assert not fits(noise_file, {"schema": schema}, '{"kind":"c","x":1}')


def test_what_one_schema_does_not_know_another_may_inside_an_object_too(noise_file: Path) -> None:
    more = {"properties": {"x": {"type": "integer"}}, "required": ["x"]}
    form = {"schema": {"type": "object", "properties": {"in": {"allOf": [KIND, more]}}, "required": ["in"]}}
    assert fits(noise_file, form, '{"in":{"kind":"a","x":1}}')


def test_of_several_objects_each_has_the_keys_it_names_alone(noise_file: Path) -> None:
    other = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
    form = {"schema": {"anyOf": [KIND, other]}}
    assert fits(noise_file, form, '{"kind":"a"}')
    assert fits(noise_file, form, '{"x":1}')
    assert not fits(noise_file, form, '{"kind":"a","z":1}')
    assert not fits(noise_file, form, '{"x":1,"z":1}')


@pytest.mark.parametrize("bound", [{"minimum": 10**20}, {"maximum": -(10**20)}, {"exclusiveMinimum": 2**53}])
def test_integers_that_are_not_read_exactly_are_refused(noise_file: Path, bound: dict[str, int]) -> None:
    assert "are not read exactly" in refusal(noise_file, {"schema": {"type": "integer", **bound}})


@pytest.mark.parametrize(
    ("kind", "free"),
    [("integer", False), (["integer", "null"], False), ("number", True), (["integer", "number"], True)],
)
def test_of_numbers_integers_alone_are_kept_to_those_that_are_read_exactly(
    noise_file: Path, kind: str | list[str], free: bool
) -> None:
    form = {"schema": {"type": kind}}
    assert fits(noise_file, form, str(2**53 - 1))
    assert fits(noise_file, form, str(1 - 2**53))
    assert fits(noise_file, form, str(2**53)) == fits(noise_file, form, str(-(2**53))) == free
    assert fits(noise_file, form, "-1e300") == free


def test_an_integer_may_be_the_last_that_is_read_exactly(noise_file: Path) -> None:
    for schema in ({"minimum": 2**53 - 1}, {"maximum": 1 - 2**53}):
        (value,) = schema.values()
        assert said(constraints(noise_file).make({"schema": {"type": "integer", **schema}})) == str(value)


@pytest.mark.parametrize(
    "number",
    [2**60 + 1, -(2**53), 123456789.12345679, 1.5e-30, 1e300, 2.0**53 - 1, [2**63], {"a": {"b": 1.5e300}}],
)
@pytest.mark.parametrize("key", ["const", "enum"])
def test_a_number_that_would_not_be_written_exactly_is_refused(
    noise_file: Path, key: str, number: Any
) -> None:
    fixed = {key: number if key == "const" else ["a", number]}
    for schema in (fixed, {"type": "array", "items": fixed}, {"properties": {"a": fixed}}):
        assert "would not be written exactly; take text" in refusal(noise_file, {"schema": schema})


@pytest.mark.parametrize("number", [2**53 - 1, -12345678.1234567, 0.5, 1e-10, 3.0, True, 0.1 + 0.2, 1 / 3])
def test_other_numbers_are_written_exactly(noise_file: Path, number: float) -> None:
    mask = constraints(noise_file).make({"schema": {"const": number}})
    assert json.loads(said(mask)) == number


@pytest.mark.parametrize("key", ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"])
@pytest.mark.parametrize("bound", ["1000", [3], None, True])
def test_a_bound_that_is_no_number_is_refused(noise_file: Path, key: str, bound: Any) -> None:
    schema = {"type": "array", "items": {"type": "integer", key: bound}}
    assert f'"{key}" takes a number, not {json.dumps(bound)}' in refusal(noise_file, {"schema": schema})


def test_a_bound_may_be_out_of_bounds_as_in_draft_4(noise_file: Path) -> None:
    for excluded, admitted in ((True, False), (False, True)):
        form = {"schema": {"type": "integer", "minimum": 3, "exclusiveMinimum": excluded}}
        assert fits(noise_file, form, "3") == admitted
        assert fits(noise_file, form, "4")


@pytest.mark.parametrize("least", [{"minProperties": 2}, {"minProperties": 3, "required": ["a"]}])
def test_how_many_keys_there_are_is_not_looked_at_where_they_are_free(
    noise_file: Path, least: dict[str, Any]
) -> None:
    for free in (
        {},
        {"properties": {"a": {}}, "additionalProperties": True},
        {"patternProperties": {"^a": {}}},
    ):
        schema = {"type": "object", **free, **least}
        assert "is not looked at where keys are free" in refusal(noise_file, {"schema": schema})
    known = {"properties": {"a": {}}, "required": ["a"], "additionalProperties": True, "minProperties": 2}
    assert fits(noise_file, {"schema": known}, '{"a":1,"b":2}')
    assert not fits(noise_file, {"schema": known}, '{"a":1}')


def test_schemas_that_may_fit_at_once_are_no_one_of(noise_file: Path) -> None:
    either = {"oneOf": [{"type": "integer"}, {"type": "number"}]}
    assert "write anyOf" in refusal(noise_file, {"schema": either})


def test_there_may_be_thousands_of_choices_with_any_characters(noise_file: Path) -> None:
    choices = [f"item {number}" for number in range(5000)] + ['a"b', "\x7f\\", "é"]
    for choice in ("item 4999", 'a"b', "\x7f\\", "é"):
        assert fits(noise_file, {"choices": choices}, choice)
    assert not fits(noise_file, {"choices": choices}, "item 5000")


def test_a_long_text_without_choice_takes_no_longer_at_each_token(noise_file: Path) -> None:
    mask = constraints(noise_file).make({"choices": ["word " * 20_000]})
    began = time.process_time()
    said = [int(mask.allowed().argmax())]
    for _ in range(59):
        mask.accept(said[-1])
        said.append(int(mask.allowed().argmax()))
    assert time.process_time() - began < 1
    assert bytes(BYTES[token] for token in said).decode() == "word " * 12


def test_a_form_that_cannot_be_held_is_left_out_if_that_is_wanted(alphabet: genkit.Generator) -> None:
    form = {"type": "array", "uniqueItems": True}
    answer = alphabet.generate("x", output=form, on_unsupported="warn")
    assert answer.text == "yz"
    assert "uniqueItems" in answer.warnings[0]


def test_answers_have_the_form_that_was_asked_for(noise: genkit.Generator) -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer"}, "s": {"enum": ['a"b', "c"]}},
        "required": ["n", "s"],
    }
    answer = json.loads(noise.generate("x", output=schema).text)
    assert isinstance(answer["n"], int)
    assert answer["s"] in ('a"b', "c")
    answered = noise.generate("x", output=Output(regex="[0-9]{3}-[a-f]{2}x"))
    digits, _, letters = answered.text.partition("-")
    assert (len(digits), letters[-1], answered.finish_reason) == (3, "x", "stop")
    assert noise.generate("x", output=Output(choices=['yes"', "nö\n"])).text in ('yes"', "nö\n")
    assert noise.generate("x", output=Output(grammar='root ::= "a" [0-9]{3} "é"')).text[::4] == "aé"
    assert noise.generate("x", output=Output(grammar='start: "k" /[0-9]{3}/')).text[0] == "k"
    assert noise.generate("x", output=Output(), max_tokens=20).text.lstrip()[0] == "{"


def test_the_answer_may_end_only_when_it_is_whole(alphabet: genkit.Generator) -> None:
    """This model wants to end after z."""
    assert alphabet.generate("x", output=Output(regex="[a-z]{2}[0-9]{2}")).text[:2] == "yz"
    assert alphabet.generate("x", output=Output(regex="[a-z]+")).text == "yz"
    assert alphabet.generate("a", output=Output(regex="[a-z]{3}"), temperature=0).text == "bcd"


def test_a_form_that_becomes_too_complex_ends_the_answer_and_nothing_else(noise: genkit.Generator) -> None:
    with pytest.raises(BackendError, match="too many expressions"):
        noise.generate("x", output={"properties": {"a": text("^b{1000000000}$")}, "required": ["a"]})
    assert noise.generate("x", output=Output(choices=["yes"])).text == "yes"


def test_answers_of_a_form_run_beside_others(noise: genkit.Generator) -> None:
    free = noise.generate("x", max_tokens=8, seed=1)
    with noise.stream("y", output=Output(regex="[ab]{50}"), seed=2) as held:
        pieces = held.text
        first = next(pieces)
        assert noise.generate("x", max_tokens=8, seed=1).text == free.text
        assert set(first + "".join(pieces)) <= {"a", "b"}


WEATHER = Tool(
    name="weather",
    parameters={"type": "object", "properties": {"city": {"enum": ["Oslo", "Rome"]}}, "required": ["city"]},
)
CLOCK = Tool(name="clock")
NESTED: dict[str, Any] = {}
for _ in range(100000):
    NESTED = {"items": NESTED}


@pytest.mark.parametrize("choice", ["required", "weather"])
def test_a_model_can_be_made_to_call_a_tool(noise: genkit.Generator, choice: str) -> None:
    answer = noise.generate("x", tools=[WEATHER, CLOCK], tool_choice=choice)
    (call,) = answer.tool_calls
    assert answer.finish_reason == "tool_calls"
    assert not answer.text
    assert call.name == "weather" or choice == "required"
    if call.name == "weather":
        assert json.loads(call.arguments)["city"] in ("Oslo", "Rome")


def test_a_property_may_have_the_name_of_a_keyword() -> None:
    named = {name: {"type": "string"} for name in ("if", "required", "allOf")}
    for below in ({"properties": named}, {"properties": {"a": {"type": "object", "default": {"allOf": 1}}}}):
        assert narrowed({"type": "object", **below})["additionalProperties"] is False


def test_a_call_that_must_be_made_is_held_as_far_as_its_schema_can_be(noise: genkit.Generator) -> None:
    parameters = {**WEATHER.parameters, "properties": {"city": {"enum": ["Oslo"], "uniqueItems": True}}}
    tool = Tool(name="weather", parameters=parameters)
    (call,) = noise.generate("x", tools=[tool, CLOCK], tool_choice="weather").tool_calls
    assert json.loads(call.arguments)["city"] == "Oslo"
    strict = Tool(name="weather", parameters=parameters, strict=True)
    with pytest.raises(UnsupportedOption, match="uniqueItems"):
        noise.generate("x", tools=[strict, CLOCK], tool_choice="weather")
    assert noise.generate("x", tools=[strict, CLOCK], tool_choice="clock").tool_calls


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"output": Output(regex="(")}, "cannot be held to this regex"),
        ({"output": {"type": "array", "uniqueItems": True}}, "uniqueItems"),
        ({"output": {"$ref": "#"}}, "cannot be held to this schema: a rule of it begins with itself"),
        ({"output": {"enum": [{1}]}}, "is not JSON"),
        ({"output": NESTED}, "is not JSON"),
        ({"tools": [Tool(name="x", parameters={"a": print})]}, "is not JSON"),
        ({"output": {"type": "object"}, "tools": [CLOCK]}, "tools or output, not both"),
        ({"tools": [CLOCK], "tool_choice": "other"}, "'other', which is not among the tools: clock"),
        ({"tool_choice": "required"}, "needs tools="),
    ],
)
def test_what_cannot_be_held_is_refused_before_any_work(
    noise: genkit.Generator, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(GenkitError, match=message) as caught:
        noise.generate("x", **options)
    assert isinstance(caught.value, BadRequest)
    assert caught.value.partial is None
