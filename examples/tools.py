"""Let the model call your functions: run what it asks for, and give the results back until it answers."""

import json

import genkit
from genkit import Message, Tool, ToolCall, ToolResult


def get_weather(city: str) -> str:
    return {"Oslo": "rain", "Rome": "sun"}[city]


FUNCTIONS = {"get_weather": get_weather}
TOOLS = [
    Tool(
        name="get_weather",
        description="The weather in a city now.",
        parameters={"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    )
]


def run(call: ToolCall) -> ToolResult:
    try:
        content = FUNCTIONS[call.name](**json.loads(call.arguments))
    except Exception as error:  # noqa: BLE001 - the model is told, and may try another way
        return ToolResult(id=call.id, name=call.name, content=repr(error), error=True)
    return ToolResult(id=call.id, name=call.name, content=content)


with genkit.Generator() as generator:
    conversation = [Message.user("What is the weather in Oslo?")]
    for _ in range(5):  # a model may call for ever
        answer = generator.generate(conversation, tools=TOOLS, max_tokens=100, temperature=0)
        conversation.append(answer.message)
        if not answer.tool_calls:
            break
        conversation.append(Message.tool(*map(run, answer.tool_calls)))
    for message in conversation:
        print(f"{message.role}: {message.text or message.parts}")
