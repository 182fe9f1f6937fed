"""What a remote call costs: genkit against raw httpx, and openai, litellm, pydantic-ai where installed.

One loopback server, in a process of its own, answers all of them with the same bytes::

    python benchmarks/remote.py            # a minute
    python benchmarks/remote.py --smoke    # seconds: to see that it runs

Every figure is taken in a fresh interpreter, with the clients in turn, and is the least of its rounds.
"""

# ruff: noqa: PLC0415 - a client is imported in the process that measures it, and in no other

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any


def chunk(delta: dict[str, str], finish_reason: str | None = None) -> bytes:
    """One chunk of a stream."""
    told = {
        "id": "chatcmpl-123",
        "object": "chat.completion.chunk",
        "created": 1694268190,
        "model": "m",
        "system_fingerprint": "fp_44709d6fcb",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}],
    }
    return b"data: " + json.dumps(told).encode() + b"\n\n"


BODY = {
    "id": "chatcmpl-123",
    "object": "chat.completion",
    "created": 1694268190,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello!"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 12, "total_tokens": 21},
}
MESSAGES = [{"role": "user", "content": "hi"}]
CHUNKS = 5000
IN_FLIGHT = 64


def serve() -> None:
    """The server: chunks of a stream are one HTTP chunk each, all sent at once."""
    from genkit.testing import Answer, Asked, LoopbackProvider

    lines = [chunk({"content": f"word {number}"}) for number in range(CHUNKS)]
    lines += [chunk({}, "stop"), b"data: [DONE]\n\n"]
    stream = b"".join(Answer(body=iter(lines)).pieces())
    whole = b"".join(Answer(body=BODY).pieces())

    def answer(asked: Asked) -> Answer:
        return Answer(raw=stream if asked.json.get("stream") else whole)

    with LoopbackProvider(answer) as server:
        print(server.url, flush=True)
        sys.stdin.read()


class Client:
    """One way of calling: ``call`` takes a whole answer, ``stream`` counts the pieces of one."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def call(self) -> str:
        raise NotImplementedError

    async def stream(self) -> int:
        raise NotImplementedError


class Httpx(Client):
    """Reads the bytes, and the JSON of a whole answer."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        import httpx

        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        self.client = httpx.AsyncClient(limits=limits)
        self.headers = {"authorization": "Bearer key"}

    async def call(self) -> str:
        body = {"model": "m", "messages": MESSAGES}
        answer = await self.client.post(f"{self.url}/chat/completions", json=body, headers=self.headers)
        return str(answer.json()["choices"][0]["message"]["content"])

    async def stream(self) -> int:
        body = {"model": "m", "messages": MESSAGES, "stream": True}
        count = 0
        async with self.client.stream(
            "POST", f"{self.url}/chat/completions", json=body, headers=self.headers
        ) as answer:
            async for _ in answer.aiter_raw():
                count += 1
        return count


