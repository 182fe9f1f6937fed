# ruff: noqa: E501 - tables of words and sentences
"""Skill: questions about genkit. One short true answer each; many ways to ask."""

from __future__ import annotations

import random

from .dialogue import Sample
from .phrases import questions_basics, questions_options, questions_promises
from .wording import Wordings, expand

# fmt: off
_HOW = ("[How do I|How can I|How to|how do I|How do you|How should I|How would I|What is the way to|Show me how to|Tell me how to|Can I|Can genkit|Is it possible to|"
        "I want to|Help me|please|In genkit, how do I|With genkit, how can I|Does genkit let me|how can one|I need to|What do I do to|Explain how to|genkit:|Could you show me how to]")
_END = "[?|?||.| with genkit?| in genkit?| using genkit?| with genkit| here?| in Python?]"


def _how(*tasks: str) -> str:
    """A how-to question about one of these tasks."""
    return f"{_HOW} [{'|'.join(tasks)}]{_END}"


_FACTS: list[tuple[str, list[str], list[str]]] = [
    ("genkit is a Python SDK that gives a program one Generator for every generative model: a quantized GGUF model on your own CPU, or a remote API.",
     ["[What is|What's|what is|Explain|Describe|Define|Tell me about|What does|tell me more about] [genkit|the genkit SDK|this library|this SDK|genkit-sdk|this package][?||.| for?| exactly?| good for?]",
      "[What does genkit do|What can genkit do|What can I do with genkit|Why genkit|Why should I use genkit|genkit?|genkit|What is genkit used for]", "[What|Which] [kind|sort] of [library|package|tool] is genkit?"],
     ["I keep hearing about genkit, what is that?", "Could you describe genkit in one sentence?", "What is the purpose of genkit?", "Give me a summary of genkit."]),
    ('Run pip install "genkit-sdk[local]", then import genkit.',
     [_how("install genkit", "install it", "install the SDK", "set up genkit", "get genkit", "download genkit", "set genkit up", "put genkit on my machine"),
      "[install|installation|setup|pip install|Installing genkit|how to install|pip][?||: how?]", "[Which|What] [pip command|command|package] [installs genkit|do I install|do I need][?|]", "Is genkit on [pip|PyPI]?"],
     ["What do I type to have genkit installed?", "Which steps are needed for the installation of genkit?", "Where do I get genkit from, with pip?"]),
    ("Call genkit.Generator().generate(prompt) and read reply.text.",
     [_how("generate text", "generate a text", "get text", "get an answer", "ask the model", "use genkit", "call the model", "create text", "get a reply", "run a prompt", "make the model answer", "prompt the model", "start", "produce text"),
      "[Show me an example|A short example|Hello world in genkit|first steps|quick start|getting started|example|usage example][?|.||, please]", "[Where is|What is in] the [generated text|reply text|answer]?"],
     ["What is the call that gives me some text?", "Where do I begin when I want text from a model?", "What does a minimal genkit program look like?"]),
    ("Use with gen.stream(prompt) as stream: and loop over stream.text.",
     [_how("stream", "stream text", "stream tokens", "stream the answer", "get a stream", "get tokens one by one", "stream a reply", "read the text while it is made", "see the text as it arrives", "print tokens as they come"),
      "[streaming|Streaming|stream|Does genkit stream|Is there streaming|Can it stream|does streaming work][?||, how?]"],
     ["Can the text come piece by piece while it is written?", "I would like streaming, what is the code?", "What is the streaming call?"]),
    ('Load it with genkit.Generator("llama:PATH.gguf").',
     [_how("use my own model", "use my own GGUF", "load a GGUF file", "load a model", "use another model", "open a GGUF", "choose a model", "switch the model", "use a bigger model", "run a llama model", "change the model", "use a local model file", "load a larger GGUF", "run Qwen", "run Mistral"),
      "[Which|What] models [can I use|does genkit support|work|are supported|can genkit run][?|]", "[my own GGUF|own model|custom model|GGUF|gguf file|bigger model][?||: how?]", "Can I [use|load] [Llama|Qwen|Mistral|Gemma|any GGUF|other models][?|]"],
     ["I have a GGUF on disk, what now?", "There is a model file on my laptop, how does genkit take it?", "What do I pass to Generator for a file of mine?"]),
    ('Use genkit.Generator("anthropic:MODEL"), or another provider, with the key in ANTHROPIC_API_KEY.',
     [_how("use a remote API", "use a remote model", "call OpenAI", "call Anthropic", "use Claude", "use GPT", "use Gemini", "use a cloud model", "use a hosted model", "call a provider", "talk to a remote provider", "use Groq"),
      "[remote API|remote model|remote models|OpenAI|Anthropic|Claude|Gemini|cloud models|providers|hosted models][?||: how?]", "[Which|What] [providers|remote APIs|vendors|cloud APIs] [can I use|does genkit support|work|are there][?|]", "Can I [use|call] [OpenAI|Anthropic|Claude|Gemini|a remote model|a hosted model|the cloud][?|]"],
     ["I pay for a cloud model, can genkit talk to it?", "Is a hosted API possible instead of a local file?", "What do I write to reach Claude?", "Are remote vendors supported?"]),
    ("Use await gen.agenerate(prompt), or gen.astream(prompt) for a stream.",
     [_how("use async", "use asyncio", "call it from async code", "await a reply", "generate asynchronously", "use genkit with asyncio", "run it async", "use it in an async function", "use await"),
      "[async|asyncio|async support|Is there an async API|Does genkit support async|Is genkit async|await][?||: how?]"],
     ["My program runs an event loop, how do I get text there?", "What are the async methods called?", "Is there something for asyncio programs?"]),
    ("Call gen.count(text).",
     [_how("count tokens", "count the tokens", "count the tokens of a text", "get the number of tokens", "know how many tokens a text has", "find out the token count", "measure a prompt in tokens"),
      "[How many tokens|Number of tokens|How long in tokens] [does my text have|has my prompt|is a text|in a text][?|]", "[token count|counting tokens|tokenize|count][?||: how?]"],
     ["What tells me the number of tokens in a string?", "I want to know my prompt's length in tokens.", "Is there a token counter?"]),
    ("Pass max_tokens=100 to generate.",
     [_how("limit the length", "limit the answer", "make answers shorter", "set the maximum length", "set max tokens", "cap the output", "get a short reply", "limit the number of tokens", "stop after 100 tokens", "restrict the length of the reply"),
      "[max_tokens|max tokens|maximum length|length limit|output limit|Which option limits the length][?||: how?]", "[The answer is|Replies are|Output is] too long[.|, what now?|!]"],
     ["What keeps the reply from getting too long?", "Which argument bounds the number of new tokens?", "Is there an upper limit for the reply's length that I may set?"]),
    ("Pass temperature=0.2 to generate.",
     [_how("set the temperature", "change the temperature", "lower the temperature", "make it less random", "make it more creative", "get less random answers", "use a low temperature", "control randomness", "pass a temperature"),
      "[temperature|Temperature|randomness|creativity|Which option sets the temperature][?||: how?]", "[The text is|Answers are|It is] too [random|wild][.|, what now?|!]"],
     ["Where does the temperature go?", "What makes the answers less random?", "Which parameter is for temperature?"]),
    ("Pass seed=42 to generate.",
     [_how("set a seed", "use a seed", "get the same answer twice", "make it reproducible", "get reproducible output", "get the same text again", "fix the seed", "repeat a result", "get deterministic output"),
      "[seed|Seed|reproducibility|random seed|Is it deterministic|Which option sets the seed][?||: how?]"],
     ["I need identical output on every run.", "What makes two runs give the same text?", "Where does the seed go?"]),
    ('Pass stop=["END"] to generate.',
     [_how("use stop strings", "set a stop string", "stop at a word", "end the text at a string", "use stop words", "stop generation at END", "set stop sequences", "make it stop at a word", "define a stop sequence"),
      "[stop strings|stop words|stop sequences|stop string|stop sequence|stop][?||: how?]"],
     ["I want the text to end when a certain word appears.", "Which argument takes the stop strings?", "Are there stop strings?"]),
    ('Pass system="..." to generate.',
     [_how("set a system prompt", "use a system prompt", "give instructions to the model", "pass a system message", "set the system message", "add a system prompt", "tell the model who it is", "give the model a role", "set a persona"),
      "[system prompt|system message|System prompt|system|Is there a system prompt][?||: how?]"],
     ["Where do I put the system prompt?", "Which argument is for the system message?", "What about a system prompt?"]),
    ("Pass top_p, top_k or min_p to generate, such as top_p=0.9.",
     [_how("set top_p", "set top_k", "set min_p", "use top_p", "use nucleus sampling", "use top_k sampling", "change top_k", "change the sampling", "set sampling options", "control sampling", "use min_p"),
      "[top_p|top_k|min_p|top p|top k|sampling|nucleus sampling|sampling options|Which sampling options are there][?||: how?]"],
     ["Are top_k and top_p supported?", "Which sampling parameters exist?", "Where does top_p go?"]),
    ("Read reply.usage.",
     [_how("get the usage", "see the token usage", "know how many tokens were used", "read the usage", "track usage", "see how many tokens a reply took", "find the tokens that were used", "get usage numbers"),
      "[usage|token usage|Usage|Where is the usage|Where do I find the usage][?||: how?]", "How many tokens [did I use|were used|did the reply use|did it cost][?|]"],
     ["Where is it written how many tokens the call took?", "What attribute holds the token usage?", "Can I see what a reply used up?"]),
    ("Read reply.finish_reason.",
     [_how("get the finish reason", "know why it stopped", "see why the text ended", "find out why generation stopped", "read the finish reason", "check if the reply was cut off", "see if the answer is complete"),
      "[finish reason|finish_reason|Where is the finish reason|Why did it stop|Why did the model stop|Was my reply cut off][?||: how?]"],
     ["What tells me whether the reply was cut?", "How come the text ended, where can I see that?", "Which attribute says why the model stopped?"]),
    ("Call gen.warm() to load the model ahead of time.",
     [_how("load the model ahead", "preload the model", "warm up", "warm the model up", "load ahead of time", "make the first call faster", "avoid a slow first call", "load the model early", "load the model before the first call"),
      "[warm|warm up|preload|preloading|warmup|Why is the first call slow][?||: how?]"],
     ["The very first reply takes long, what helps?", "Is there a way to have the model in memory before I ask?", "What does one call to warm up the model?"]),
    ("Call gen.close(), or use the Generator in a with block.",
     [_how("free the model", "close the generator", "free memory", "unload the model", "release the memory", "close it", "clean up", "shut it down", "stop the generator", "get the memory back"),
      "[close|cleanup|unload|closing|free memory|Do I have to close it|Should I close the Generator][?||: how?]"],
     ["I am done with the model, what should I call?", "What gives the memory back?", "What about cleaning up at the end?"]),
    ("Pass context=4096 to genkit.Generator.",
     [_how("set the context window", "change the context size", "use a larger context", "set the context length", "get a longer context", "increase the context window", "use long prompts", "make the context bigger"),
      "[context|context window|context size|context length|How big is the context|n_ctx][?||: how?]", "My prompt is too long[.|, what now?|!]"],
     ["Where do I say how large the context should be?", "What decides how much text fits into the model?", "Which option is for the context window?"]),
    ("Pass threads=4 to genkit.Generator.",
     [_how("set the threads", "set the number of threads", "use more threads", "use all cores", "use four cores", "limit CPU use", "change the thread count", "use fewer threads", "choose how many cores it uses"),
      "[threads|thread count|number of threads|CPU cores|cores|How many threads does it use][?||: how?]"],
     ["Where does the thread count go?", "Which argument says how many cores are busy?", "Can it run on two cores only?"]),
    ("Pass gpu_layers=99 to genkit.Generator, with a GPU build of llama-cpp-python.",
     [_how("use my GPU", "use a GPU", "run on the GPU", "use CUDA", "offload layers to the GPU", "run it on a graphics card", "enable the GPU", "use Metal", "make use of my NVIDIA card"),
      "[GPU|gpu|CUDA|gpu_layers|GPU support|Does genkit support GPUs|Does it run on a GPU|Is there GPU support][?||: how?]"],
     ["I own a graphics card, can genkit profit from it?", "What must I set for GPU layers?", "Will my GPU be of use?"]),
    ("genkit.Generator() runs the model in the box: no key, no download, no network.",
     ["[Does|Can] [genkit|it|this] [work|run] [offline|without internet|without a network|without an API key|with no network|without a key][?|]",
      "[Do I need|Does genkit need|Is there|Does it need|Must I have] [an API key|a key|the internet|internet|a network|an account|a download|to download a model|a connection][?|| for genkit?]",
      "[offline|Offline|API key|no internet|Is genkit offline|Is it local|Is it free of network access|Where do I set the API key|Can I work offline][?||: how?]", "Is my data sent [anywhere|to a server|to the cloud][?|]"],
     ["I am on a plane without wifi, will it run?", "Is an internet connection required?", "Which API key must I buy?"]),
    ("The model runs in a worker process: your program gets a typed error and the next call works.",
     ["[What happens|What] if the [model|worker|process|backend|llama] [crashes|dies|fails|breaks|is killed][?|]", "[Can|Could|Will] a [crash|bad model|broken GGUF|segfault] [kill|stop|break|end] my program[?|]",
      "[crash|crashes|crash safety|Is it crash safe|segfault|Is genkit safe against crashes][?|]", "[Does|Will] my program [survive|die in] a crash[?| of the model?]", "[Why|Where] [is there a|does it use a|does the model run in a] [worker|worker process|separate process][?|]"],
     ["The model died, is my program lost?", "Suppose llama.cpp crashes, what do I get?", "Does a crash take everything down?"]),
    ("Every error is a genkit.GenkitError.",
     [_how("catch errors", "handle errors", "catch exceptions", "handle an exception", "catch all errors", "deal with errors", "deal with failures"),
      "[Which|What] [error|errors|exception|exceptions] [does genkit raise|can it raise|should I catch|are there|do I catch][?|]", "[errors|exceptions|error handling|GenkitError|exception][?||: how?]"],
     ["What should my except clause name?", "Is there a base class for the errors?", "In case something fails, what is raised?"]),
    ('On the command line: genkit run "prompt", genkit chat, genkit doctor or genkit count.',
     [_how("use the command line", "use genkit from the terminal", "use the CLI", "run a prompt from the shell", "use it in a terminal", "use genkit in the shell", "chat in the terminal"),
      "[Is there|Does genkit have|Which commands has] [a command line|a CLI|a terminal command|a command|the CLI][?|| tool?]", "[command line|CLI|cli|terminal|commands of genkit|Which commands are there][?||: how?]"],
     ["Can I try it from my shell without writing Python?", "What does the terminal tool offer?", "Which subcommands exist?"]),
    ("Run genkit doctor.",
     [_how("check the installation", "check my setup", "test the installation", "diagnose problems", "see if genkit works", "find out what is wrong", "verify the installation", "troubleshoot"),
      "[genkit doctor|doctor|diagnosis|troubleshooting|What does genkit doctor do|Is my installation fine|Is genkit installed correctly][?||: how?]", "[genkit|It|Something] does not work[.|, what now?|!]"],
     ["Something is broken in my setup, which command looks into it?", "How can I be sure that all is installed well?"]),
    ("genkit is under the MIT licence.",
     ["[What|Which] [licence|license] [does genkit have|is genkit under|has genkit|is it|is used][?|]", "[licence|license|Licence|MIT|Is genkit MIT|Is genkit open source|Is it open source|Is genkit free][?|]",
      "[Can|May] I use [genkit|it] [commercially|in my company|in a product|at work|for free][?|]", "What does genkit cost[?|]"],
     ["Under which terms is genkit published?", "Am I allowed to ship genkit in a commercial app?", "Tell me the license."]),
    ("genkit works with Python 3.10 to 3.14.",
     ["[Which|What] [Python versions|Python version|Python|versions of Python] [does genkit support|do I need|does it need|are supported|work|is required][?|]",
      "[Does|Will] [genkit|it] [work|run] [with|on] Python [3.9|3.10|3.11|3.12|3.13|3.14][?|]", "[Python version|Python versions|python version|supported Pythons][?|]"],
     ["My interpreter is Python 3.12, is that fine?", "How new must my Python be?", "Tell me the supported Python versions."]),
    ("Yes, one Generator can be used from any thread.",
     ["[Is|Is the] [genkit|Generator|it|a Generator] thread[-| ]safe[?|]", "[Can|May] I [use|call|share] [one Generator|genkit|it|a Generator|the same Generator] [from|in|between|across] [several|many|two|different|other|multiple] threads[?|]",
      "[thread safety|thread safe|multithreading|threading|concurrency][?|]", "[Does|Will] [genkit|it] work [with|in] [threads|a thread pool|several threads][?|]"],
     ["Two threads want the same Generator, is that allowed?", "What about sharing the Generator between workers of a pool?"]),
    ("I'm the tiny demo model in genkit's box: about four million parameters, a toy for trying genkit and for its tests.",
     ["[Who are you|What are you|what is your name|What's your name|Introduce yourself|Tell me who you are|Who am I talking to|Which model are you|What model is this|who are you][?|.|| please]",
      "[How big are you|How many parameters do you have|What size are you|How large are you|how small are you|Are you big|Are you small][?|]", "[Are you|Is this] [good|any good|smart|clever|a robot|a human|an AI|ChatGPT|GPT|Llama|a real model|a toy|the demo model|real|a person][?|]",
      "[What is|Tell me about|What's] [the demo model|the model in the box|the toy model|this model|demo.gguf|the built-in model|the default model][?|.|]", "[Who|What] [made|trained|created|built] you[?|]", "[Can I|Should I] use you in production[?|]"],
     ["Could you tell me a bit about yourself?", "Are you as clever as the big models?", "What sort of model am I chatting with?", "And your name is?"]),
    ("The one inside the GGUF file.",
     ["[Which|What] [chat template|template|prompt format|prompt template] [does genkit use|is used|do I need|does it use|must I use][?|]", "[chat template|chat templates|prompt template|template|prompt format][?||: how?]",
      _how("set the chat template", "choose a chat template", "format the prompt", "use a chat template")],
     ["Must I write the chat format myself?", "Where does the chat template come from?"]),
]

