"""Files that Git keeps in place of others, until a command fetches or decrypts those. Pure."""

from __future__ import annotations

STAND_INS = (
    b"version https://git-lfs.github.com/spec/",
    b"version https://hawser.github.com/spec/",
    b"\0GITCRYPT\0",
)
"""How they begin: pointers of Git LFS (its name was once Hawser), and what git-crypt encrypted."""

_LONGEST_POINTER = 1024


def stands_for(content: bytes) -> str:
    r"""What a file of this content is, if it stands for another; nothing for any other file.

    >>> stands_for(b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    'a Git LFS pointer'
    """
    if content.startswith(STAND_INS[-1]):
        return "encrypted by git-crypt"
    pointer = content.startswith(STAND_INS[:-1]) and b"\noid " in content
    return "a Git LFS pointer" if pointer and len(content) < _LONGEST_POINTER else ""


def cure(what: str, path: str) -> str:
    """What brings the file itself, where `path` is that from the project's root."""
    if what == "encrypted by git-crypt":
        return "`git-crypt unlock` decrypts it"
    fetch = f"`git lfs install`, then `git lfs pull --include '{path}'` fetches it"
    return f"{fetch}; in a workflow of GitHub's, `lfs: true` of actions/checkout"
