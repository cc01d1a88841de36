"""Fingerprints of whole projects: what changes them, what does not, and docs/fingerprint.md."""

from __future__ import annotations

import hashlib
import os
import re
import struct
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace

from pipeline.errors import ConfigError, Location
from pipeline.fingerprints.fingerprint import fingerprint
from pipeline.model.image import External, ImageTest, Triggers
from pipeline.model.inputs import EntryKind
from pipeline.model.project import Project
from pipeline.model.settings import BuildSettings, Settings
from pipeline.project.load import load
from pipeline.reference import Digest, ImageName, Platform, parse_reference
from tests.support.small_projects import image_of, project_of, write_tree

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from pipeline.model.image import Image

    Steps = tuple[Callable[[Path], object], ...]

PAGE = Path(__file__).parents[2] / "docs" / "fingerprint.md"
BUSYBOX = "docker.io/library/busybox:1.36"
BASE_DOCKERFILE = "FROM scratch\n"
DOCKERFILE = """\
# syntax=docker/dockerfile:1
FROM os
ARG NOTE
ARG PORT=8080
COPY run.sh /app/
COPY data /app/data/
COPY --from=busybox:1.36 /bin/busybox /app/
"""
FILES = {
    "web/Dockerfile": DOCKERFILE,
    "web/run.sh": "#!/bin/sh\n",
    "web/data/a.txt": "a",
    "web/data/b": "-> a.txt",
    "web/unread.txt": "unread",
    "os/Dockerfile": BASE_DOCKERFILE,
}


def images(dockerfile: str = DOCKERFILE, **changes: Any) -> tuple[Image, Image]:
    """Return the example of the page: the base `os`, and `web` on it with a test."""
    web = image_of(dockerfile, name="web", context="web", bases={"os": "os"})
    external = External(BUSYBOX, parse_reference(BUSYBOX), Location("web/Dockerfile", 7))
    web = replace(web, externals=(external,), frontend="docker/dockerfile:1", salt="1")
    web = replace(web, test=ImageTest(("/app/run.sh",)))
    return image_of(BASE_DOCKERFILE, name="os", context="os"), replace(web, **changes)


def example(root: Path) -> None:
    """Write the example's files below `root`."""
    write_tree(root, FILES)
    (root / "web/run.sh").chmod(0o755)


@pytest.fixture(name="root")
def _root(tmp_path: Path) -> Path:
    example(tmp_path)
    return tmp_path


def fingerprint_of(
    root: Path, pair: tuple[Image, Image] | None = None, *, name: str = "web"
) -> str:
    """Return the fingerprint of `web` in hex."""
    return fingerprint(project_of(root, *(pair or images())))[ImageName(name)].fingerprint.hex


def text(value: str) -> bytes:
    """Encode a `text` as the page says."""
    return struct.pack(">Q", len(value.encode())) + value.encode()


def record_by_hand() -> bytes:
    """Return the example's record, built from the page without our code."""
    base = sections(
        dockerfile=b"FROM scratch\n",
        platforms=number(1) + text("linux/amd64"),
        options=number(1) + text("sbom") + text("true"),
    )
    assert hashlib.sha256(base).hexdigest() in PAGE.read_text(encoding="utf-8")
    context = (
        number(4)
        + (b"d" + text("data"))
        + (b"f" + text("data/a.txt") + b"\x00" + hashlib.sha256(b"a").digest())
        + (b"l" + text("data/b") + text("a.txt"))
        + (b"f" + text("run.sh") + b"\x01" + hashlib.sha256(b"#!/bin/sh\n").digest())
    )
    return sections(
        dockerfile=DOCKERFILE.encode(),
        context=context,
        platforms=number(1) + text("linux/amd64"),
        arguments=(
            number(2)
            + (text("NOTE") + number(1) + b"\x00")
            + (text("PORT") + number(1) + b"\x01" + text("8080"))
        ),
        bases=number(1) + text("os") + hashlib.sha256(base).digest(),
        externals=number(1) + text(BUSYBOX) + b"\x00",
        frontend=text("docker/dockerfile:1"),
        options=number(1) + text("sbom") + text("true"),
        salt=text("1"),
    )


