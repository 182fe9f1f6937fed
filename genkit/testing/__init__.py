"""For tests of programs that use genkit: a provider on this machine that says what it is told to say."""

from .answer import Answer
from .loopback import Asked, LoopbackProvider, gzip_bomb

__all__ = ["Answer", "Asked", "LoopbackProvider", "gzip_bomb"]
