"""Files of a project are read and written in one way each; what else opens files, and which."""

from __future__ import annotations

import re
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "pipeline"
OPENS = re.compile(r"\b(?:open|read_text|read_bytes|write_text|write_bytes)\(")
OF_ITS_OWN = {
    "edge/buildkit/child.py",
    "edge/buildkit/notes.py",
    "edge/deploy/fly.py",
    "edge/deploy/front.py",
    "edge/deploy/front_client.py",
    "edge/leftovers.py",
    "edge/registry/private_config.py",
}
"""Files in private folders of a run."""
OF_THE_SYSTEM = {"edge/reaper.py", "tasks/output.py"}
OTHERS = {
    "edge/file_read.py": "the one way to read",
    "edge/file_write.py": "the one way to write",
    "edge/folders.py": "folders, one from the other",
    "edge/registry/docker_change.py": "a folder, to lock it",
    "shell/config/schema.py": "for developers: this repository's schemas",
    "shell/descent.py": "contexts: folder by folder from the root, no link followed",
    "shell/disk.py": "contexts: of any size, hashed as they are read",
    "shell/secrets.py": "secrets: the first part of a regular file, wherever the user allows",
    "shell/snapshot.py": "contexts, copied as they were hashed",
}


def test_nothing_else_opens_files() -> None:
    """Settings come through `file_read`: regular, inside the project, bounded."""
    found = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if OPENS.search(path.read_text(encoding="utf-8"))
    }

    assert found - OF_ITS_OWN - OF_THE_SYSTEM - OTHERS.keys() == set()
