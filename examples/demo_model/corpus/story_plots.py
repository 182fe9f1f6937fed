# ruff: noqa: E501 - tables of words and sentences
"""Plots: each is a list of stages, each stage a list of ways to say it. stories.py fills the slots.

``{n}`` name, ``{k}`` kind of hero, ``{a_k}`` the same with its article, ``{he} {him} {his} {He} {His}`` pronouns, ``{t}`` and ``{t2}`` traits,
``{p}`` and ``{q}`` places, ``{o}`` and ``{a_o}`` a thing, ``{u}`` and ``{a_u}`` a second creature.
"""

from __future__ import annotations

OPENINGS = [
    "Once upon a time there was {a_t} {k} named {n} who lived near {p}.",
    "[Long ago|Many years ago|Once], near {p}, there lived {a_t} {k} called {n}.",
    "{n} was {a_t} {k} who lived near {p}.",
    "Near {p} lived {a_t} {k} [named|called] {n}.",
    "There once was {a_k} named {n}, a very {t2} {k} near {p}.",
    "Once upon a time, {a_t} {k} named {n} [made {his} home|lived all alone|lived happily] near {p}.",
]
HABITS = [
    "Everyone [knew|loved] {n}, because {he} was [so|always] {t2}.",
    "{n} [loved|liked] [long walks|the morning sun|warm soup|old songs|the smell of rain] more than anything.",
    "Every [morning|evening|night], {he} [looked at the stars|sang a little song|sat by the water|watched the clouds|told {his} dreams to the moon].",
    "{He} had [never|not once] left {his} home, but {he} [often |always |]dreamed of [faraway lands|great adventures|the sea|the stars].",
    "{He} was [small|not very big], but {his} heart was [big|full of courage|as wide as the sky].",
    "{His} friends said that no one was as {t2} as {n}.",
]
ENDINGS = [
    "From that day on, {n} was never [lonely|afraid|sad] again.",
    "And {n} lived happily [ever after|for many years].",
    "That night {n} [fell asleep with a smile|slept better than ever before|dreamed of new adventures].",
    "{n} [never forgot|always remembered] that day.",
    "And if you visit {p}, you may still meet {n}.",
    "In the end, {n} knew that {he} was [braver|stronger|luckier] than {he} had thought.",
]
PLOTS: dict[str, list[list[str]]] = {
    "lost": [
        [
            "One [morning|day|evening], {n} noticed that {his} {o} was gone.",
            "One [morning|day], {n} could not find {his} {o} anywhere.",
            "But one night the wind carried away {his} {o}.",
        ],
        [
            "{He} looked [under the bed|behind every tree|in every corner], but there was nothing.",
            '"Where can my {o} be?" {he} [cried|asked|whispered].',
            "{He} searched [all day|for hours|high and low] and found only [dust|leaves|a feather].",
        ],
        [
            "Then {he} met {a_u} who had seen something [shiny|strange] near {q}.",
            '{A_u} came by and said, "I saw your {o} near {q}."',
            "At last {he} asked {a_u}, and the {u} pointed to {q}.",
        ],
        [
            "So [they walked together|the two went together|they ran together] until the sun went down.",
            "Together they [followed the tracks|crossed a little stream|climbed a hill] and did not give up.",
            "{n} took a deep breath and followed the {u}.",
        ],
        [
            "There, [under a leaf|between two stones|in the tall grass], lay the {o}.",
            "And there it was: the {o}, [safe and dry|a little dirty|as good as new]!",
            "When they arrived, the {o} was [hanging on a branch|lying in the sand].",
        ],
        [
            "{n} hugged the {u} and [laughed|danced with joy|shared {his} supper].",
            '"Thank you," said {n}, and the {u} [smiled|bowed|became {his} best friend].',
        ],
    ],
    "friend": [
        [
            "But {n} had no friends, and the days were [long|quiet|slow].",
            "Still, {n} [often felt alone|wished for a friend].",
        ],
        [
            "One [day|afternoon|rainy evening], {he} [heard a soft voice|saw small footprints|heard somebody cry] near {q}.",
            "One [day|spring morning], {a_u} [came to|moved to|got lost near] {q}.",
        ],
        [
            "It was {a_u}, [cold and hungry|lost and tired|too shy to speak].",
            "The {u} was [new there|very shy|far from home] and knew nobody.",
        ],
        [
            '"Are you [all right|lost|hungry]?" asked {n}.',
            '"You can [stay with me|share my soup|play with me]," said {n}.',
            "{n} [smiled|waved] and gave the {u} {his} {o}.",
        ],
        [
            "They [talked|played|laughed] until the [moon came up|stars came out|sun went down].",
            "Soon the two were [laughing|singing|playing] together as if they had always known each other.",
            "The {u} showed {him} [a secret path|how to whistle|a funny dance], and they laughed a lot.",
        ],
        [
            "After that they met every [day|morning|evening] near {p}.",
            "Now there were two of them, and the days were never [long|quiet|dull] again.",
        ],
    ],
    "storm": [
        [
            "One [night|day|autumn evening], a [great|terrible|wild] storm came [over the hills|from the sea|out of nowhere].",
            "Then the sky turned [black|dark|grey] and it rained for [three days|a whole week].",
        ],
        [
            "The wind [howled|roared] and [trees fell|roofs flew away|everyone hid].",
            "All the others were [afraid|scared] and hid, but {n} stayed calm.",
        ],
        [
            "Suddenly {n} heard {a_u} [calling for help|crying] near {q}.",
            "Through the rain {he} saw {a_u} who [could not swim|was stuck under a branch|had lost the way].",
        ],
        [
            "{n} was afraid too, but {he} [ran out into the rain|took {his} {o} and went out|did not wait].",
            '"Hold on, I am coming!" [shouted|called] {n}.',
        ],
        [
            "With [all {his} strength|the help of {his} {o}], {he} pulled the {u} [out of the water|to safety|onto dry land].",
            "{He} [reached out|jumped] and [caught|saved] the {u} just in time.",
        ],
        [
            "When the sun came back, everyone [cheered|clapped|sang] for {n}.",
            "In the morning the storm was over, and the {u} [thanked {n}|gave {n} a kiss|told everyone what {n} had done].",
        ],
    ],
    "contest": [
        [
            "One [spring|summer|day], a great [race|contest|game] was [announced|held] near {q}.",
            "Every year there was a [race|contest] near {q}, and this time {n} wanted to [take part|win].",
        ],
        [
            "The prize was a golden {o}.",
            "The winner would get a [golden|silver] {o}.",
            '"You are too small," [laughed|said] {a_u}, but {n} did not listen.',
        ],
        [
            "{n} trained [day and night|every morning|for many weeks].",
            "{He} got up early and practised until {his} feet hurt.",
        ],
        [
            "On the big day, {he} was [nervous|excited], but {he} did {his} best.",
            "At the start, everyone was faster than {n}.",
        ],
        [
            "Halfway there, {he} saw {a_u} who had fallen, and {he} stopped to help.",
            "Then {a_u} fell into the mud, and {n} [stopped|turned back] to help.",
        ],
        [
            "{n} did not win, but [everyone cheered for {him}|the {u} shared the prize with {him}|the {u} carried {him} home in triumph].",
            "{He} came in last, yet the judges gave the {o} to {n} for {his} kind heart.",
        ],
    ],
    "treasure": [
        [
            "One day {he} found [an old map|a torn map|a letter with a map] [under a stone|inside a bottle|in a dusty box].",
            "One [evening|day], {a_u} gave {n} an old map.",
        ],
        [
            "It showed the way to {q}, where a [magic|golden|silver] {o} was hidden.",
            "The map led to {q}, and in the middle was a red cross.",
        ],
        [
            "{n} packed [some bread|a lantern|a rope and an apple] and set off [at dawn|at once].",
            '"I will find it," said {n}, and {he} [left the next morning|began to walk].',
        ],
        [
            "On the way {he} met {a_u} who [blocked the path|asked a riddle|wanted to come along].",
            "The path was [steep|long|full of thorns], and a {u} [followed {him}|helped {him} along].",
        ],
        [
            "At last they [dug|looked] under the oldest tree and found a [small|heavy|rusty] chest.",
            "After [three days|many hours], {he} reached the place and [opened an old door|found a wooden chest].",
        ],
        [
            "Inside was the {o}, and it [shone like the sun|hummed a quiet song|was more beautiful than {he} had dreamed].",
            'There lay the {o}, and a note: "The real treasure is a good friend."',
        ],
    ],
    "learning": [
        [
            "There was one thing {n} could not do: {he} could not [sing|dance|swim|whistle|climb].",
            "More than anything, {n} wanted to learn how to [sing|dance|swim|whistle|fly a kite].",
        ],
        [
            "{He} tried and tried, but it [went wrong|did not work] every time.",
            "The others laughed when {he} [fell down|made a mistake|tried].",
        ],
        [
            "One day {he} [met|saw] an old {u} near {q}.",
            "Then an old {u} from {q} saw {him} and came closer.",
        ],
        [
            '"Do not hurry," said the {u}. "Small steps are steps too."',
            '"I will show you," said the {u}, "but you must be patient."',
        ],
        [
            "So {n} practised [every day|a little each morning], even [in the rain|when {he} was tired].",
            "Day after day, {he} got a little better.",
        ],
        [
            "And one [bright|sunny|quiet] morning, {he} could do it!",
            "Then, suddenly, it worked, and {n} [jumped with joy|could hardly believe it].",
        ],
    ],
    "noise": [
        [
            "One night {he} heard a strange sound coming from {q}.",
            "One [dark|windy] night, there was a [knock|scratching sound|strange light] near {q}.",
        ],
        [
            '"Who is there?" asked {n}, but [nobody answered|there was no answer].',
            "Everyone said it was a ghost, but {n} wanted to know the truth.",
        ],
        [
            "{He} took {his} {o} and [crept|tiptoed|walked slowly] into the dark.",
            "With a [candle|lantern] in one hand and {his} {o} in the other, {he} went to look.",
        ],
        [
            "{His} heart was beating [fast|like a drum], but {he} went on.",
            "[Step by step|Slowly], {he} came closer.",
        ],
        [
            "It was only {a_u} who [was looking for food|could not sleep|was practising the drum]!",
            "And what did {he} find? {A_u} with a [cold|broken cup|big book]!",
        ],
        [
            "They both laughed and [drank tea together|shared a piece of cake|sat under the stars].",
            '"You scared me!" said {n}, and the two [became friends|laughed until the morning].',
        ],
    ],
    "gift": [
        [
            "It was [nearly winter|a cold day|the day before the big feast], and {n} had only one {o}.",
            "{n} owned just one precious thing: {a_o}.",
        ],
        [
            "On the road to {q}, {he} met {a_u} who was [cold|sad|very poor].",
            "One day {a_u} from {q} knocked at the door and asked for help.",
        ],
        [
            "{n} thought for a moment and gave away the {o}.",
            '"Take my {o}," said {n}. "You need it more than I do."',
        ],
        [
            "The {u} [thanked {him}|smiled] and [vanished in the snow|walked away].",
            "The {u} could not believe it and [cried with joy|hugged {him}].",
        ],
        [
            "The next morning there was a [big box|basket full of fruit|warm coat] at the door.",
            "Days later, when {n} was [hungry|ill|lost], the same {u} came back to help.",
        ],
        [
            '"A kind heart is never poor," [said the {u}|read the note].',
            "So {n} learned that [giving makes you rich|kindness always comes back].",
        ],
    ],
    "star": [
        [
            "One night a little star fell from the sky and landed near {q}.",
            "One [clear|quiet] night, {n} saw a star fall behind {q}.",
        ],
        [
            "{n} ran to see it and found it [crying|blinking softly|shivering in the grass].",
            'When {he} came close, the star [whispered|said], "I want to go home."',
        ],
        [
            '"Do not be afraid, I will help you," said {n}.',
            "{He} wrapped it in a [warm blanket|leaf|scarf] and thought hard.",
        ],
        [
            "{He} asked {a_u} for advice, and together they built a [tall ladder|kite|big slingshot].",
            "{A_u} knew a [mountain|tower] that touched the clouds, and they climbed it together.",
        ],
        [
            "At midnight they [reached the top|were ready], and the star [flew up|floated back] into the sky.",
            "With one last [push|jump], the star was home again.",
        ],
        [
            "Now it [shines|blinks|twinkles] every night [just for {n}|above {p}].",
            "Since then, one star has shone brighter than all the others.",
        ],
    ],
}
