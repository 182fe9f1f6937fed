"""``genkit doctor``: whether genkit works on this machine, and what to do if it does not."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable

import click

from .checks import Finding, examine
from .options import json_option, model_option
from .output import json_line
from .terminal import one_line

_COLOURS = {"ok": "green", "warn": "yellow", "fail": "bold red"}


@click.command()
@model_option
@json_option
@click.pass_context
def doctor(context: click.Context, *, model: str, as_json: bool) -> None:
    """Check whether genkit works on this machine.

    It looks at versions, the processor and memory, and generates a few tokens. The exit code is 1
    if something is broken; warnings are allowed.
    """
    show = _ignore if as_json else _rich_line() if sys.stdout.isatty() else _plain_line
    findings = []
    for finding in examine(model):
        findings.append(finding)
        show(finding)
    failed = any(finding.status == "fail" for finding in findings)
    if as_json:
        json_line(json.dumps({"ok": not failed, "findings": [finding._asdict() for finding in findings]}))
    context.exit(1 if failed else 0)


def _ignore(finding: Finding) -> None:
    """Show nothing."""


def _plain_line(finding: Finding) -> None:
    print(f"{finding.status:4}  {finding.name:18}  {one_line(finding.value)}", flush=True)
    if finding.advice:
        print(f"      to do: {finding.advice}", flush=True)


def _rich_line() -> Callable[[Finding], None]:
    """Shows a finding in columns, in colours unless NO_COLOR is set."""
    from rich.console import Console  # noqa: PLC0415 - 0.1 s that only a terminal needs
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(color_system=None if os.environ.get("NO_COLOR") else "auto")

    def show(finding: Finding) -> None:
        table = Table.grid(padding=(0, 2))
        for width in (4, 18, None):
            table.add_column(width=width)
        status = Text(finding.status, _COLOURS[finding.status])
        table.add_row(status, finding.name, Text(one_line(finding.value)))
        console.print(table)
        if finding.advice:  # one line, whatever the width: it may be a command to copy
            console.print(Text(f"      to do: {finding.advice}", "bold"), soft_wrap=True)

    return show