def record_of_the_test(key: bytes) -> bytes:
    """Return the record of the example's test."""
    return sections(key=key, test=number(1) + text("/app/run.sh"))


def number(value: int) -> bytes:
    """Encode a `number` as the page says."""
    return struct.pack(">Q", value)


def sections(**given: bytes) -> bytes:
    """Return a record of these sections in this order."""
    record = text("fly-image-pipeline.fingerprint/2")
    for name, payload in given.items():
        record += text(name) + number(len(payload)) + payload
    return record


def test_the_page_is_right(root: Path) -> None:
    """Its bytes, bytes built by its rules, and our code give the same key and fingerprint."""
    page = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"```record\n(.*?)```", page, re.DOTALL)
    shown, tested = (
        b"".join(bytes.fromhex(line.partition("  ")[0]) for line in block.splitlines())
        for block in blocks
    )
    settings = Settings(build=BuildSettings(sbom=True))
    ours = fingerprint(Project(root, settings, images()))[ImageName("web")]

    assert shown == record_by_hand()
    assert hashlib.sha256(shown).hexdigest() == ours.key.hex
    assert tested == record_of_the_test(bytes.fromhex(ours.key.hex))
    assert hashlib.sha256(tested).hexdigest() == ours.fingerprint.hex
    assert ours.key.hex in page
    assert ours.fingerprint.hex in page
    assert f"`{ours.fingerprint.short}`" in page


def test_the_pages_example_is_the_one_tested() -> None:
    """The Dockerfile on the page."""
    assert DOCKERFILE in PAGE.read_text(encoding="utf-8")


SAME: dict[str, Steps] = {
    "a file that nothing reads": (lambda r: (r / "web/unread.txt").write_text("other"),),
    "a new file that nothing reads": (lambda r: (r / "web/new").touch(),),
    "the time of a file": (lambda r: os.utime(r / "web/run.sh", (1, 1)),),
    "the owner of a file": (lambda r: os.chown(r / "web/run.sh", 1, 1),),
    "the group's and others' bits": (lambda r: (r / "web/run.sh").chmod(0o710),),
    "the bits of a folder": (lambda r: (r / "web/data").chmod(0o700),),
    "an ignore file that excludes nothing": (lambda r: (r / "web/.dockerignore").write_text("x"),),
    "a file ignored": (
        lambda r: (r / "web/.dockerignore").write_text("data/c"),
        lambda r: (r / "web/data/c").touch(),
    ),
    "the order of creation": (
        lambda r: (r / "web/run.sh").rename(r / "web/moved"),
        lambda r: (r / "web/data/a.txt").rename(r / "web/kept"),
        lambda r: (r / "web/kept").rename(r / "web/data/a.txt"),
        lambda r: (r / "web/moved").rename(r / "web/run.sh"),
    ),
}


@pytest.mark.parametrize("change", SAME.values(), ids=SAME.keys())
def test_changes_that_do_not_count(root: Path, change: Steps) -> None:
    """What no build can see."""
    before = fingerprint_of(root)
    for step in change:
        step(root)

    assert fingerprint_of(root) == before


CHANGED: dict[str, Steps] = {
    "a byte": (lambda r: (r / "web/run.sh").write_text("#!/bin/ksh\n"),),
    "the executable bit": (lambda r: (r / "web/run.sh").chmod(0o644),),
    "a file added": (lambda r: (r / "web/data/c").touch(),),
    "a folder added": (lambda r: (r / "web/data/c").mkdir(),),
    "a file gone": (lambda r: (r / "web/data/a.txt").unlink(),),
    "a file moved": (lambda r: (r / "web/data/a.txt").rename(r / "web/data/A.txt"),),
    "a link elsewhere": (
        lambda r: (r / "web/data/b").unlink(),
        lambda r: (r / "web/data/b").symlink_to("./a.txt"),
    ),
    "a link for a file": (
        lambda r: (r / "web/data/a.txt").unlink(),
        lambda r: (r / "web/data/a.txt").symlink_to("b"),
    ),
    "a file for a folder": (
        lambda r: (r / "web/data").rename(r / "web/old"),
        lambda r: (r / "web/data").touch(),
    ),
    "a file excluded": (lambda r: (r / "web/.dockerignore").write_text("data/a.txt"),),
}


