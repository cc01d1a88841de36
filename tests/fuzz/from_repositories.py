"""The fuzz target of `init`: a whole repository in one text, as `tests/adopt/layouts` has them.

A text has files after `-- PATH --`, and links after `-- PATH -> TARGET --`. What follows
`-- printed --` is what `docker buildx bake --print` prints for compose and bake files.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from pipeline.adopt import propose
from pipeline.console.graph import tree
from tests.fuzz.target import MEMORY, Target
from tests.support.fake_programs import write_program

_HEAD = re.compile(rb"^-- (.+?)(?: -> (.+))? --\n", re.MULTILINE)
_MOST_FILES = 60
_PRINTED = "printed"


class _Repository:
    """A folder that has the files of one input, and a `docker` that prints what the input says."""

    def __init__(self) -> None:
        self._held: tempfile.TemporaryDirectory[str] | None = None

    def __call__(self, data: bytes) -> None:
        if self._held is None:
            self._held = tempfile.TemporaryDirectory(prefix="fuzz-", dir=MEMORY)
            write_program(Path(self._held.name, "bin", "docker"), 'exec /bin/cat "$HOME/printed"')
        folder = Path(self._held.name)
        root = folder / "acme"
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        (folder / _PRINTED).write_bytes(b"")
        _, *parts = _HEAD.split(data)
        for name, target, content in list(zip(parts[::3], parts[1::3], parts[2::3], strict=True))[
            :_MOST_FILES
        ]:
            if name == _PRINTED.encode():
                (folder / _PRINTED).write_bytes(content)
            else:
                # A name may be none here: too long, a folder already, or outside.
                with suppress(OSError, ValueError):
                    _add(root, os.fsdecode(name), target, content)
        environ = {"HOME": str(folder), "PATH": str(folder / "bin")}
        proposal = propose(root, environ)
        _ = tree(proposal.project)
        for path, text in proposal.files.items():
            assert text, path


def _add(root: Path, name: str, target: bytes | None, content: bytes) -> None:
    path = root / name
    if ".." in path.parts or not path.is_relative_to(root):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if target:
        path.symlink_to(os.fsdecode(target))
    else:
        path.write_bytes(content)


TARGETS = (Target("init", _Repository(), "init"),)
