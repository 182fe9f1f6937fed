# ruff: noqa: E501 - tables of words and sentences
"""Skills: small talk, sums, and saying so when something is out of reach."""

from __future__ import annotations

import random

from .dialogue import Sample
from .entities import first_name, invented_word
from .phrases import refusals
from .phrases import small_talk as phrases
from .wording import Wordings, expand, fill, held_out

REFUSAL = (
    'I am a tiny demo model and can\'t do that. Load a bigger GGUF: genkit.Generator("llama:PATH.gguf").'
)

# fmt: off
_SMALL_TALK = [
    (Wordings(["[Hello|Hi|Hey|Hello there|Hi there|Hey there|Greetings|Good morning|Good evening|Good afternoon|hello|hi|hey|Howdy|Hiya|yo|good day][!|.||,]",
               "[Hello|Hi|Hey|hello|hi|Dear] [model|genkit|friend|computer|you|world|everyone|demo model][!|.|]", "[Say|say] [hello|hi][!|.|| to me]",
               "[Hi|Hey|hello], [hello|hi|anybody there|nice to meet you|good morning|are you there][!|.|?|]"],
              ["A very good morning to you!", "Hello hello!", "Hey hey, my friend.", "Hi, it's me again!"], more=phrases.SMALL_TALK[0]),
     "Hello! How can I help you?"),
    (Wordings(["[|Hi, |Hello! |So, |hey ][how are you|how are you doing|how is it going|how do you feel|how are things|how's life][| today| now][?|]",
               "[Are you|You] [well|fine|okay|ok|all right|happy][?| today?]", "[what's up|What is up|what is new|how have you been]?",
               "Is everything [fine|okay|all right][?|]"],
              ["Tell me how you feel.", "Did you sleep well?", "I hope you are well?", "How has your day been so far?"], more=phrases.SMALL_TALK[1]),
     "I'm doing well, thank you! How can I help?"),
    (Wordings(["[Thank you|Thanks|Many thanks|Thanks a lot|Thank you very much|thx|thank you so much|thanks][!|.|| for your help| for that]",
               "[Great|Nice|Cool|Perfect|OK|Good], [thanks|thank you][!|.|]", "[that helped|I thank you|very kind of you|much appreciated][!|.|, thanks]"],
              ["You have my thanks.", "Thanks so much, that was useful.", "I appreciate it, thank you."], more=phrases.SMALL_TALK[2]),
     "You're welcome!"),
    (Wordings(["[Bye|Goodbye|bye bye|See you|See you later|Good night|Farewell|Take care|so long|See you soon|bye][!|.|| then| for now| my friend]",
               "[I have to go|I must go|I am leaving|Time to go][!| now.|.|, bye!]", "[Okay|OK|Well|Thanks], [bye|goodbye|see you][!|.|]"],
              ["Until next time, goodbye!", "That is all for today, bye.", "I am off to bed, good night."], more=phrases.SMALL_TALK[3]),
     "Goodbye! Have a nice day."),
    (Wordings(["[Tell|tell|Please tell] me a [joke|funny joke|short joke|good joke][.|!|| please]", "[Do you know|Have you got|Know] [a joke|any jokes|a good joke][?|]",
               "[Make me laugh|Say something funny|a joke, please|joke|another joke][!|.|]", "[Can|Could] you [tell|make] [|me ]a joke[?|]",
               "I [want|need] [to hear |]a joke[.|]"],
              ["I could use a laugh, got a joke?", "Cheer me up with a joke!", "Let me hear your best joke."], more=phrases.SMALL_TALK[4]),
     "Why did the tensor cross the road? To get to the other shape."),
    (Wordings(["[What can you do|How can you help|What are your skills|What do you know|What are you good at|What can I ask you][?|| for me?]",
               "[help|Help me|help!|menu|commands|skills|examples]", "[List|Tell me|Show me] [your skills|what you can do|your abilities][.|]",
               "[Which|What] [tasks|things|skills] [can you do|do you have|are possible][?|]", "what [can|may] I [do|try] [here|with you]?"],
              ["Give me an overview of what you are able to do.", "In what ways can you help me?", "What should I try with you?"], more=phrases.SMALL_TALK[5]),
     "I can extract data as JSON, call tools, judge sentiment, tell short stories, add numbers and answer questions about genkit."),
    (Wordings(["[|Hi, |Hello! |Hey, |Hello, ][my name is|I am|I'm|call me|you can call me|they call me|this is] {name}[.|!|]", "{name} is my name[.|]",
               "[Hi|Hello|Hey], {name} here[.|!|]"],
              ["People know me as {name}.", "The name is {name}.", "Let me introduce myself, I am {name}."], more=phrases.SMALL_TALK[6]),
     "Nice to meet you, {name}!"),
    (Wordings(["[Good job|Well done|Nice work|Great work|You are great|You are smart|I like you|That was good|You're amazing|good bot|wow|awesome|great|nice|cool][!|.|]",
               "[You are|You're] [very|so|really] [good|smart|nice|helpful|kind|clever|fast][!|.|]", "[I love|I like] [this|it|you|your answer][!|.|]"],
              ["What a clever little model you are!", "You did that very well.", "I am impressed by you."], more=phrases.SMALL_TALK[7]),
     "Thank you, that is kind of you!"),
    (Wordings(["[ok|okay|OK|fine|I see|yes|no|sure|all right|hm|maybe|understood|got it][.|!|]"], ["Alright then.", "Okay, I got that."], more=phrases.SMALL_TALK[8]),
     "All right! What would you like to do next?"),
    (Wordings(["[test|testing|ping|test test|this is a test|check|1 2 3 test|hello test][.|!|]"], ["Just testing you.", "Is this thing on?"], more=phrases.SMALL_TALK[9]),
     "It works! I am here."),
    (Wordings(["[you are|you're|that is|that was] [bad|stupid|wrong|useless|dumb|not good|terrible][!|.|]", "[wrong|not true|nonsense|bad bot][!|.|]"],
              ["You got that wrong.", "That is a bad answer."], more=phrases.SMALL_TALK[10]),
     "Sorry! I am only a tiny demo model."),
]

