# ruff: noqa: E501, SIM905 - tables of words and sentences
"""Skill: say whether a remark is positive or negative. The words of feeling are a fixed list; the sentences vary."""

from __future__ import annotations

import random

from .clutter import chunk
from .dialogue import Sample
from .entities import city_name, first_name
from .phrases import sentiment as phrases
from .wording import Wordings, capitalise, expand, fill

# fmt: off
_GOOD = """great wonderful amazing lovely fantastic excellent superb delightful brilliant good nice perfect charming pleasant
awesome tasty helpful fun beautiful friendly fine delicious impressive enjoyable outstanding terrific marvellous exciting
magnificent cheerful cosy fresh clean comfortable kind fast reliable incredible stunning happy""".split()
_BAD = """terrible awful horrible bad disgusting boring dreadful poor rude ugly broken useless disappointing annoying nasty slow
dirty painful sad ridiculous unpleasant bland cold noisy weak messy dull cheap unfriendly confusing stupid ghastly lousy
miserable overpriced worthless tedious rotten scary""".split()
_LOVED = ["loved", "enjoyed", "adored", "liked", "praised", "admired"]
_HATED = ["hated", "disliked", "regretted", "despised", "detested", "could not stand"]
_GOOD_ENDS = ["I will come back", "I would buy it again", "I recommend it", "it made my day", "five stars", "everyone should try it", "worth every cent", "I was very happy",
              "it works well", "I smiled all day", "highly recommended", "thank you so much", "what a joy"]
_BAD_ENDS = ["never again", "I want my money back", "do not buy it", "it ruined my day", "one star", "a waste of money", "I was very angry", "avoid it", "it broke at once",
             "I left early", "what a waste of time", "I fell asleep", "it does not work"]
_THINGS = """movie meal book hotel service song phone waiter concert trip lesson game coffee room app play staff view soup present
flight teacher party show food cake museum garden ride screen laptop shop website keyboard bed breakfast weather driver museum
camera pizza story support update ending actor class train shoes""".split()

