"""Files of a project are read and written by one function each; a list of all other uses."""

from __future__ import annotations

import re
from pathlib import Path

PACKAGE = Path(__file__).parent.parent / "pipeline"
OPENS = re.compile(r"\b(?:open|read_text|read_bytes|write_text|write_bytes)\(")
OF_ITS_OWN = {
    "adopt/propose.py",
    "process/supervise.py",
    "buildkit/metadata.py",
    "deploy/fly/driver.py",
    "deploy/docker/proxy.py",
    "deploy/docker/proxy_client.py",
    "process/cleanup.py",
    "process/git_tree.py",
    "process/log_folder.py",
    "registry/auth/docker_config.py",
}
"""Files in private folders of a run."""
OF_THE_SYSTEM = {"process/reaper.py", "tasks/_output.py"}
OTHERS = {
    "process/read_file.py": "the one way to read",
    "process/write_file.py": "the one way to write",
    "registry/auth/change_configuration.py": "a folder, to lock it",
    "project/schema.py": "for developers: this repository's schemas",
    "process/openat.py": "folder by folder from the root, no link followed",
    "fingerprints/disk.py": "contexts: of any size, hashed as they are read",
    "runner/secrets.py": "secrets: the first part of a regular file, wherever the user allows",
    "fingerprints/snapshot.py": "contexts, copied as they were hashed",
}


def test_nothing_else_opens_files() -> None:
    """Settings are read by `process.read_file`: regular files of the project, of limited size."""
    found = {
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        if OPENS.search(path.read_text(encoding="utf-8"))
    }

    assert found - OF_ITS_OWN - OF_THE_SYSTEM - OTHERS.keys() == set()
