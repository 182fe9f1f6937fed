# ruff: noqa: E501, SIM905 - tables of words and sentences
"""More wordings for requests of a story, by bank, and more kinds of hero."""

from __future__ import annotations

# fmt: off
# TELL_STORY is followed by one of the "about" banks (and perhaps by an end such as "?" or ", please."); BARE and KIND_ONLY stand alone.
ASK: dict[str, list[str]] = {
    "TELL_STORY": [
        "I am in the mood for [a story|a tale|a good story]", "I feel like [hearing|reading] [a story|a little tale]", "My [son|daughter|little brother|niece] wants [a story|a bedtime story]",
        "My [daughter|son|baby] can't sleep. [We need|Tell her|Tell him] a [story|tale|bedtime story]", "The [children|kids|little ones] are waiting for [a story|their story|a tale]",
        "It's bedtime, so [tell|read|give] us a [story|tale]", "Before I [go to bed|fall asleep|sleep], [tell me|let me have] a [story|short tale]", "How about [a story|a tale|a nice little story]",
        "What about [a story|a short story|a fairy tale]", "Do you [happen to |]know [a story|a tale|any fairy tale]", "Is there [a story|a tale|some story] you [can tell|know]",
        "Have you [ever heard|got|learned] a [story|tale]", "Would you [mind telling|tell|be so kind as to tell] me a [story|tale]", "Can I [have|hear|get] a [story|tale|little story]", "May I [ask for|hear|have] [a story|one more story]",
        "Could we [hear|have|get] a [new |]story", "I need a [short |]story [for school|for my class|for my kids|for tonight]", "For [my class|a school play|my blog|English class], write a [story|short text]",
        "Entertain me with a [story|tale]", "Come up with a [story|fairy tale|short tale]", "Think up [a story|a tale|something like a fairy tale]", "Put together a [short |]story",
        "Spin [me |us |]a [yarn|tale]", "Dream up a [story|tale]", "Imagine [a story|a tale]", "Start a [story|fairy tale]", "Produce a [few lines of story|story of a few lines|short story]",
        "Let's [have|hear|make] a [story|tale]", "One [short |]story", "Some [little |]story", "[Six|Seven|Eight|A few] sentences of [story|a fairy tale]",
        "Please, a [story|tale]", "Story wanted", "Your task is to [write|tell] a [short |]story", "It would be [nice|lovely|great] to hear a [story|tale]", "Nothing too long, just a [story|tale]",
        "[Hi|Hello|Hey], [tell us|could you tell me|I want] a [story|tale]", "Grandpa, tell [me|us] a [story|tale]",
    ],
    "kind": [
        "with {a_k} as [the hero|the main character|its hero|the star]", "of {a_k} and [its|the] [friends|adventures]", "on the life of {a_k}",
        "and let {a_k} be [the hero|in it]", "and make it about {a_k}", "- the hero should be {a_k}", "with a [part|big part] for {a_k}", "that tells what happened to {a_k}", "that begins with {a_k}", "for someone who [loves|likes] {k}s, so about {a_k}",
    ],
    "kind name": [
        "about {a_k} that [people|everyone|we all] [call|calls] {n}", "in which {a_k} called {n} [is the hero|does something good]", "with {n} the {k} as the hero", "starring {n}, {a_k}", "and let the hero be {n} the {k}",
        "about my [pet|toy|favourite] {k}, {n}", "about {a_k}, and call it {n}", "about {a_k} (name: {n})", "where {n} is {a_k}", "on what happened to {n}, the {k}",
    ],
    "name": [
        "that has {n} in it", "in which {n} is the hero", "for [my son|my daughter|little|my friend] {n}, with {n} in it", "whose hero is called {n}", "where the hero's name is {n}", "and name the hero {n}", "of {n}'s adventures", "starring {n}",
    ],
    "kind place": [
        "about {a_k} that makes its home in {p}", "about {a_k} lost in {p}", "in which {a_k} [walks|gets|travels] to {p}", "about {p} and {a_k} there", "with {p} as the place and {a_k} as the hero", "where {a_k} lives [close to|not far from] {p}", "about the {k} of {p}",
    ],
    "place": [
        "where everything happens in {p}", "with {p} in it", "that starts [near|in] {p}", "about life in {p}", "and let it happen near {p}",
    ],
    "thing": [
        "in which [somebody|someone|the hero] [finds|loses|looks for] {a_o}", "that has {a_o} in it", "on the [search for|secret of] {a_o}", "where {a_o} [is lost|plays a part|is important]", "about someone and [a|his|her] {o}", "and put {a_o} in it",
        "about {a_o} that [went missing|nobody could find|was lost]", "of the {o}",
    ],
    "BARE": [
        "I'm bored, tell me [something|a story].", "[I can't sleep|It is late|We're in bed]. Story?", "What story do you have for [me|us] [today|tonight]?", "Bedtime[!|.] [Your turn|Story time|We want a story].", "Begin with 'once upon a time'.",
        "There once lived", "In a land far away", "[tale|bedtime story|fairy tale|short story][ please|!|?|]", "Got any [tales|stories|bedtime stories]?", "Which story do you [like|know] best? Tell it.", "Go on, tell [us|me] one of your stories.",
        "We love stories. Let us hear one.", "Can you tell stories? Then do.", "Any story will do.", "Just [make|think] something up for the kids.",
    ],
    "KIND_ONLY": [
        "[hero|Hero|main character]: {a_k}. Write the story.", "{a_k}, a tale", "[I love|My kids love|We like] {k}s. [Tell me a story|Do you have a story for us|Story, please].", "Let {a_k} have an adventure.", "There lived {a_k}[...| once|]",
        "What did the {k} do? Tell the story.", "The tale of the {k}[.|, please.|]", "Make {a_k} the hero of a [story|tale|fairy tale].", "The hero of the story is {a_k}. [Begin|Go on|Start]!", "Take {a_k} and make a story out of it.",
        "Story topic: {k}", "{k}: [story|tale|bedtime story|short story]", "How does the tale of the {k} go?", "A bedtime story, and it has to have {a_k} in it[.|!]", "Long ago there lived {a_k}[.||, and then?]",
    ],
}

