"""Keep a conversation: answers go back in as they came."""

import genkit
from genkit import Message

with genkit.Generator() as generator:
    conversation = [Message.system("You are genkit's demo model.")]
    for question in ("Hello!", "What is 12 + 30?", "Who are you?"):
        conversation.append(Message.user(question))
        answer = generator.generate(conversation, temperature=0)
        conversation.append(answer.message)
        print(f"> {question}\n{answer.text}\n")

    print(generator.count(conversation).tokens, "tokens so far")
    saved = genkit.dumps(conversation)  # JSON, to be read again with genkit.loads(list[Message], saved)
