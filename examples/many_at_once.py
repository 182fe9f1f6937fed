"""Ask many questions at once with asyncio, and survive the ones that fail."""

import asyncio

import genkit


async def ask(generator: genkit.Generator, question: str) -> str:
    try:
        answer = await generator.agenerate(question, max_tokens=40, temperature=0)
    except genkit.GenkitError as error:
        return f"failed: {error}"
    return answer.text


async def main() -> None:
    questions = [f"What is {n} + {n}?" for n in range(1, 6)] + ["word " * 5000]
    async with genkit.Generator() as generator:
        for answer in await asyncio.gather(*[ask(generator, question) for question in questions]):
            print(answer)


asyncio.run(main())
