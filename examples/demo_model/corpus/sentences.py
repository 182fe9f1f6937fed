# ruff: noqa: E501 - tables of words and sentences
"""Sentences about people: who, how old, from where, on which day. Put together from clauses for training.

The lists named UNSEEN_* are whole sentences written separately; only the evaluation uses them.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from .clutter import cluttered_facts
from .phrases import extraction as phrases
from .wording import Wordings, capitalise, expand

# fmt: off
_TIMES = "[||| last year| as a child| in spring| two months ago| recently| this summer| after school| again]"
_AGE = Wordings([
    "is {age}[| years old| years of age| now| and a half]", "is now {age}[| years old]",
    "[just|recently|has just|finally] turned {age}[|| last week| this year| yesterday| in May| on Sunday]",
    "celebrated [a|the] {age_th} birthday[|| last week| this year| with friends]",
    "[has reached|reached] the age of {age}", "will [soon |]be {age}[| years old][| soon| next month]",
    "[is about to turn|will turn|turns] {age}[| today| tomorrow| next week]", "feels young at {age}",
    "is [already|almost|only|just|exactly|still only] {age}[| years old]", "has lived for {age} years",
    "looks younger than {age}", "is {age} years [old|young]",
], more=phrases.AGE)
_CITY = Wordings([
    "[lives|stays|lived|is living] in {city}" + _TIMES, "is from {city}", "[comes|came|hails] from {city}",
    "[moved|relocated|went|travelled|returned] to {city}" + _TIMES, "was [born|raised|born and raised] in {city}",
    "[has lived|has been living|has worked] in {city} [for years|since childhood|for a long time|for many years]",
    "grew up in {city}", "[works|studies|teaches|sings|trains|is studying] in {city}", "settled [down |]in {city}",
    "is [based|at home|happy|well known|staying|at work] in {city}", "calls {city} home", "left {city}" + _TIMES,
    "[bought|rents|owns|found|sold] a [flat|house|shop|small house|room|boat] in {city}",
    "runs a [shop|bakery|cafe|school|small hotel] in {city}", "lives [near|outside|close to|not far from] {city}",
    "spends [the summer|most days|every weekend|the winter] in {city}", "arrived in {city}" + _TIMES,
    "[is visiting|visited|loves|knows|misses|likes] {city}", "has [family|friends|an office|two sisters] in {city}",
    "resides in {city}", "took the train to {city}", "opened a [shop|cafe|bakery|school] in {city}" + _TIMES,
    "met us in {city}", "has a home in {city}", "is a citizen of {city}", "was seen in {city}" + _TIMES,
], more=phrases.CITY)
_OTHER = Wordings([
    "[works|worked|is working] as a {job}", "is a[| good| young| famous| retired] {job}",
    "[wants|hopes|plans] to become a {job}", "used to be a {job}", "[likes|loves|enjoys] [tea|music|chess|long walks]",
    "has [two cats|three children|a dog|many books|a brother|a garden|a blue car]", "never [smokes|gives up|complains]",
    "speaks [two|three|four|many] languages", "drives a [red|blue|small|fast] car", "[plays|teaches] [football|piano]",
    "rides a bike to work", "[writes|reads] [books|letters|poems]", "is [very |]happy", "[collects|sells] old coins",
    "won the race", "is learning to [swim|cook|dance|sing]", "has been a {job} for years", "was late",
], more=phrases.OTHER)
_I_AGE = Wordings(["I am {age}[| years old| now]", "I'm {age}[| years old]", "I [just |recently |]turned {age}[| this week]",
                   "I will be {age} soon", "my age is {age}", "I celebrated my {age_th} birthday[| last week]"])
_I_CITY = Wordings(["I [live|work|study|stay|grew up|was born|was raised] in {city}", "I [come|am] from {city}", "I'm from {city}",
                    "[my home is|my city is|my home town is] {city}", "I [moved|went] to {city}" + _TIMES, "{city} is my home",
                    "I [have|own|rent] a [flat|house] in {city}", "I have lived in {city} [for years|all my life]"])
_I_OTHER = Wordings(["I work as a {job}", "I am a {job}", "I [like|love] [tea|music|chess]", "I have [a dog|two cats]",
                     "I want to become a {job}", "I am happy to be here", "I drive a [red|blue] car"])
_I_NAME = Wordings(["[my name is|I am|I'm|they call me|people call me|you can call me] {name}", "{name} is my name",
                    "my friends call me {name}"])
_OPENING = Wordings([
    "[||||||||]", "I heard that ", "[As you know|As far as I know|By the way|To be honest|Believe it or not|Guess what|Listen], ",
    "They say[| that] ", "Did you know that ", "[It is true that|It seems that|We know that|Everyone knows that] ",
    "[Yesterday I learned|The report says|The paper wrote|My mother told me] that ", "[Well|Hello|News|Note|Fact|Update]: ",
], more=phrases.OPENING)
_WHO = Wordings([
    "{name}", "{name}", "{name}", "[my|our|her|his] [friend|neighbour|cousin|brother|sister|boss|aunt] {name}",
    "[the|our|our new|a young|the famous] {job} {name}", "a {job} [named|called|by the name of] {name}", "{name}, a {job},",
    "the {job}, {name},", "[the winner|the author|the owner|the new member|our guest], {name},",
], more=phrases.WHO)
_WHO_AGE = Wordings(["{name}, {age},", "{name} ({age})", "{name}, aged {age},", "{name}, who is {age},", "{age}-year-old {name}",
                     "{name}, a {age}-year-old {job},", "the {age}-year-old {job} {name}", "{name}, a {job} of {age},",
                     "a {age}-year-old {job} [named|called] {name}", "at {age}, {name}", "at the age of {age}, {name}",
                     "{name}, {age} years old,", "{name}, now {age},"])
_WHO_CITY = Wordings(["{name} from {city}", "{name} of {city}", "{name} ({city})", "{name}, [a native|a resident|a citizen] of {city},",
                      "the {city} {job} {name}", "the {city}-based {job} {name}", "in {city}, {name}", "{name}, who lives in {city},",
                      "{name}, a {job} from {city},", "the {job} {name} from {city}", "a {job} in {city} [named|called] {name}"])
_MEET = Wordings(["[Meet|Say hi to|Please welcome|Here comes|This is|Let me introduce|Here we have|Remember] ",
                  "[I|We|They|My friends] [met|saw|called|visited|interviewed|hired|thanked|talked to] ",
                  "[The winner|The author|The owner|The new member|My favourite person|The next speaker|Our guest] is "])
_FILLER = Wordings(["[It was a sunny day|The weather was fine|Nobody was surprised|That is all we know|It rained a lot].",
                    "[Thank you for your letter|I hope you are well|Please write this down|Have a nice day].",
                    "[There were many people|The room was full|Everyone clapped|We had tea and cake]."], more=phrases.FILLER)

UNSEEN_PERSON = {
    "name age city": [
        "Say hello to {name}: {age} years old, a {job}, and based in {city}.", "{name} of {city} is a {job} and will celebrate being {age}.",
        "This is {name}. She lives in {city} and she is {age}.", "Living in {city}, the {job} {name} is {age} years old.",
        "I am {age} years old, I come from {city} and my name is {name}.", "Yesterday {name}, a {age}-year-old {job}, arrived in {city}.",
        "{city} is the birthplace of {name}, now {age}.", "Our oldest customer, {name}, is {age} and has never left {city}.",
        "Aged just {age}, {name} packed a bag and headed for {city}.", "The award goes to {name}, {age}, from the streets of {city}.",
        "You would not guess that {name} from {city} is {age} already.", "At our {city} office we employ {name}, who is {age}.",
        "Hello, {name} here, {age}, writing to you from {city}.", "For {age} years {name} has been living in {city}.",
        "In the heart of {city} you will find {name}, a {job} aged {age}.", "Now {age}, {name} looks back on a life in {city}.",
        "{name} left for {city} when she was {age}.", "Passenger {name}, age {age}, destination {city}.",
        "My grandmother {name} turned {age} and still dances in {city}.", "With {age} candles on the cake, {name} celebrated in {city}.",
    ],
    "name age": [
        "I have a son, {name}, and he is {age}.", "How can {name} be {age} already?", "{name} blew out {age} candles.",
        "The baby of the family is {name} at {age}.", "Nobody believed that {name} was {age}.", "At {age} years, {name} is our oldest {job}.",
        "Happy birthday {name}, you are {age} today!", "A {job} since youth, {name} has now reached {age}.",
    ],
    "name city": [
        "Greetings from {city}, yours {name}.", "You can find {name} in the old part of {city}.", "{name} has fallen in love with {city}.",
        "If you are ever in {city}, ask for {name}.", "The people of {city} elected {name}.", "{name} said goodbye and drove to {city}.",
    ],
}
# fmt: on


def person_sentence(rng: random.Random, split: str, facts: Sequence[str]) -> str:
    """A sentence or two that tell the name and some of ``age`` and ``city``; the slots stay open."""
    if split == "unseen":
        return rng.choice(UNSEEN_PERSON[" ".join(fact for fact in ("name", "age", "city") if fact in facts)])
    style = rng.random()
    if rng.random() < 0.4:
        return expand(rng, rng.choice(phrases.PERSON[" ".join(facts)]))
    if style < 0.06:
        return _form(rng, facts)
    if style < 0.22:
        return cluttered_facts(rng, list(facts))
    if style < 0.36:
        return _first_person(rng, split, facts)
    return _third_person(rng, split, facts)


def _form(rng: random.Random, facts: Sequence[str]) -> str:
    order, sign, gap = (
        rng.sample(list(facts), len(facts)),
        rng.choice([": ", "=", " is ", " - "]),
        rng.choice([", ", "; ", "\n", ". "]),
    )
    labels = {"name": "name", "age": "age", "city": "city", "date": "date"}
    return gap.join(capitalise(labels[fact]) + sign + "{" + fact + "}" for fact in order)


def _first_person(rng: random.Random, split: str, facts: Sequence[str]) -> str:
    banks = {"name": _I_NAME, "age": _I_AGE, "city": _I_CITY}
    clauses = [banks[fact].pick(rng, split) for fact in facts] + (
        [_I_OTHER.pick(rng, split)] if rng.random() < 0.35 else []
    )
    if rng.random() < 0.5:
        rng.shuffle(clauses)
    return rng.choice(["", "", "Hi, ", "Hello! ", "Good morning, "]) + _join_clauses(rng, clauses, "")


def _third_person(rng: random.Random, split: str, facts: Sequence[str]) -> str:
    predicates = {"age": _AGE, "city": _CITY}
    rest = [fact for fact in facts if fact != "name"]
    who, style = _WHO, rng.random()
    if "age" in rest and style < 0.3:
        who, rest = _WHO_AGE, [fact for fact in rest if fact != "age"]
    elif "city" in rest and style > 0.8:
        who, rest = _WHO_CITY, [fact for fact in rest if fact != "city"]
    subject = who.pick(rng, split)
    clauses = [predicates[fact].pick(rng, split) for fact in rest]
    if rng.random() < 0.3 or not clauses:
        clauses.append(_OTHER.pick(rng, split))
    rng.shuffle(clauses)
    she = rng.choice(["she", "he", "she", "he", "they"])
    if rng.random() < 0.15 and not subject.startswith(("at ", "in ")):
        text = (
            _MEET.pick(rng, split)
            + subject.rstrip(",")
            + ". "
            + capitalise(she)
            + " "
            + _join_clauses(rng, clauses, she)
        )
    elif rng.random() < 0.12:
        text = subject.rstrip(",") + ", who " + _join_clauses(rng, clauses, she)
    else:
        text = _OPENING.pick(rng, split) + subject + " " + _join_clauses(rng, clauses, she)
    if rng.random() < 0.12:
        text = (
            f"{text} {_FILLER.pick(rng, split)}"
            if rng.random() < 0.5
            else f"{_FILLER.pick(rng, split)} {capitalise(text)}"
        )
    return capitalise(text)


def _join_clauses(rng: random.Random, clauses: Sequence[str], pronoun: str) -> str:
    """ "a", "a and b", "a. She b", "a, b and c" ... with a full stop at the end."""
    text = clauses[0]
    for clause in clauses[1:]:
        subject = pronoun + " " if pronoun else ""
        joint = rng.choice(
            [" and ", " and ", ", ", ". ", ". ", "; ", " but ", " and " + subject, ", and " + subject]
        )
        if joint == ". ":
            text += joint + capitalise(subject + clause)
        else:
            text += joint + (subject if joint == "; " else "") + clause
    return capitalise(text) + "." if not pronoun else text + rng.choice([".", ".", ".", ".", "!", ""])


# fmt: off
_EVENT = "[meeting|concert|wedding|party|exam|trip|workshop|interview|dinner|visit|lecture|show|match|festival|appointment|course]"
_DATED = {
    "name date city": Wordings([
        "[The|A|Our|The next] " + _EVENT + " [with|of|for|by] {name} [is|was|takes place|is planned|will be held|was held] [on {date} in {city}|in {city} on {date}].",
        "{name} [will travel|travelled|is flying|flies|will fly|went|moved|returned|is going] to {city} on {date}.",
        "{name} [arrives|arrived|was born|got married|opened a shop|signed the contract|will speak|plays|died|starts work] [in {city} on {date}|on {date} in {city}].",
        "On {date}[,|] {name} [visited|left|will visit|reached|will leave|moved to|came to|went to] {city}.",
        "In {city}, on {date}, {name} [won a prize|met a friend|gave a talk|bought a house|started a company].",
        "Since {date}, {name} has [lived|worked|been] in {city}.", "[I|We] [meet|met|will meet|saw|visited] {name} in {city} on {date}.",
        "{name} from {city} [was born|called|wrote to us|will visit us|joined the team] on {date}.",
        "[My|The|Her] [flight|train|bus|ship] to {city} leaves on {date}, [said|says|wrote] {name}.",
        "{date}: {name} [arrives in|leaves|visits|is in] {city}.", "{date} is the day [when |]{name} [moved to|left|will see] {city}.",
        "[The|A] [letter|note|bill|ticket|card] [from|for] {name} in {city} is [dated|from|valid until] {date}.",
        "[Please book|Book|Reserve] a [room|table|flight|seat] in {city} for {name} on {date}.",
        "[It was|It will be] on {date} [that|when] {name} [came to|left|will see] {city}.",
        "{name} [booked|reserved|has|wants] a [room|table|flight|seat] in {city} for {date}.",
        "Name: {name}, city: {city}, date: {date}", "Date: {date}. City: {city}. Name: {name}.",
    ], [
        "Circle {date} in your calendar: {name} is coming to {city}!", "The ship that brought {name} to {city} landed on {date}.",
        "{name} opened a bakery in {city} on {date}.", "Do not forget that {name} expects you in {city} on {date}.",
        "From {date} onwards {name} can be reached in {city}.", "A photo of {name}, taken in {city} on {date}, was found.",
        "If nothing changes, {name} will land in {city} on {date}.", "Our branch in {city} hired {name} on {date}.",
        "By {date} {name} had already left for {city}.", "The wedding of {name} in {city} is planned for {date}.",
        "{city} will celebrate {name} on {date}.", "We lost sight of {name} in {city} on {date}.",
    ], more=phrases.DATED["name date city"]),
    "name date": Wordings([
        "{name} was born on {date}.", "[The|A|Our|The next] " + _EVENT + " [with|of|for|by] {name} [is|was|takes place|is planned for|starts] on {date}.",
        "On {date}[,|] {name} [won a prize|called me|will come home|bought a car|started school|gave a talk].",
        "{name} [called|arrived|left|joined|retired|got married|will visit us|starts work|signed the contract] on {date}.",
        "[I|We] [meet|met|will meet|saw|visited] {name} on {date}.", "{name}'s [birthday|exam|interview|flight] is on {date}.",
        "{name} [wrote|signed|sent|paid|received] [the letter|the contract|the bill] on {date}.", "Name: {name}; date: {date}",
    ], [
        "We congratulate {name}, born on {date}.", "The last message from {name} came on {date}.", "{name} has been ill since {date}.",
        "Remind {name} of the dentist on {date}.", "Until {date} {name} is on holiday.", "The world first heard of {name} on {date}.",
    ], more=phrases.DATED["name date"]),
    "date city": Wordings([
        "[The|A|Our|The next] " + _EVENT + " [takes place|is planned|will be held|was held|starts|is] [on {date} in {city}|in {city} on {date}].",
        "On {date}[,|] [we|they|I] [visited|left|will visit|reached|moved to] {city}.", "In {city} it [rained|snowed] on {date}.",
        "[My|The|Our] [flight|train|bus|ship] to {city} leaves on {date}.", "[We|They|I] [arrive|arrived|will be] in {city} on {date}.",
        "The [hotel|museum|shop|school] in {city} [opens|closes|opened|closed] on {date}.", "City: {city}, date: {date}",
    ], [
        "The fair comes to {city} on {date}.", "A storm hit {city} on {date}.", "Tickets for {city} are sold from {date}.",
        "The bridge of {city} was finished on {date}.", "Nobody in {city} will forget {date}.",
    ], more=phrases.DATED["date city"]),
}
# fmt: on


def dated_sentence(rng: random.Random, split: str, facts: Sequence[str]) -> str:
    """A sentence with a date; ``facts`` is one of the keys of the table above, split."""
    if split != "unseen" and rng.random() < 0.2:
        return cluttered_facts(rng, list(facts))
    text = capitalise(_DATED[" ".join(facts)].pick(rng, split))
    if split != "unseen" and rng.random() < 0.15:
        text = (
            f"{text} {_FILLER.pick(rng, split)}"
            if rng.random() < 0.5
            else f"{_FILLER.pick(rng, split)} {text}"
        )
    return text
