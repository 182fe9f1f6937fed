# ruff: noqa: E501 - tables of words and sentences
"""Tools that people try first (weather, sums, search ...), with natural requests for them."""

from __future__ import annotations

from dataclasses import dataclass

from .phrases import known_tools as phrases
from .wording import Wordings


@dataclass
class KnownTool:
    """``parameters`` maps each name to the kind of its value (see tools.py) and alternatives for the name."""

    names: list[str]
    descriptions: list[str]
    parameters: dict[str, tuple[str, list[str]]]
    requests: Wordings
    in_training: bool = True


_NOW = "[|| today| now| tomorrow| right now| this week| please| tonight| at the moment]"
_CITY = ("city", ["city", "location", "place", "town"])
KNOWN_TOOLS = [
    KnownTool(
        [
            "get_weather",
            "weather",
            "current_weather",
            "fetch_weather",
            "get_current_weather",
            "weather_forecast",
        ],
        [
            "Get the weather",
            "The current weather in a city",
            "Weather of a place.",
            "Get the current weather for a city.",
            "",
        ],
        {"city": _CITY},
        Wordings(
            [
                "[What is|What's|How is|How's] the weather [like |]in {city}" + _NOW + "[?|]",
                "weather in {city}" + _NOW,
                "[Is it|Will it be] [raining|sunny|cold|warm|hot|windy|snowing] in {city}" + _NOW + "[?|]",
                "[Tell me|Give me|Check|Look up|Show me] the weather [in|for|of] {city}" + _NOW + "[.|]",
                "[Will it|Does it] [rain|snow] in {city}" + _NOW + "[?|]",
                "Do I need [an umbrella|a coat] in {city}" + _NOW + "?",
                "How [hot|cold|warm] is it in {city}" + _NOW + "[?|]",
                "I am [going|travelling] to {city}, how is the weather?",
                "what is the temperature in {city}" + _NOW + "?",
            ],
            [
                "What kind of weather are they having in {city}?",
                "Should I pack a raincoat for {city}?",
                "{city} weather report, please.",
                "Could you find out how the weather is over in {city}?",
                "I wonder what the sky looks like in {city}.",
            ],
            more=phrases.REQUESTS["get_weather"],
        ),
    ),
    KnownTool(
        ["get_time", "current_time", "time_in", "get_current_time", "clock"],
        ["Get the current time", "The time in a city", "Local time of a place.", ""],
        {"city": _CITY},
        Wordings(
            [
                "[What time is it|What is the time|What's the time] in {city}[| now| right now][?|]",
                "[current|local] time in {city}",
                "[Tell me|Give me|Check] the time in {city}[.|]",
                "How late is it in {city}?",
                "time in {city}[?| please]",
            ],
            ["Do you know what the clock says in {city}?", "If I call {city} now, what time is it there?"],
            more=phrases.REQUESTS["get_time"],
        ),
    ),
    KnownTool(
        ["add", "add_numbers", "sum", "plus", "calculate_sum"],
        ["Add two numbers", "Add two integers.", "Returns a plus b", "Sum of two numbers", ""],
        {"a": ("small", ["a", "x", "first"]), "b": ("small", ["b", "y", "second"])},
        Wordings(
            [
                "[What is|What's|How much is|Compute|Calculate] {a} [plus|+|and] {b}[?|]",
                "[Add|Please add|Can you add] {a} [and|to|plus] {b}[.|?|]",
                "{a} [plus|+] {b}",
                "[Give me|Tell me|What is] the sum of {a} and {b}[.|?|]",
            ],
            ["Put {a} and {b} together, how many is that?", "What do I get for {a} plus {b}?"],
            more=phrases.REQUESTS["add"],
        ),
    ),
    KnownTool(
        ["multiply", "times", "product", "multiply_numbers"],
        ["Multiply two numbers", "Multiply a and b.", "Product of two numbers", ""],
        {"a": ("small", ["a", "x", "first"]), "b": ("small", ["b", "y", "second"])},
        Wordings(
            [
                "[What is|What's|How much is|Compute|Calculate] {a} [times|*|x] {b}[?|]",
                "[Multiply|Please multiply] {a} [by|and|with] {b}[.|]",
                "{a} [times|*] {b}",
                "[Give me|Tell me|What is] the product of {a} and {b}[.|?|]",
            ],
            ["What do you get when you multiply {a} by {b}?", "I would like to know {a} times {b}."],
            more=phrases.REQUESTS["multiply"],
        ),
    ),
    KnownTool(
        ["search", "web_search", "search_web", "google", "lookup", "search_docs"],
        ["Search the web", "Search for a query.", "Look something up", ""],
        {"query": ("topic", ["query", "q", "text", "term"])},
        Wordings(
            [
                "[Search|Search the web|Look|Google] for {query}[.|]",
                "[Look up|Google|Search] {query}[| please| online| on the web]",
                "[Find|Get] [information|something|facts|pages] [about|on] {query}[.|]",
                "What [does the web say|can you find] about {query}?",
                "[Can you|Please|Could you] [search for|look up|google] {query}[.|?|]",
            ],
            ["See what the internet knows about {query}.", "Do a quick search on {query} for me."],
            more=phrases.REQUESTS["search"],
        ),
    ),
    KnownTool(
        ["send_email", "email", "send_mail", "send_message", "mail"],
        ["Send an email", "Send a message to somebody.", ""],
        {
            "to": ("person", ["to", "recipient", "name"]),
            "subject": ("title", ["subject", "text", "message", "body"]),
        },
        Wordings(
            [
                "[Send|Please send|Can you send] [an email|a mail|a message] to {to} [saying|with the text|that says|about|with the subject] {subject}[.|]",
                "[Email|Message|Write to|Mail] {to}[:| that| about] {subject}",
                "[Tell|Write] {to}: {subject}",
                "[send|write] {to} [a mail|a message] [about|saying] {subject}",
            ],
            ["{to} should get an email that reads {subject}.", "Drop {to} a line saying {subject}."],
            more=phrases.REQUESTS["send_email"],
        ),
    ),
    KnownTool(
        ["set_timer", "timer", "start_timer", "set_alarm"],
        ["Set a timer", "Start a timer in minutes", ""],
        {"minutes": ("minutes", ["minutes", "duration", "time"])},
        Wordings(
            [
                "[Set|Start|Please set|Can you set] a timer [for|of|to] {minutes} minutes[.|?|]",
                "timer {minutes} minutes",
                "[Wake me|Remind me|Call me] in {minutes} minutes[.|]",
                "{minutes} minute timer[ please|]",
            ],
            ["Count down {minutes} minutes for me.", "I need a timer that rings after {minutes} minutes."],
            more=phrases.REQUESTS["set_timer"],
        ),
    ),
    KnownTool(
        ["roll_dice", "dice", "roll", "throw_dice"],
        ["Roll dice", "Roll a dice with n sides.", ""],
        {"sides": ("small", ["sides", "n", "faces"])},
        Wordings(
            [
                "[Roll|Throw|Please roll] a [dice|die] with {sides} sides[.|]",
                "roll a {sides}-sided [dice|die]",
                "[Roll|Throw] a d{sides}[.|]",
            ],
            ["Let a dice with {sides} faces roll."],
            more=phrases.REQUESTS["roll_dice"],
        ),
    ),
    KnownTool(
        ["get_user", "find_user", "lookup_user", "get_person", "get_contact"],
        ["Look up a user", "Find a person by name.", ""],
        {"name": ("person", ["name", "user", "person", "username"])},
        Wordings(
            [
                "[Who is|Find|Look up|Get|Show me|Search for] [|the user |user ]{name}[?|.|]",
                "[What do you know|Tell me] about {name}[?|.|]",
                "[Get|Show] the [profile|data] of {name}[.|]",
            ],
            ["Pull up the record of {name}.", "Do we know {name}?"],
            more=phrases.REQUESTS["get_user"],
        ),
    ),
    KnownTool(
        ["play_music", "play_song", "play", "music_player"],
        ["Play music", "Play a song", ""],
        {"title": ("title", ["title", "song", "name", "track"])},
        Wordings(
            [
                "[Play|Please play|Put on|Start] [|the song |the track ]{title}[.|]",
                "[I want to|Let me] [hear|listen to] {title}[.|]",
                "Can you play {title}[?| for me?]",
            ],
            ["{title} would be nice to listen to now.", "Could we have {title} on the speakers?"],
            more=phrases.REQUESTS["play_music"],
        ),
    ),
    KnownTool(
        ["get_stock_price", "stock_price", "stock", "quote"],
        ["Price of a stock", "Get the stock price of a company.", ""],
        {"symbol": ("code", ["symbol", "ticker", "stock"])},
        Wordings(
            [
                "[What is|What's] the [stock |share ]price of {symbol}[?|]",
                "[stock price|price|quote] of {symbol}",
                "How [is|much is] {symbol}[| trading| today]?",
                "[Get|Check|Show me] the [stock|share] price [of|for] {symbol}[.|]",
            ],
            ["How much does one share of {symbol} cost?"],
            more=phrases.REQUESTS["get_stock_price"],
        ),
    ),
    KnownTool(
        ["translate", "translate_text"],
        ["Translate a text", "Translate text into a language.", ""],
        {
            "text": ("topic", ["text", "phrase", "words"]),
            "language": ("language", ["language", "to", "target"]),
        },
        Wordings(
            [
                "[Translate|Please translate] {text} [to|into] {language}[.|]",
                "[What is|How do you say] {text} in {language}[?|]",
                "{text} in {language}[, please|]",
            ],
            ["I want {text} rendered in {language}."],
            more=phrases.REQUESTS["translate"],
        ),
    ),
    KnownTool(
        ["get_population", "population"],
        ["Number of people in a city", "Population of a city.", ""],
        {"city": _CITY},
        Wordings(
            [],
            [
                "How many people live in {city}?",
                "What is the population of {city}?",
                "population of {city}",
                "Tell me how many live in {city}.",
            ],
        ),
        in_training=False,
    ),
    KnownTool(
        ["subtract", "minus"],
        ["Subtract two numbers", "Returns a minus b"],
        {"a": ("small", ["a", "x"]), "b": ("small", ["b", "y"])},
        Wordings(
            [],
            ["What is {a} minus {b}?", "Subtract: {a} minus {b}.", "{a} minus {b}", "Compute {a} minus {b}."],
        ),
        in_training=False,
    ),
    KnownTool(
        ["book_table", "reserve_table"],
        ["Book a table in a restaurant"],
        {"name": ("person", ["name"]), "people": ("small", ["people", "guests"])},
        Wordings(
            [],
            [
                "Book a table for {people} people under the name {name}.",
                "A table for {people}, my name is {name}.",
                "Reserve a table, {people} guests, for {name}.",
            ],
        ),
        in_training=False,
    ),
]
KNOWN_TOOLS += [
    KnownTool(names, descriptions, parameters, Wordings(requests))
    for names, descriptions, parameters, requests in phrases.TOOLS
]
