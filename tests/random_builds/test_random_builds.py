"""A sample of the campaign with the engine's BuildKit, and the campaign's own parts without it."""

from __future__ import annotations

import io
import json
import tarfile
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.proof.tree import Node
from tests.random_builds.case import Changed, case_of
from tests.random_builds.contents import Contents, Member, differences, only_mode_bits, read
from tests.random_builds.mutations import MUTATIONS
from tests.random_builds.table import describe, is_built, table
from tests.random_builds.trees import Variety
from tests.random_builds.verdict import NEEDLESS, REFUSED, SAME, SKIP, WRONG, Verdict, judge

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SEEDS = (3, 10, 12)
OLD = Variety(newer=False)
GIT = Variety(git="git://127.0.0.1:1/lib/.git#0123")
FILE = Member(tarfile.REGTYPE, 0o644, (0, 0), "", "ab")
LAYER = {"a": FILE, "l": Member(tarfile.SYMTYPE, 0o777, (0, 0), "a", "")}


def test_a_seed_is_always_the_same_case() -> None:
    """Another seed, or another BuildKit, is another case."""
    assert case_of(7, OLD) == case_of(7, OLD)
    assert case_of(7, OLD) != case_of(8, OLD)


def test_cases_have_every_instruction_and_every_kind_of_change() -> None:
    """Within a few hundred seeds."""
    versions = [one for seed in range(150) for one in case_of(seed, GIT).versions]
    texts = "\n".join(one.tree.text("images/app/Dockerfile") for one in versions)
    words = (
        "COPY --from=s0", "COPY --from=libs", "--parents", "/./", "--exclude=", "--chmod=",
        "--chown=", "--link", "--unpack", "ADD ", "ONBUILD COPY", "<<E", "ARG ", "ENV ", "# check=",
        "--mount=type=bind,source=", "FROM base", "${V", "WORKDIR", '["',
        "--keep-git-dir=true", "--checksum=0123", "?branch=main",
    )  # fmt: skip

    assert {kind for one in versions for kind in one.kinds} == set(MUTATIONS)
    assert [word for word in words if word not in texts] == []
    assert any(path.endswith(".dockerignore") for one in versions for path in one.tree.nodes)


def test_a_repository_changes_nothing_else() -> None:
    """The same files and changes, with one instruction more in some Dockerfiles."""
    for seed in range(40):
        plain, git = (case_of(seed, one).versions for one in (Variety(), GIT))
        assert [one.kinds for one in plain] == [one.kinds for one in git]
        added = [line for line in _lines(git[0]) if line not in _lines(plain[0])]
        assert all(line.startswith("ADD ") and line.endswith(" /g/") for line in added)


def _lines(version: Changed) -> list[str]:
    return version.tree.text("images/app/Dockerfile").splitlines()


def test_cases_for_an_old_buildkit_have_no_new_flags() -> None:
    """The sample of `make test` runs on BuildKit 0.12."""
    for seed in range(60):
        for one in case_of(seed, OLD).versions:
            text = one.tree.text("images/app/Dockerfile")
            assert not [flag for flag in ("--parents", "--exclude", "--unpack") if flag in text]


DIFFERENT: list[tuple[str, Mapping[str, Member], bool]] = [
    ("content", {**LAYER, "a": replace(FILE, sha256="cd")}, False),
    ("executable", {**LAYER, "a": replace(FILE, mode=0o755)}, False),
    ("other bits", {**LAYER, "a": replace(FILE, mode=0o600)}, True),
    ("owner", {**LAYER, "a": replace(FILE, owner=(1, 1))}, False),
    ("link", {**LAYER, "l": replace(LAYER["l"], link="b")}, False),
    ("kind", {**LAYER, "l": FILE}, False),
    ("gone", {"a": FILE}, False),
    ("new", {**LAYER, "b": FILE}, False),
]


@pytest.mark.parametrize(("what", "layer", "only_bits"), DIFFERENT)
def test_images_differ(what: str, layer: Mapping[str, Member], only_bits: bool) -> None:  # noqa: FBT001
    """One line for the path."""
    one, other = (Contents("{}", (files,)) for files in (LAYER, layer))

    assert len(differences(one, other)) == 1, what
    assert differences(one, replace(one)) == []
    assert only_mode_bits(one, other) is only_bits


def test_images_differ_as_a_whole() -> None:
    """By configuration, number of layers, or one of them failing; not if both fail."""
    one = Contents("{}", (LAYER,))

    assert differences(one, Contents("{1}", (LAYER,)))
    assert differences(one, Contents("{}", (LAYER, {})))
    assert differences(one, Contents(error="no such file"))
    assert not differences(Contents(error="a"), Contents(error="b"))


def test_an_archive_is_read_without_times(tmp_path: Path) -> None:
    """Two builds in different seconds are equal."""
    found = []
    for moment in (1, 2):
        layer = io.BytesIO()
        with tarfile.open(fileobj=layer, mode="w") as tar:
            member = tarfile.TarInfo("a")
            member.mtime = moment
            tar.addfile(member)
        config = {"created": moment, "os": "linux", "history": [{"created": moment}]}
        manifest = {"config": {"digest": "x:config"}, "layers": [{"digest": "x:layer"}]}
        documents = {"config": config, "manifest": manifest}
        files = {f"blobs/x/{key}": json.dumps(value).encode() for key, value in documents.items()}
        files["blobs/x/layer"] = layer.getvalue()
        files["index.json"] = json.dumps({"manifests": [{"digest": "x:manifest"}]}).encode()
        path = tmp_path / f"{moment}.tar"
        with tarfile.open(path, "w") as tar:
            for name, data in files.items():
                member = tarfile.TarInfo(name)
                member.size = len(data)
                tar.addfile(member, io.BytesIO(data))
        found.append(read(path))

    assert found[0] == found[1]
    assert [*found[0].layers[0]] == ["a"]


def test_the_table_counts_what_was_built() -> None:
    """A false skip is printed with its seed, its difference and all files."""
    tree = case_of(1, OLD).versions[0].tree.with_node("images/app/l", Node(link="a"))
    changed = Changed(("content", "gone"), tree)
    verdicts = [Verdict(1, number, changed, word) for number, word in enumerate((SAME, REFUSED))]
    verdicts += [Verdict(9, 3, changed, NEEDLESS), Verdict(17, 2, changed, SKIP, "layer 0: a")]
    lines = list(table(verdicts))
    said = describe(verdicts[-1])

    assert lines[-1] == "3 images built"
    assert lines[1].split()[:2] == ["content", "-"]
    assert [is_built(one) for one in verdicts] == [True, False, True, True]
    assert said.startswith("FALSE SKIP: seed 17, version 2\ncontent, gone\nlayer 0: a\n")
    assert "images/app/l: -> a" in said


@pytest.mark.engine
@pytest.mark.timeout(900)
@pytest.mark.usefixtures("engine")
def test_no_false_skip_in_a_sample(tmp_path: Path) -> None:
    """Images with the same fingerprint are equal."""
    found = list(judge(SEEDS, OLD, tmp_path))

    assert [describe(one) for one in found if one.word in WRONG] == []
    assert {SAME} <= {one.word for one in found}
