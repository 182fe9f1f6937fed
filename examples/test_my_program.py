"""Test a program that uses a remote model, without the network: a provider on loopback answers as told."""

import genkit
from genkit.testing import Answer, LoopbackProvider


def summarize(generator: genkit.Generator, text: str) -> str:
    """The program to be tested."""
    return generator.generate(f"Summarize in one sentence:\n{text}", max_tokens=100).text


COMPLETION = {
    "id": "1",
    "object": "chat.completion",
    "model": "any",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "A fox."}, "finish_reason": "stop"}],
}

with (
    LoopbackProvider(Answer(body=COMPLETION)) as server,
    genkit.Generator("chat:any", base_url=server.url, api_key="test") as generator,
):
    assert summarize(generator, "Once upon a time …") == "A fox."
    assert server.requests[0].json["max_tokens"] == 100

busy = Answer(status=429, body={"error": {"message": "slow down"}})
with (
    LoopbackProvider(busy) as server,
    genkit.Generator("chat:any", base_url=server.url, api_key="test", attempts=1) as generator,
):
    try:
        summarize(generator, "Once upon a time …")
    except genkit.errors.RateLimited as error:
        print("as expected:", error)
