"""Change docker's `config.json` without losing the changes of other programs.

docker itself takes no lock: it reads the file when it starts, and replaces it by a rename when it
ends (docker/cli `config/configfile/file.go`, `Save`). So our runs wait for each other by a lock on
the folder, which leaves no file behind and ends with its process; and right before the file is
replaced, it is checked for changes by others since it was read, and read again. A docker that had
read the file before our change and writes it afterwards undoes our change: our own `docker login`
is therefore run under the lock, but one that somebody else runs cannot be stopped.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from ...errors import WorkError
from ...process.openat import FOLDER
from ...process.read_file import FileError, unusable
from ...process.wait import wait_until
from ...process.write_file import replace_file
from .docker_login import configuration_file, read_configuration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .docker_login import JsonObject

_TRIES = 10
_LONGEST = 90.0
_PAUSE = 0.02
"""Seconds. Who holds the lock is done within a minute, or hangs; then we go on without it."""


def change_configuration(
    environ: Mapping[str, str], change: Callable[[JsonObject], JsonObject]
) -> Path:
    """Replace docker's configuration by what `change` makes of it; return the path of the file.

    The file is readable by its owner only, as it may hold other logins. A link stays a link, as
    with docker. Raises `WorkError`, and `CredentialError` for a file that cannot be read.
    """
    file = configuration_file(environ)
    try:
        with locked(environ) as folder:
            name = os.path.basename(os.path.realpath(file))  # noqa: PTH119
            for _ in range(_TRIES):
                if _change(folder, name, environ, change):
                    return file
    except OSError as error:
        raise WorkError(f"`{file}` {unusable(error, 'written').what}") from None
    except FileError as error:
        raise WorkError(f"`{file}` {error.what}", hint=error.hint) from None
    raise WorkError(f"another program keeps changing `{file}`", hint="run it again")


@contextmanager
def locked(environ: Mapping[str, str]) -> Iterator[int]:
    """Lock the folder of docker's configuration; yield it as an open folder.

    It is made if there is none. Raises `OSError` where it cannot be opened.
    """
    folder = Path(os.path.realpath(configuration_file(environ))).parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder, FOLDER)
    try:
        wait_until(lambda: _lock(handle), timeout=_LONGEST, stop=Event(), pause=_PAUSE)
        yield handle
    finally:
        os.close(handle)  # this ends the lock, too


def _lock(folder: int) -> bool:
    """Lock an open folder; `False` while another process holds it."""
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _change(
    folder: int, name: str, environ: Mapping[str, str], change: Callable[[JsonObject], JsonObject]
) -> bool:
    """Replace the file, unless it has changed since it was read; return whether it was replaced."""
    before = _state(folder, name)
    content = json.dumps(change(read_configuration(environ)), indent="\t") + "\n"
    return replace_file(
        folder, name, content.encode(), 0o600, still=lambda: _state(folder, name) == before
    )


def _state(folder: int, name: str) -> tuple[int, ...] | None:
    """Return what changes when a file is changed; `None` where there is no file."""
    try:
        found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