# Whole requests, in which the hero, place or thing does not come last; by the kind of request, with the slots of that kind.
WHOLE: dict[str, list[str]] = {
    "kind": [
        "I want {a_k} in [a|my] story. [Please write it|Can you do that|Tell it].", "About {a_k}, please tell me a [story|tale].", "[Is|Can] {a_k} [good for|be the hero of] a story? Tell me one.", "Use {a_k} as the hero and tell a [story|tale].",
        "My [son|daughter] asked for {a_k} in [his|her] bedtime story. Can you help?", "Today we saw {a_k}. [Make|Write] a story [of|about] it.", "The story should have {a_k} in it[.|, the rest is up to you.]", "If {a_k} could have an adventure, what would it be? Tell it as a story.",
        "{k}s are my favourite, so tell me a story with one.", "Something with {a_k}, a short tale if you can.", "For my [niece|nephew|class], who [loves|likes] {k}s: a story.", "No monsters tonight, tell us about {a_k}.",
    ],
    "kind name": [
        "{n} is {a_k}. Tell [me|us] [a story about {n}|what happened to {n}|the story].", "My {k} is [called|named] {n}. [Write|Make] a story [for me|with both of us in mind|about it].", "The hero is {a_k} and the name is {n}. Write the [story|tale].", "{n} the {k}: a [story|tale|fairy tale]",
        "Once there was {a_k} [named|called] {n}[...||. Go on.]", "Let {n} the {k} have an adventure[.|!]", "Hero: {n}. Kind: {k}. [Story, please.|Write a story.]", "Who was {n} the {k}? Tell the tale.", "Call the hero {n}, make it {a_k}, and tell the story.", "I drew {a_k} and named it {n}. Now I need a story.",
    ],
    "name": [
        "{n} needs a story [tonight|today|of their own].", "Hero: {n}. Tell the story.", "The hero of the tale is [named|called] {n}. [Begin|Start]!", "Once there lived somebody called {n}[...|]", "Let {n} be the hero of [your|the|a] story.", "What adventure did {n} have? Tell me as a story.",
    ],
    "kind place": [
        "There is {a_k} in {p}. Tell [me|us] [its story|a story about it].", "In {p} lives {a_k}. What happens [then|next]? Tell the story.", "Place: {p}. Hero: {a_k}. Write a [story|tale].", "Put {a_k} in {p} and tell [a story|the tale].", "{a_k}, {p}, one short story, please.", "Take {p}, add {a_k}, and make a story.",
    ],
    "place": [
        "Let the story [happen|take place|begin] in {p}.", "In {p} something happened. Tell [me|us] the story.", "Place of the story: {p}. The hero is up to you.", "We are going to {p} [tomorrow|next week]. Tell us a story that fits.", "What happened in {p}? A tale, please.",
    ],
    "thing": [
        "Someone finds {a_o}. [Tell the story|What happens next? Tell it as a story].", "The story has to have {a_o} in it.", "I lost my {o} today. Tell me a story about one.", "{o}: a short [story|tale]", "Use the word '{o}' in a story.", "Let {a_o} be the [treasure|prize|present] in a story.", "What could {a_o} do in a fairy tale? Tell one.",
    ],
}

KINDS: list[str] = """hamster parrot eagle hawk swallow peacock ostrich flamingo pelican stork turkey mole weasel ferret raccoon skunk moose buffalo
calf pigeon dove lizard snake crocodile toad salmon shark octopus lobster starfish walrus panda koala kangaroo giraffe zebra hippo rhino
leopard cheetah jaguar gorilla llama goldfish cricket ladybug moth worm firefly pilot nurse doctor soldier carpenter blacksmith miller
hunter dancer singer clockmaker gnome troll goblin wanderer plumber cook cobbler""".split()
# fmt: on