@pytest.mark.parametrize("change", CHANGED.values(), ids=CHANGED.keys())
def test_changes_that_count(root: Path, change: Steps) -> None:
    """What gets into an image; the base, which does not read it, is unchanged."""
    before, base = fingerprint_of(root), fingerprint_of(root, name="os")
    for step in change:
        step(root)

    assert fingerprint_of(root) != before
    assert fingerprint_of(root, name="os") == base


INPUTS: dict[str, dict[str, Any]] = {
    "target": {"target": "0"},
    "platforms": {"platforms": (Platform("linux", "arm64"),)},
    "one platform more": {"platforms": (Platform("linux", "amd64"), Platform("linux", "arm64"))},
    "an argument": {"declared": {"NOTE": None, "PORT": "80"}},
    "an argument set": {"declared": {"NOTE": "", "PORT": "8080"}},
    "salt": {"salt": "2"},
    "frontend": {"frontend": "docker/dockerfile:1.7"},
    "triggers": {
        "externals": (
            External(
                BUSYBOX,
                parse_reference(BUSYBOX),
                Location("f"),
                triggers=(Triggers(Platform("linux", "amd64"), ("COPY a /",)),),
            ),
        )
    },
    "an external locked": {
        "externals": (
            External(
                BUSYBOX, parse_reference(BUSYBOX), Location("f"), Digest("sha256:" + "0" * 64)
            ),
        )
    },
    "no external": {"externals": ()},
}


@pytest.mark.parametrize("change", INPUTS.values(), ids=INPUTS.keys())
def test_inputs_other_than_files_count(root: Path, change: dict[str, Any]) -> None:
    """Each of them alone."""
    assert fingerprint_of(root, images(**change)) != fingerprint_of(root)


OUTSIDE: dict[str, dict[str, Any]] = {
    "an argument that is not declared": {"args": {"OTHER": "1"}},
    "aliases": {"aliases": ("latest",)},
    "secrets": {"secrets": ("id=token,env=TOKEN",)},
    "a platform twice": {"platforms": (Platform("linux", "amd64"), Platform("linux", "amd64"))},
}


@pytest.mark.parametrize("change", OUTSIDE.values(), ids=OUTSIDE.keys())
def test_inputs_of_the_run_do_not_count(root: Path, change: dict[str, Any]) -> None:
    """They do not get into the image."""
    assert fingerprint_of(root, images(**change)) == fingerprint_of(root)


def test_a_comment_in_the_dockerfile_counts(root: Path) -> None:
    """Its bytes count: an accepted needless rebuild."""
    assert fingerprint_of(root, images(DOCKERFILE + "# done\n")) != fingerprint_of(root)


def test_a_changed_base_changes_its_dependents(root: Path) -> None:
    """Its fingerprint is an input of its dependents."""
    _, web = images()
    other = image_of("FROM scratch\nENV A=1\n", name="os", context="os")

    assert fingerprint_of(root, (other, web)) != fingerprint_of(root)


def test_another_test_changes_one_image(root: Path) -> None:
    """The tested image gets another tag; its dependents keep theirs."""
    os_base, web = images()
    tags = []
    for test in (None, ImageTest(("true",)), ImageTest(("true", "x")), ImageTest(("true",), 9)):
        pair = (replace(os_base, test=test), web)
        tags.append((fingerprint_of(root, pair, name="os"), fingerprint_of(root, pair)))

    assert len({tag for tag, _ in tags}) == 3
    assert tags[1] == tags[3]
    assert len({tag for _, tag in tags}) == 1


def test_values_of_an_argument_per_platform(root: Path) -> None:
    """A value for all platforms differs from equal-looking values per platform."""
    dockerfile = 'ARG V="${TARGETARCH}"\nFROM scratch\nARG V\nLABEL v=$V\n'
    write_tree(root, {"images/all/Dockerfile": dockerfile})
    found = []
    for order in ('"linux/amd64", "linux/arm64"', '"linux/arm64", "linux/amd64"'):
        for args in ("", 'args = { V = "amd64,arm64" }', 'args = { V = "arm64,amd64" }'):
            (root / "images/all/image.toml").write_text(f"platforms = [{order}]\n{args}\n")
            found.append(fingerprint(load(root, environ={}))[ImageName("all")].key)

    assert found[:3] == found[3:]
    assert len(set(found)) == 3


