"""The command line: `python3 -m sandbox up|down|env|status`."""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import asdict
from typing import TYPE_CHECKING

from sandbox import control
from sandbox.errors import SandboxError
from sandbox.folders import folders

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sandbox.folders import Folders

DONE, NOT_RUNNING, CANNOT, INTERRUPTED = 0, 1, 4, 130


def main(words: Sequence[str] | None = None) -> int:
    """Run a command. Return 4 if the machine lacks something, 130 after Ctrl-C."""
    chosen = _parser().parse_args(words)
    try:
        return _run(chosen, folders())
    except SandboxError as error:
        _tell(f"error: {error.message}\nhint: {error.hint}")
        return CANNOT
    except OSError as error:
        _tell(f"error: {error}\nhint: see the free space and the rights on `{folders().root}`")
        return CANNOT
    except KeyboardInterrupt:
        _tell("interrupted; `python3 -m sandbox down` stops what was started")
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python3 -m sandbox",
        description="An engine with buildx and a registry for this checkout, where there is none.",
        epilog="PIPELINE_SANDBOX_ENGINE=own|host chooses the engine, PIPELINE_SANDBOX_DIR a folder",
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start what does not run yet")
    down = commands.add_parser("down", help="stop everything that was started; keep the data")
    down.add_argument("--purge", action="store_true", help="delete the data too")
    commands.add_parser("env", help="print what to eval: DOCKER_HOST, PATH, the registry's address")
    status = commands.add_parser("status", help="say what runs; exit code 1 unless all of it does")
    status.add_argument("--json", action="store_true", help="the same as JSON")
    return parser


def _run(chosen: argparse.Namespace, at: Folders) -> int:
    if chosen.command == "down":
        control.down(at, purge=chosen.purge)
    elif chosen.command == "env":
        _say("\n".join(control.environment(at)))
    elif chosen.command == "up":
        _say(_shown(control.up(at)))
    else:
        now = control.status(at)
        _say(json.dumps(asdict(now)) if chosen.json else _shown(now))
        return DONE if now.running else NOT_RUNNING
    return DONE


def _shown(now: control.Status) -> str:
    named = {"own": "the sandbox's own", "host": "the machine's", "": "none"}[now.engine]
    rows = [
        ("state", "running" if now.running else "not running"),
        ("engine", f"{named} {now.docker_host}".strip()),
        ("registry", now.registry or "none"),
        ("mirror", now.mirror or "none needed: Docker Hub answers" if now.engine else "none"),
        ("processes", ", ".join(now.processes) or "none"),
    ]
    return "\n".join(f"{name:<10} {value}" for name, value in rows)


def _say(text: str) -> None:
    print(text)  # noqa: T201 - the result of a command


def _tell(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 - to the person, not the result


if __name__ == "__main__":
    if not hasattr(os, "fork"):
        sys.exit("error: the sandbox needs a Unix; on Windows use WSL")
    sys.exit(main())