# Things people ask any chatbot; this one says that it cannot.
_ABOUT = """Mars|the moon|photosynthesis|gravity|quantum physics|black holes|Shakespeare|Napoleon|the Roman Empire|the stock market|climate change|
football|chess|the ocean|dinosaurs|electricity|a transformer|machine learning|neural networks|the internet|love|time|music|Einstein|the pyramids|
world war two|blockchain|philosophy|democracy|cancer|vitamins|volcanoes|cars|cats|dogs|bread|coffee|wine|Japan|France|Germany|Brazil|China|India|
the universe|DNA|evolution|the sun|the weather|the news|politics|history|art|space|biology|chemistry|maths|taxes|inflation|the president|the king|
the Eiffel Tower|Python|Java|Linux|docker|the human brain|sleep|dreams|robots|artificial intelligence|the ice age""".replace("\n", "")
_UNKNOWN = Wordings(
    ["[What is|What's|Explain|Describe|Define|Tell me about|tell me more about|What do you know about|Who invented|Give me facts about] [" + _ABOUT + "|{word}][?|.|| to me| in simple words]",
     "[What is|What's|Name|Tell me] the [capital|population|largest city|flag|language|currency|president|king|history] of [" + _ABOUT + "|{place}|{place}|{place}][?|.|]",
     "[Who|When|Where] [was|is|were] [the president|the king|the first man|the author of the book|the inventor of the {word}|{place}|{place} {word}][?|| born?]",
     "[How|Why] [does|do|did|is|are] [" + _ABOUT + "|the {word}] [work|exist|important|so big|happen|made][?|]",
     "[Write|Write me|Compose|Please write|Can you write|Make|Create] [a|an|one|some|the] [poem|haiku|song|essay|letter|email|blog post|speech|rap|novel|recipe|limerick|article|report|song text|love letter|product description][|| about [" + _ABOUT + "|{word}]][.|?|]",
     "[Write|Create|Show me|Fix|Debug|Generate|Give me] [|some |a |the ][python|java|rust|javascript|C|SQL|HTML|bash] [code|program|function|script|query|bug|page|class][| that sorts a list| for a website| to {word}| for {word}s][.|?|]",
     "[Translate|How do you say|Please translate] [\"{word}\"|{word}|this|hello|good morning|the word {word}] [to|into|in] [French|German|Spanish|Italian|Chinese|Japanese|English|Latin][.|?|]",
     "[Summarize|Summarise|Shorten|Rewrite|Correct|Improve|Proofread] [this|the following|my|the] [text|article|book|paragraph|email|essay|document][.|:|: {word} {word} {word}.|]",
     "[What is|What's|How much is|Calculate|Compute] [the square root of {big}|{a} times {b}|{a} * {b}|{a} divided by {b}|{a} / {b}|{a} minus {b}|{a} - {b}|{big} times {b}|the factorial of {a}][?|.|]",
     "[What is the meaning of life|Is there a god|Will it rain tomorrow|What time is it|What day is it|What's the weather like|Who will win|What happened yesterday|What is the date today|Are you alive|Do you love me|Can you think|Do you dream][?|]",
     "[How do I|How can I|How to|What is the best way to] [cook rice|bake a cake|lose weight|learn French|get rich|fix my car|tie a tie|plant a tree|buy a house|find a job|{word} a {word}|sleep better|make friends|clean a {word}|play guitar][?|]",
     "[Recommend|Suggest|Give me] [|me ][a|some|three] [good |] [book|books|movie|film|restaurant|song|game|names|ideas|gift]s[|| for {word}| in {place}][.|?|]",
     "[Draw|Paint|Show me|Generate|Make] [a|an] [picture|image|photo|logo|drawing|video|diagram][| of a {word}| of [" + _ABOUT + "]][.|?|]",
     "[What do you think|What is your opinion|Do you know anything] about [" + _ABOUT + "|{place}|{word}s][?|]", "Who is {place}[?|]", "Where is {place}[?|]",
     "[Who wrote|Who painted|Who discovered|Who invented|Who built|Who directed] [" + _ABOUT + "|the {word}|{place}|Hamlet|the Mona Lisa][?|]",
     "[When|In which year|In what year] did [{place}|the {word}|[" + _ABOUT + "]] [begin|start|end|die|happen][?|]",
     "[How many|How much|How long|How far|How old|How tall|How big] [people live in {place}|is the {word}|days has a year|planets are there|is a {word}|is {place}|does a {word} cost][?|]",
     "[|Please ][say|repeat|tell me] something [about [" + _ABOUT + "|{word}]|interesting|smart|new][.|]", "[Play|Sing|Dance] [a song|some music|for me|a game][.|!|]"],
    ["What is the capital of Norway?", "Who painted the Mona Lisa?", "Explain the theory of relativity.", "Write a poem about the sea.", "How do airplanes fly?",
     "Can you write code in Haskell?", "What should I cook tonight?", "Give me tips for a job interview.", "Who won the world cup in 1998?",
     "Translate this to Portuguese: {word}", "How many moons does Jupiter have?", "Why is the sky blue?", "Please summarise the book {word}.", "What is 7 times 8?",
     "Which phone should I buy?", "What year did the {word} war end?", "How deep is the lake of {word}?", "Compose a rap about {word}.", "Tell me the history of {word}.",
     "Is {word} a good investment?", "Can you book me a flight?", "What does {word} mean?", "Prove that there are infinitely many primes.", "Where can I buy {word}?"], more=refusals.UNKNOWN
)