_VERY = "[|||very |really |so |quite |just |truly |absolutely |simply |extremely |pretty ]"
_THE = "[the|the|this|my|our|their|that]"
_REMARK = Wordings([
    _THE + " {s} [was|is|felt|seemed|looked|turned out] " + _VERY + "{a}[.|!|]", "[what|such] a {a} {s}[!|.|]", "[I think|I find|I guess|in my opinion] " + _THE + " {s} [was|is] " + _VERY + "{a}[.|]",
    _THE + " {s} [was|is] " + _VERY + "{a} and {b}[.|!|]", "[I|we|my wife|my son|{n}] {v} [the|this|every minute of the|that] {s}[.|!|]", "a {a} {s}[.| in {c}.|!|, {b} too.|]",
    "[I|we] {v} it[!|.|], [the {s} was|it was] " + _VERY + "{a}[.|]", "the {s} in {c} was " + _VERY + "{a}[.|!|]", "it was a " + _VERY + "{a} {s}[.|, {b} too.|!|]",
    "the {s} [was|is] [far from|hardly|never|by no means] {o}[.|]", "no {o} {s} [here|at all][.|!]", "nobody can call the {s} {o}[.|]", "the {s} [isn't|wasn't] {o}[.|]",
    "the {s} was so {a} that I told {n}[.|]", "{n} [said|thinks|told me] [that |]the {s} was {a}[.|]", "the {s} [was|is] not {o}[.| at all.|]", "not a {o} {s}[.| at all.|]",
    "{a} {s}, {b} {t}[.|!|]", "[honestly|well|sadly enough|to be honest|wow|overall|all in all], [the|this] {s} [was|is] " + _VERY + "{a}[.|!|]", "everything about the {s} was {a}[.|]",
    "[bought|tried|used|visited|saw] [the|this] {s} [yesterday|last week|twice], it was {a}[.|]", "the {s} was {a}, {e}[.|!]", "{e}[!|.|] the {s} was {a}[.|]", "{a}[!|.|] {e}[.|!|]", "{e}[.|!|]",
    "the {s} [was|is] {a} but the {t} was {b} too[.|]", "[at first|first] [I thought it was|it seemed] {o}, but [in the end|then|later] the {s} was {a}[.|]", "never had a more {a} {s}[.|!]",
    "the {t} and the {s} were both {a}[.|]", "the {s} [could not|couldn't] be more {a}[.|!]", "I have never seen such a {a} {s}[.|!]",
    "{a}, {a}, {a}[.|!]", "I'd call the {s} {a}[.|]", "the {s} and the {t}: {a}[.|!]", "{n} {v} the {s} [and|because] it was {a}[.|]", "so {a}[!|.|]", "it is {a}[!|.|]",
], [
    "We went to {c} and the {s} turned out to be {a}.", "Last night the {s} was {a}, and {n} {v} it.", "That {s} is anything but {o}.", "In my view the {s} was {a} and quite {b}.",
    "You will see how {a} the {s} is.", "My first impression of the {s}: {a}.", "There is nothing {o} about that {s}.", "If you ask me, they have a {a} {s}.", "Who would have thought that a {s} can be this {a}?",
    "Every single {s} in {c} is {a}.", "The {s} left us with a {a} feeling.", "I told {n} how {a} the {s} had been.", "Was it {o}? No, the {s} was {a}.", "Their {s} gets more {a} every year.",
    "We all {v} the {s} that {n} brought.", "People keep calling the {s} {a}, and they are right.", "For such a price the {s} was {a}.", "Even {n} admitted that the {s} was {a} and {b}.",
], more=phrases.REMARK)
_ASK = Wordings([
    "[What is|What's|Tell me|Give me|Find|Determine|Judge] the [sentiment|mood|tone] of [this|the following|the|my] [sentence|text|review|remark|comment|tweet][?|:|.] {r}",
    "[Is|Was] [this|that|the following|it] [|text |review |sentence |comment ][positive or negative|negative or positive|good or bad][?|:] {r}", "[Sentiment|sentiment|Mood|Feeling][:|?| of this:| of:] {r}",
    "[Classify|Label|Rate|Judge] [|the sentiment|the sentiment of this|this review|this|this text|the text][| as positive or negative][:|.] {r}", "{r}{gap}[Positive or negative|positive or negative|Sentiment|Is this positive or negative|What is the sentiment|Good or bad|How does it sound][?|]",
    "[Does|Do] [this|these words|it|the writer|the text] [sound|feel|look|seem] [positive or negative|happy or unhappy][?|:] \"{r}\"", "[Review|Text|Comment|Tweet|Sentence|Input]: {r}\n[Sentiment|Label|Answer|Positive or negative][?|:]",
    "[Answer|Reply|Say|Respond] [with |only |][positive or negative|'positive' or 'negative'][:|.] {r}", "[Sentiment analysis|Sentiment classification|sentiment check]: {r}",
    "[Is the|Was the] [writer|author|customer|guest] [happy or not|satisfied|positive or negative][?|] {r}", "[How does|How do you think] [this|the writer|the author|this customer] feel[s|]? {r}",
], [
    "How does this sentence feel, positive or negative? {r}", "Would you say that this is positive or negative? {r}", "Read this and tell me if it is positive or negative: {r}",
    "{r}\n\nDecide: positive or negative.", "A customer wrote: {r}\nPositive or negative, what do you think?", "Please choose between positive and negative for: {r}",
    "My task is to find the sentiment here: {r}", "Tell whether the following words are positive or negative. {r}",
], more=phrases.ASK)
# fmt: on


def sample(rng: random.Random, split: str) -> Sample:
    """A remark, the question about it, and "positive" or "negative"."""
    positive = rng.random() < 0.5
    words, others = (_GOOD, _BAD) if positive else (_BAD, _GOOD)
    first, second = rng.sample(words, 2)
    thing, other = rng.sample(_THINGS, 2)
    remark = fill(
        _REMARK.pick(rng, split),
        {
            "s": thing,
            "t": other,
            "a": first,
            "b": second,
            "o": rng.choice(others),
            "v": rng.choice(_LOVED if positive else _HATED),
            "e": rng.choice(_GOOD_ENDS + phrases.GOOD_ENDS if positive else _BAD_ENDS + phrases.BAD_ENDS),
            "n": first_name(rng, split),
            "c": city_name(rng, split),
        },
    )
    if split != "unseen" and rng.random() < 0.2:  # the feeling is in one word, whatever stands around it
        remark = f"{chunk(rng, 1, 5)} {rng.choice([first, f'{first} {thing}'])}{rng.choice([' ', ', ', '. '])}{chunk(rng, 0, 5)}".strip()
    remark = capitalise(remark) if split == "unseen" or rng.random() < 0.75 else remark
    question = fill(_ASK.pick(rng, split), {"r": remark, "gap": expand(rng, "[\n| |\n\n]")})
    return Sample("sentiment", [("user", question), ("assistant", "positive" if positive else "negative")])
