"""genkit: one ``Generator`` for every generative model.

Every public name is loaded when it is first used, so ``import genkit`` costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import errors as errors
    from .errors import GenkitError as GenkitError
    from .events import Event as Event
    from .events import Finish as Finish
    from .events import Logprobs as Logprobs
    from .events import Metrics as Metrics
    from .events import PartEnd as PartEnd
    from .events import ReasoningDelta as ReasoningDelta
    from .events import Received as Received
    from .events import RefusalDelta as RefusalDelta
    from .events import Start as Start
    from .events import TextDelta as TextDelta
    from .events import TokenLogprob as TokenLogprob
    from .events import ToolCallDelta as ToolCallDelta
    from .events import Usage as Usage
    from .events import Warned as Warned
    from .generator import Generator as Generator
    from .messages import Audio as Audio
    from .messages import CacheMark as CacheMark
    from .messages import Citation as Citation
    from .messages import Document as Document
    from .messages import Image as Image
    from .messages import Message as Message
    from .messages import Native as Native
    from .messages import Part as Part
    from .messages import Reasoning as Reasoning
    from .messages import Refusal as Refusal
    from .messages import Text as Text
    from .messages import ToolCall as ToolCall
    from .messages import ToolResult as ToolResult
    from .metrics import Totals as Totals
    from .options import Options as Options
    from .request import Output as Output
    from .request import Request as Request
    from .request import Tool as Tool
    from .response import Embeddings as Embeddings
    from .response import Ranked as Ranked
    from .response import Response as Response
    from .runtime.base import Timeouts as Timeouts
    from .sampling import Sampling as Sampling
    from .serialize import dumps as dumps
    from .serialize import loads as loads
    from .stream import AsyncStream as AsyncStream
    from .stream import Stream as Stream
    from .tokens import TokenCount as TokenCount

__version__ = "0.1.0"

_HOME = {
    "errors": ("GenkitError",),
    "events": (
        "Event",
        "Finish",
        "Logprobs",
        "Metrics",
        "PartEnd",
        "ReasoningDelta",
        "Received",
        "RefusalDelta",
        "Start",
        "TextDelta",
        "TokenLogprob",
        "ToolCallDelta",
        "Usage",
        "Warned",
    ),
    "generator": ("Generator",),
    "messages": (
        "Audio",
        "CacheMark",
        "Citation",
        "Document",
        "Image",
        "Message",
        "Native",
        "Part",
        "Reasoning",
        "Refusal",
        "Text",
        "ToolCall",
        "ToolResult",
    ),
    "metrics": ("Totals",),
    "options": ("Options",),
    "request": ("Output", "Request", "Tool"),
    "response": ("Embeddings", "Ranked", "Response"),
    "runtime.base": ("Timeouts",),
    "sampling": ("Sampling",),
    "serialize": ("dumps", "loads"),
    "stream": ("AsyncStream", "Stream"),
    "tokens": ("TokenCount",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}

__all__ = ["__version__", "errors", *_MODULE_OF]  # noqa: PLE0604


def __getattr__(name: str) -> object:
    if name == "errors":
        return importlib.import_module("genkit.errors")
    if name not in _MODULE_OF:
        found = getattr(importlib.import_module("genkit.errors"), name, None) if name[:1].isupper() else None
        is_error = isinstance(found, type) and issubclass(found, Exception)
        hint = f"; there is genkit.errors.{name}" if is_error else ""
        raise AttributeError(f"module 'genkit' has no attribute {name!r}{hint}")
    value = getattr(importlib.import_module(f"genkit.{_MODULE_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
