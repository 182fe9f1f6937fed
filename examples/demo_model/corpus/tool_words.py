# ruff: noqa: E501, SIM905 - tables of words and sentences
"""Vocabulary of the made-up tools: verbs, nouns, parameters, and how people ask for them."""

from __future__ import annotations

from .phrases import tools as phrases
from .wording import Wordings

# The verb in a tool's name -> the verbs people use. "ask" marks those that answer a question.
VERBS = {
    "get": ["get", "fetch", "show me", "give me", "bring me"],
    "find": ["find", "look for", "search for", "locate"],
    "check": ["check", "look up", "verify", "inspect"],
    "list": ["list", "enumerate"],
    "book": ["book", "reserve"],
    "send": ["send", "deliver", "dispatch"],
    "create": ["create", "make", "set up", "generate"],
    "add": ["add", "insert", "put in"],
    "delete": ["delete", "remove", "erase"],
    "update": ["update", "change", "modify", "edit"],
    "start": ["start", "begin", "launch", "turn on"],
    "stop": ["stop", "turn off", "halt", "end"],
    "cancel": ["cancel", "call off"],
    "open": ["open", "unlock"],
    "close": ["close", "shut"],
    "play": ["play"],
    "buy": ["buy", "purchase", "order"],
    "print": ["print"],
}
VERBS = {verb: [*ways, *phrases.MORE_WAYS[verb]] for verb, ways in VERBS.items()} | phrases.VERBS
ASKING_VERBS = {"get", "find", "check", "list"}
NOUNS = """table room ticket movie price photo order flight train taxi recipe reminder meeting note call task light door alarm report invoice package book lesson game score map route hotel garden pizza coffee rate event file account letter poem picture video garage camera playlist news calendar contact budget loan car bike
boat museum concert appointment heater window radio document shipment holiday parking menu
lamp fan robot post comment channel""".split()
UNSEEN_NOUNS = """clinic doctor course exam printer server laptop phone ferry hostel bakery tour passport pool river
bridge castle drone tent piano subscription vacuum blanket shuttle""".split()
NOUNS += [noun for noun in phrases.NOUNS if noun not in {*NOUNS, *UNSEEN_NOUNS}]

# kind of value -> JSON type, parameter names, phrases that carry the value, and phrases that training never sees
PARAMETERS: dict[str, tuple[str, list[str], Wordings]] = {
    "city": (
        "string",
        ["city", "city", "location", "place", "town", "destination"],
        Wordings(
            [
                "in {v}",
                "in {v}",
                "near {v}",
                "at {v}",
                "around {v}",
                "[down|over|out] in {v}",
                "in the city of {v}",
                "close to {v}",
            ],
            ["somewhere in {v}", "inside {v}", "within {v}", "in beautiful {v}"],
            more=phrases.PHRASES["city"],
        ),
    ),
    "person": (
        "string",
        ["name", "name", "person", "user", "guest", "customer", "recipient", "contact"],
        Wordings(
            [
                "for {v}",
                "with {v}",
                "called {v}",
                "named {v}",
                "together with {v}",
                "[under|in] the name {v}",
                "on behalf of {v}",
                "for [my friend|our guest|a person named] {v}",
                "belonging to {v}",
            ],
            ["for our dear {v}", "that belongs to {v}", "as asked by {v}", "for a certain {v}"],
            more=phrases.PHRASES["person"],
        ),
    ),
    "count": (
        "integer",
        ["count", "quantity", "people", "amount", "seats", "copies"],
        Wordings(
            [
                "{v} times",
                "with {v} items",
                "for {v} people",
                "for {v} persons",
                "for [us |]{v}",
                "[of|with] {v} pieces",
                "for a group of {v}",
            ],
            ["for {v} of us", "for a party of {v}", "exactly {v} times", "for {v} guests"],
            more=phrases.PHRASES["count"],
        ),
    ),
    "date": (
        "string",
        ["date", "date", "day", "when"],
        Wordings(
            ["on {v}", "dated {v}", "for {v}", "on the day {v}", "[planned|scheduled] for {v}"],
            ["due on {v}", "that falls on {v}", "as of {v}"],
            more=phrases.PHRASES["date"],
        ),
    ),
    "title": (
        "string",
        ["title", "subject", "label", "heading"],
        Wordings(
            [
                "titled {v}",
                "with the title {v}",
                '[titled|entitled] "{v}"',
                "under the title {v}",
                "[labelled|headed] {v}",
            ],
            ["whose title is {v}", "bearing the title {v}", 'with "{v}" as its title'],
            more=phrases.PHRASES["title"],
        ),
    ),
    "minutes": (
        "integer",
        ["minutes", "duration", "length"],
        Wordings(
            [
                "for {v} minutes",
                "in {v} minutes",
                "lasting {v} minutes",
                "of {v} minutes",
                "[taking|after] {v} minutes",
            ],
            ["that takes {v} minutes", "over the next {v} minutes", "{v} minutes long"],
            more=phrases.PHRASES["minutes"],
        ),
    ),
    "topic": (
        "string",
        ["topic", "query", "keyword", "about", "text"],
        Wordings(
            [
                "about {v}",
                "on the topic of {v}",
                "on {v}",
                "[regarding|concerning] {v}",
                "that [mentions|is about] {v}",
            ],
            ["dealing with {v}", "to do with {v}", "on the subject of {v}"],
            more=phrases.PHRASES["topic"],
        ),
    ),
    "color": (
        "string",
        ["color", "colour"],
        Wordings(
            ["in {v}", "in the color {v}", "colored {v}", "that is {v}", "painted {v}"],
            ["with a {v} finish", "of {v} color"],
            more=phrases.PHRASES["color"],
        ),
    ),
    "item": (
        "string",
        ["item", "product", "article"],
        Wordings(
            ["with {v}", "containing {v}", "including {v}", "plus {v}", "with [some|extra] {v}"],
            ["that comes with {v}", "holding {v}"],
            more=phrases.PHRASES["item"],
        ),
    ),
    "price": (
        "integer",
        ["price", "budget", "max_price", "limit"],
        Wordings(
            [
                "under {v} dollars",
                "for {v} dollars",
                "[below|up to|at most] {v} dollars",
                "costing {v} dollars",
            ],
            ["for no more than {v} dollars", "worth {v} dollars"],
            more=phrases.PHRASES["price"],
        ),
    ),
    "id": (
        "string",
        ["id", "code", "number", "reference"],
        Wordings(
            ["with id {v}", "number {v}", "with [the code|number|reference] {v}", "{v}", "#{v}"],
            ["whose number is {v}", "identified by {v}"],
            more=phrases.PHRASES["id"],
        ),
    ),
    "rate": (
        "number",
        ["rate", "factor", "weight", "size"],
        Wordings(
            ["at {v}", "with a [rate|factor|size] of {v}", "of size {v}", "by {v}"],
            ["measuring {v}", "scaled by {v}"],
            more=phrases.PHRASES["rate"],
        ),
    ),
    "urgent": ("boolean", ["urgent", "quiet", "private", "premium"], Wordings([""])),
}
for _kind, _labels in phrases.LABELS.items():
    PARAMETERS[_kind][1].extend(_labels)
