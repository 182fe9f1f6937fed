"""Stream a story from a model on this machine, and see what it cost.

python examples/story.py [MODEL.gguf]
"""

import sys

import genkit

model = f"llama:{sys.argv[1]}" if len(sys.argv) > 1 else "demo"
with (
    genkit.Generator(model) as generator,
    generator.stream("Tell me a story about a fox", max_tokens=200) as stream,
):
    for piece in stream.text:
        print(piece, end="", flush=True)

response = stream.response
print(f"\n\n{response.usage.output_tokens} tokens by {response.model}, ended by {response.finish_reason}")
