"""What holds an answer, or its calls alone, to a form: from a question to a constraint."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Any

from ..errors import MissingDependency, UnsupportedOption
from .calls import Calls
from .constrain import Constraints
from .llama import Model
from .prompt import Prompt, Prompts
from .sequence import Constraint


class Forms:
    """Makes constraints for the answers of one model.

    Args:
        model: the model.
        prompts: what made the prompts.
        limited: bounds what making one may take.
    """

    def __init__(
        self, model: Model, prompts: Prompts, limited: Callable[..., AbstractContextManager[None]]
    ) -> None:
        self._constraints, self._prompts, self._limited = Constraints(model), prompts, limited

    def of(self, question: Mapping[str, Any], prompt: Prompt) -> Constraint | None:
        """What holds the answer to a prompt; what could not be honoured is added to ``prompt.ignored``.

        Args:
            question: ``form``; or ``tools``, and in ``held`` whether calls must be held to their schemas; and
                whether it is ``strict``, that is, takes for an error what cannot be honoured.

        Raises:
            UnsupportedOption: llguidance does not take what must be held to.
            MissingDependency: llguidance or numpy is not installed.
        """
        form, held, spelled = question.get("form") or {}, question.get("held", []), prompt.call
        if not form and not spelled:
            return None
        try:
            _ = self._constraints.table  # which takes its time, and is no stranger's
            with self._limited(memory=False):  # native code ends its process for want of memory
                if "calls" in form:
                    return self._constraints.of_calls(form["calls"], form["strict"], None)
                if not spelled:
                    return self._constraints.of_form(form)
                functions = [tool["function"] for tool in question["tools"]]
                mask = self._constraints.of_calls(functions, held, spelled)
        except (UnsupportedOption, MissingDependency) as error:
            missing = form and isinstance(error, MissingDependency)
            if missing or (question["strict"] and (form or any(held))):
                raise
            prompt.ignored.extend([error.message] if form or any(held) else [])
            return None
        syntax, piece = self._prompts.syntax, self._prompts.piece
        return Calls(spelled, syntax, thinking=prompt.thinking, piece=piece, make=mask.copy)