# These name the parameter, so they work for every one of them.
NAMED_PHRASES = Wordings(
    [
        "with {p} {v}",
        "where the {p} is {v}",
        "with the {p} set to {v}",
        "({p}: {v})",
        "using {v} as the {p}",
        "{p} {v}",
        "with {p}={v}",
    ],
    ["(its {p} being {v})", "taking {v} for the {p}", "- {p} is {v} -"],
    more=phrases.NAMED,
)
_PLEASE = "[|||Please |Can you |Could you |I need you to |I want you to |Would you |Now |Hey, |OK, |First |Kindly |Go and |Can you please ]"
COMMAND = Wordings(
    [
        _PLEASE + "{verb} [a|the|the|my|that|one] {noun} {rest}[.|?||, please|, please.|| now|!]",
        "I [want|would like|need|have] to {verb} [a|the|my] {noun} {rest}[.|]",
        "[Let's|Let us] {verb} [a|the] {noun} {rest}[.|]",
        "[Help me|Do me a favour and] {verb} [a|the] {noun} {rest}[.|]",
        "{verb} {noun} {rest}",
        "{rest}, {verb} [a|the] {noun}[.|]",
        "I need [a|the] {noun} {rest}, {verb} it[ please|.|]",
        "[You should|You can|Try to] {verb} [a|the] {noun} {rest}[.| now]",
        "my [wife|boss|friend] wants me to {verb} [a|the] {noun} {rest}, can you do it?",
        "{verb} {noun} {rest} [thanks|thank you|asap|right away|for me]",
        "[Is it possible to|Are you able to] {verb} [a|the] {noun} {rest}?",
    ],
    [
        "It would be great if you could {verb} the {noun} {rest}.",
        "My boss asked me to {verb} a {noun} {rest}, do it for me.",
        "Go ahead and {verb} the {noun} {rest}.",
        "Time to {verb} the {noun} {rest}!",
        "I was wondering whether you might {verb} the {noun} {rest}.",
        "Your next job is to {verb} a {noun} {rest}.",
        "Why don't you {verb} the {noun} {rest}?",
        "The plan is to {verb} a {noun} {rest}, so do that.",
        "Somebody must {verb} the {noun} {rest}.",
        "May I ask you to {verb} the {noun} {rest}?",
        "{verb} the {noun} {rest} before anything else.",
    ],
    more=phrases.COMMAND,
)
QUESTION = Wordings(
    [
        "[What is|What's|How is|Where is] the {noun} {rest}?",
        "[Is there|Do you have|Do we have] a {noun} {rest}?",
        "Any {noun} {rest}?",
        "[Do you know|Tell me|I want to know|I'd like to see|Say] the {noun} {rest}[?|.|]",
        "{noun} {rest}[?|]",
        "[what about|how about] the {noun} {rest}[?|]",
        "what's the {noun} [like |]{rest}",
        "which {noun} [is there|do we have] {rest}?",
    ],
    [
        "What can you tell me about the {noun} {rest}?",
        "I am curious about the {noun} {rest}.",
        "Could there be a {noun} {rest}?",
        "Let me know the {noun} {rest}.",
    ],
    more=phrases.QUESTION,
)
DESCRIPTION = Wordings(
    [
        "{verb} a {noun}",
        "{verb} the {noun}",
        "{verb} {noun} data",
        "tool to {verb} a {noun}",
        "{verb} a {noun} for the user",
        "{verb} the {noun} of a user.",
        "use this to {verb} a {noun}.",
        "{verb} [one|some|any] {noun}",
    ],
    ["lets you {verb} a {noun}", "a way to {verb} the {noun}"],
    more=phrases.DESCRIPTION,
)