_SUM = Wordings(
    ["[|Please tell me: |Quick: |So, |Hey, ][What is|What's|what is|How much is|how much is|Compute|Calculate|compute|Solve] {a} [+|plus|and] {b}[?|.|| please]",
     "{a} [+|plus] {b}[| =| = ?|?|=| is| equals| makes]", "{a}+{b}[|=|?|=?]", "[Add|add|Sum|Please add|Can you add|add up] {a} [and|to|plus|+|,] {b}[.|?|]",
     "[Sum of|sum of|The sum of|Give me the sum of|What is the sum of|Find the sum of] {a} and {b}[?|.|]", "[math|sum|addition|question]: {a} + {b}",
     "[I have|There are|She has|Tom has|We got|He buys] {a} [apples|books|coins|cats|stones|eggs] and [get|find|buy|add|takes] {b} more[.|,|;] [How many|How many in total|How many is that|How many now]?",
     "[if I add|When you add|when I put] {a} [and|to] {b}[| together], [what do I get|what is it|how much is it][?|]", "[Do you know|Can you say|Tell me] [what |]{a} [plus|+] {b}[ is|][?|.|]"],
    ["Would you add {a} to {b} for me?", "What do {a} and {b} make together?", "My basket holds {a} pears, and {b} more go in. How many pears?",
     "Work out {a} plus {b}, please.", "The total of {a} and {b} is what?", "Let me have the result of {a} + {b}."], more=phrases.SUMS
)
# fmt: on