def test_which_base_is_meant_by_a_name_counts(root: Path) -> None:
    """The names in the Dockerfile are bound to keys, not only listed with them."""
    first = image_of("FROM scratch\nENV A=1\n", name="one")
    second = image_of("FROM scratch\nENV A=2\n", name="two")
    source = "FROM x\nCOPY --from=y /a /\n"
    there = image_of(source, name="app", bases={"x": "one", "y": "two"})
    crossed = image_of(source, name="app", bases={"x": "two", "y": "one"})
    one, other = (
        fingerprint(project_of(root, first, second, image))[ImageName("app")].fingerprint
        for image in (there, crossed)
    )

    assert one != other


@pytest.mark.parametrize(
    ("build", "same"),
    [
        (BuildSettings(provenance="false"), True),
        (BuildSettings(network="host", builder="remote", cache_from=("type=gha",)), True),
        (BuildSettings(provenance="mode=max"), False),
        (BuildSettings(sbom=True), False),
    ],
)
def test_options_count_that_change_the_output(
    root: Path,
    build: BuildSettings,
    same: bool,  # noqa: FBT001
) -> None:
    """Attestations change what is pushed; builder, network and caches do not."""
    found = fingerprint(Project(root, Settings(build=build), images()))

    assert (found[ImageName("web")].fingerprint.hex == fingerprint_of(root)) is same


def test_clone_path_and_umask_do_not_count(
    root: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A clone elsewhere, with another umask, in another order."""
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "a b" / "c"
    before = os.umask(0o077)
    try:
        elsewhere.mkdir(parents=True)
        write_tree(elsewhere, dict(reversed(FILES.items())))
    finally:
        os.umask(before)
    (elsewhere / "web/run.sh").chmod(0o700)

    assert fingerprint_of(elsewhere) == fingerprint_of(root)


def test_inputs_list_everything(root: Path) -> None:
    """What `inputs` shows."""
    found = fingerprint(project_of(root, *images(floating=("the archive moves",))))
    web = found[ImageName("web")]

    assert list(found) == ["os", "web"]
    assert [(e.path, e.kind) for e in web.entries] == [
        ("data", EntryKind.DIRECTORY),
        ("data/a.txt", EntryKind.FILE),
        ("data/b", EntryKind.LINK),
        ("run.sh", EntryKind.FILE),
    ]
    assert web.args == {"NOTE": None, "PORT": "8080"}
    assert web.bases == {"os": found[ImageName("os")].key}
    assert web.test == ("/app/run.sh",)
    assert web.externals == {BUSYBOX: None}
    assert web.floating == ("the archive moves",)
    assert not web.whole_context


def test_unusual_permission_bits_are_reported(root: Path) -> None:
    """They get into the image, but not into the fingerprint."""
    (root / "web/data/a.txt").chmod(0o600)
    (root / "web/run.sh").chmod(0o4755)
    *_, sentence = fingerprint(project_of(root, *images()))[ImageName("web")].floating

    assert sentence.startswith("the permission bits of `data/a.txt` (0600) and of 1 more go")


def test_problems_of_all_images_are_reported_at_once(root: Path) -> None:
    """A missing source in each of two images."""
    one = image_of("FROM scratch\nCOPY gone /\n", name="one")
    two = image_of("FROM scratch\nCOPY lost /\n", name="two")

    with pytest.raises(ConfigError) as caught:
        fingerprint(project_of(root, one, two))

    assert [str(p.location) for p in caught.value.problems] == [
        "one/Dockerfile:2:6",
        "two/Dockerfile:2:6",
    ]


def test_a_shared_context_is_read_once(root: Path) -> None:
    """A file that two images read is opened once, even if it is deleted meanwhile."""
    readers = [
        image_of(f"FROM scratch\nCOPY web/run.sh /{name}\n", name=name) for name in ("one", "two")
    ]
    found = fingerprint(project_of(root, *readers))
    one, two = (found[image.name].entries for image in readers)

    assert one == two
    assert one[0].sha256 is two[0].sha256
