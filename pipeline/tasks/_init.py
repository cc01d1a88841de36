"""Write the smallest settings for an existing repository, and show the graph that they make."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..adopt import copied_by_mistake, propose
from ..console import as_json
from ..console.graph import tree
from ..console.text import clean, hint_text
from ..errors import WorkError
from ..model.settings import Settings
from ..process.read_file import FileError
from ..process.write_file import write_file
from ..project.image_folders import find_root, working_folder
from ..project.load import load
from ._load import check_docker
from ._say import say, write_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path, PurePosixPath

    from ..adopt import Proposal, Question
    from ..model.project import Project

TO_DO = 5


def run(*, check: bool, json: bool) -> int:
    """Propose the files, write them unless `check`, and print them, the graph and the questions."""
    root = find_root(working_folder())
    check_docker(Settings())
    proposal = propose(root, os.environ)
    if not json:
        _show_files(proposal.files)
    if check:
        say("nothing was written: this is what `invoke init` would write")
    else:
        _write(root, proposal.files)
    project = replace(proposal.project, root=root) if check else load(root)
    asked = (*proposal.questions, *copied_by_mistake(project, proposal.files))
    if json:
        write_json(_document(replace(proposal, questions=asked), project, written=not check))
    else:
        sys.stdout.write(f"\n{tree(project)}")
        _show(proposal.notes, asked)
    if not check:
        say("next: `invoke plan` shows what would be built")
    return TO_DO if check and proposal.files else 0


def _document(proposal: Proposal, project: Project, *, written: bool) -> dict[str, object]:
    """Return a `pipeline.init/1`: the files with their texts, the graph, and the questions."""
    texts = [{"path": str(path), "text": text} for path, text in proposal.files.items()]
    questions = [
        {
            "where": one.where,
            "what": one.what,
            "chosen": hint_text(one.chosen),
            "other": hint_text(one.other),
            "must": one.must,
        }
        for one in proposal.questions
    ]
    return {
        "schema": "pipeline.init/1",
        "files": texts,
        "images": as_json.graph_json(project)["images"],
        "questions": questions,
        "written": written,
        "notes": list(proposal.notes),
    }


def _show_files(files: Mapping[PurePosixPath, str]) -> None:
    for file, text in files.items():
        lines = "".join(f"    {clean(line)}\n" for line in text.splitlines() if line)
        sys.stdout.write(f"{clean(str(file))}\n{lines}")
    sys.stdout.flush()  # before what goes to stderr


def _write(root: Path, files: Mapping[PurePosixPath, str]) -> None:
    for file, text in files.items():
        if os.path.lexists(root / file):
            raise WorkError(
                f"`{file}` appeared while the repository was read: it was not written",
                hint="`invoke graph` shows what there is",
            )
        try:
            write_file(root, file, text.encode())
        except FileError as error:
            raise WorkError(f"`{file}` {error.what}", hint=error.hint) from None
    say(f"written: {len(files)} files" if len(files) != 1 else "written: 1 file")


def _show(notes: Sequence[str], questions: Sequence[Question]) -> None:
    if notes:
        sys.stdout.write("\n" + "".join(f"note: {clean(note)}\n" for note in notes))
    if not questions:
        sys.stdout.write("\nThere is nothing to decide.\n")
    _show_questions("You must decide:", [one for one in questions if one.must])
    checked = [one for one in questions if not one.must]
    _show_questions("Please check. Where `now` is right, there is nothing to do:", checked)


def _show_questions(head: str, questions: Sequence[Question]) -> None:
    if questions:
        sys.stdout.write(f"\n{head}\n")
    for question in questions:
        lines = (
            f"- {question.where}: {question.what}",
            f"    now:  {question.chosen}",
            f"    else: {question.other}",
        )
        sys.stdout.write("".join(f"{clean(hint_text(line))}\n" for line in lines))