class Genkit(Client):
    """Through the public API, retries and all."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        import genkit

        self.generator = genkit.Generator("chat:m", base_url=url, api_key="key")

    async def call(self) -> str:
        return (await self.generator.agenerate("hi")).text

    async def stream(self) -> int:
        count = 0
        async with self.generator.astream("hi") as stream:
            async for _ in stream.text:
                count += 1
        return count


class OpenAI(Client):
    def __init__(self, url: str) -> None:
        super().__init__(url)
        import openai

        self.client: Any = openai.AsyncOpenAI(base_url=url, api_key="key", max_retries=0)

    async def call(self) -> str:
        answer = await self.client.chat.completions.create(model="m", messages=MESSAGES)
        return str(answer.choices[0].message.content)

    async def stream(self) -> int:
        count = 0
        async for _ in await self.client.chat.completions.create(model="m", messages=MESSAGES, stream=True):
            count += 1
        return count


class LiteLLM(Client):
    def __init__(self, url: str) -> None:
        super().__init__(url)
        import litellm

        self.options = {"model": "openai/m", "messages": MESSAGES, "api_base": url, "api_key": "key"}
        self.completion: Any = litellm.acompletion

    async def call(self) -> str:
        return str((await self.completion(**self.options)).choices[0].message.content)

    async def stream(self) -> int:
        count = 0
        async for _ in await self.completion(**self.options, stream=True):
            count += 1
        return count


class PydanticAI(Client):
    def __init__(self, url: str) -> None:
        super().__init__(url)
        from pydantic_ai import Agent
        from pydantic_ai.models.openai import OpenAIChatModel
        from pydantic_ai.providers.openai import OpenAIProvider

        self.agent: Any = Agent(OpenAIChatModel("m", provider=OpenAIProvider(base_url=url, api_key="key")))

    async def call(self) -> str:
        return str((await self.agent.run("hi")).output)

    async def stream(self) -> int:
        count = 0
        async with self.agent.run_stream("hi") as result:
            async for _ in result.stream_text(delta=True, debounce_by=None):
                count += 1
        return count


CLIENTS: dict[str, tuple[str, type[Client]]] = {
    "httpx": ("httpx", Httpx),
    "genkit": ("genkit", Genkit),
    "openai": ("openai", OpenAI),
    "litellm": ("litellm", LiteLLM),
    "pydantic-ai": ("pydantic_ai", PydanticAI),
}


async def least(rounds: int, work: Callable[[], Awaitable[object]]) -> tuple[float, float]:
    """The least CPU and wall time of some rounds, after one to warm up."""
    await work()
    cpu, wall = [], []
    for _ in range(rounds):
        started, on_cpu = time.perf_counter(), time.process_time()
        await work()
        cpu.append(time.process_time() - on_cpu)
        wall.append(time.perf_counter() - started)
    return min(cpu), min(wall)


async def measure(name: str, url: str, calls: int, rounds: int) -> dict[str, float]:
    """The figures of one client."""
    client = CLIENTS[name][1](url)

    async def one_by_one() -> None:
        for _ in range(calls):
            await client.call()

    async def worker() -> None:
        for _ in range(max(calls // 20, 2)):
            await client.call()

    async def in_flight() -> None:
        await asyncio.gather(*(worker() for _ in range(IN_FLIGHT)))

    call, _ = await least(rounds, one_by_one)
    piece, _ = await least(rounds, client.stream)
    many, wall = await least(rounds, in_flight)
    total = IN_FLIGHT * max(calls // 20, 2)
    return {
        "call us": call / calls * 1e6,
        "chunk us": piece / CHUNKS * 1e6,
        "us at 64": many / total * 1e6,
        "calls/s at 64": total / wall,
    }


def import_cost(code: str, rounds: int) -> float:
    """Milliseconds of CPU to import something in a fresh interpreter; the median."""
    timed = f"import time; t = time.process_time(); {code}; print((time.process_time() - t) * 1e3)"
    costs = [
        float(subprocess.run([sys.executable, "-c", timed], capture_output=True, check=True).stdout)
        for _ in range(rounds)
    ]
    return statistics.median(costs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--smoke", action="store_true", help="few calls: shows that it runs, not what it costs"
    )
    parser.add_argument("--measure", nargs=4, help=argparse.SUPPRESS)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve()
        return
    if options.measure:
        name, url, calls, rounds = options.measure
        print(json.dumps(asyncio.run(measure(name, url, int(calls), int(rounds)))))
        return
    calls, rounds = ("20", "1") if options.smoke else ("400", "5")
    server = subprocess.Popen(
        [sys.executable, __file__, "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert server.stdin
    assert server.stdout
    url = server.stdout.readline().strip()
    try:
        for name, (module, _) in CLIENTS.items():
            if importlib.util.find_spec(module) is None:
                print(f"{name:12} is not installed")
                continue
            command = [sys.executable, __file__, "--measure", name, url, calls, rounds]
            environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
            done = subprocess.run(command, capture_output=True, check=False, text=True, env=environment)
            if done.returncode:
                print(f"{name:12} failed: {done.stderr.strip().splitlines()[-1]:.200}")
                continue
            figures = json.loads(done.stdout.splitlines()[-1])
            print(
                f"{name:12}", "  ".join(f"{key} {value:8.1f}" for key, value in figures.items()), flush=True
            )
    finally:
        server.stdin.close()
        server.wait()
    for code in ("import httpx, pydantic", "import genkit.providers.remote, genkit.generator"):
        print(f"{code:50} {import_cost(code, 1 if options.smoke else 7):6.0f} ms")


if __name__ == "__main__":
    main()