_BEFORE = ("[Hi, |Hello! |Hey, |Sorry, |Excuse me, |Please, |OK, |So, |And |Also, |Well, |One more thing: |A quick question: |Quick question: |Question: |I wonder: |Tell me, |I forgot, |"
           "I am new here, |I am lost: |My boss asks: |A friend asked me: |I read the docs, but |For my project: |Before I start: |Next, |Again: |By the way, |Just curious: |Look, |Help! |Maybe you know, |]")
_BEHIND = "[? Thanks!|? Thank you.|, please?|, please.|? I need it today.|? I could not find it.|? Any help is welcome.|??|?!| ...| again?|, do you know?| now?|. Thanks|? Tell me.|? Be brief.|? I forgot.|]"
# fmt: on


ANSWERS = [answer for answer, _, _ in _FACTS]
_QUESTIONS = {**questions_basics.QUESTIONS, **questions_options.QUESTIONS, **questions_promises.QUESTIONS}
_BANKS = [Wordings(train, unseen, more=_QUESTIONS[i]) for i, (_, train, unseen) in enumerate(_FACTS)]


def sample(rng: random.Random, split: str) -> Sample:
    """One question about genkit, and its answer."""
    topic = rng.randrange(len(ANSWERS))
    question = _BANKS[topic].pick(rng, split)
    if split == "train" and rng.random() < 0.2:
        question = expand(rng, _BEFORE) + question[:1].lower() + question[1:]
    if split == "train" and rng.random() < 0.15:
        question = question.rstrip("?.! ") + expand(rng, _BEHIND)
    return Sample("genkit", [("user", question), ("assistant", ANSWERS[topic])])
