"""The options of the tasks, as Invoke reads them."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from invoke.parser import Parser
from invoke.parser.context import ParserContext

from pipeline.tasks import ns

if TYPE_CHECKING:
    from invoke.parser.argument import Argument


def arguments_of(name: str) -> list[Argument]:
    """Return the arguments of a task with their help.

    Invoke takes the help out of a task when it reads its arguments, so a copy is read.
    """
    task = copy.copy(ns[name])
    task.help = dict(task.help)
    return list(task.get_arguments())


def task_parser() -> Parser:
    """Return the parser of a command line's tasks and options, as Invoke makes it."""
    contexts = [ParserContext(name=name, args=arguments_of(name)) for name in ns.task_names]
    return Parser(contexts=contexts)