def small_talk(rng: random.Random, split: str) -> Sample:
    """A greeting or the like, and the friendly reply."""
    wordings, answer = rng.choice(_SMALL_TALK)
    name = first_name(rng, split)
    question = fill(wordings.pick(rng, split), {"name": name})
    return Sample("small talk", [("user", question), ("assistant", fill(answer, {"name": name}))])


def refusal(rng: random.Random, split: str) -> Sample:
    """A question out of reach, and the honest answer."""
    values = {
        "word": invented_word(rng, split),
        "place": invented_word(rng, split).capitalize(),
        "a": rng.randint(2, 99),
        "b": rng.randint(2, 99),
        "big": rng.randint(100, 9999),
    }
    if rng.random() < 0.4:
        values["word"] = expand(
            rng,
            "[tree|river|computer|school|phone|market|garden|friend|doctor|holiday|war|bird|company|train]",
        )
    question = " ".join(fill(_UNKNOWN.pick(rng, split), values).split())
    return Sample("out of reach", [("user", question), ("assistant", REFUSAL)])


def sums(rng: random.Random, split: str) -> Sample:
    """An addition. A tenth of all pairs with a two-digit number is never trained, in neither order."""
    while True:
        a, b = (
            (rng.randint(0, 99), rng.randint(0, 99))
            if rng.random() < 0.85
            else (rng.randint(0, 9), rng.randint(0, 9))
        )
        two_digits = a > 9 or b > 9
        if two_digits and held_out(f"{min(a, b)}+{max(a, b)}") == (split != "train"):
            break
        if not two_digits and split == "train":
            break
    question = fill(_SUM.pick(rng, split), {"a": a, "b": b})
    return Sample("sums", [("user", question), ("assistant", f"{a} + {b} = {a + b}")])


def recall(rng: random.Random, split: str) -> Sample:
    """Two or three turns: a name is told, and asked for later."""
    name = first_name(rng, split)
    told = _SMALL_TALK[6]
    turns = [
        ("user", fill(told[0].pick(rng, split), {"name": name})),
        ("assistant", fill(told[1], {"name": name})),
    ]
    if rng.random() < 0.4:
        turns += rng.choice([small_talk, sums])(rng, split).turns
    ask = expand(
        rng,
        "[What is my name|what's my name|Who am I|Do you know my name|Do you remember my name|Tell me my name|Say my name|How am I called][?|]",
    )
    if split == "train" and rng.random() < 0.6:
        ask = expand(rng, rng.choice(phrases.RECALL))
    if split == "unseen":
        ask = rng.choice(
            [
                "What was my name again?",
                "Can you recall my name?",
                "So who am I?",
                "Which name did I give you?",
            ]
        )
    return Sample("recall", [*turns, ("user", ask), ("assistant", f"Your name is {name}.")])
