"""The own key has all inputs but the keys of bases; the reuse key has what the bases contain."""

from __future__ import annotations

import hashlib
import json
from itertools import combinations
from typing import TYPE_CHECKING

import pytest

from pipeline import fingerprint, load
from pipeline.console.as_json import inputs_json
from pipeline.fingerprints.reuse_key import contents_key, own_key, reuse_key
from pipeline.model.inputs import Key
from pipeline.reference import ImageName
from tests.fingerprints.test_inputs_tell_the_key import key_from
from tests.support.small_projects import write_tree
from tests.unchanged.projects import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.unchanged.projects import Example

WEB = ImageName("web")
FILES = {
    "pipeline.toml": "",
    "images/os/Dockerfile": "FROM scratch\nCOPY os.txt /\n",
    "images/os/os.txt": "os",
    "images/lang/Dockerfile": "FROM scratch\nCOPY lang.txt /\n",
    "images/lang/lang.txt": "lang",
    "images/web/Dockerfile": "FROM os AS first\nCOPY web.txt /\nFROM first\n"
    "COPY --from=lang /lang.txt /\n",
    "images/web/web.txt": "web",
    "images/web/image.toml": "",
}


def own(root: Path, changed: Mapping[str, str] | None = None) -> Key:
    """Return the own key of `web` after a change of the project's files."""
    write_tree(root, {**FILES, **(changed or {})})
    project = load(root, environ={}, instant=1_795_000_000)
    return own_key(project.image(WEB), fingerprint(project)[WEB])


@pytest.mark.parametrize(
    "changed",
    [
        {"images/os/os.txt": "another"},
        {"images/os/Dockerfile": "# why\nFROM scratch\nCOPY os.txt /\n"},
        {"images/os/image.toml": 'salt = "1"\n'},
        {"images/lang/lang.txt": "another"},
        {"images/web/unread.txt": "nothing reads it"},
    ],
    ids=str,
)
def test_bases_do_not_count(tmp_path: Path, changed: dict[str, str]) -> None:
    """Whatever changes in them."""
    assert own(tmp_path / "one") == own(tmp_path / "two", changed)


@pytest.mark.parametrize(
    "changed",
    [
        {"images/web/web.txt": "another"},
        {"images/web/Dockerfile": f"# why\n{FILES['images/web/Dockerfile']}"},
        {"images/web/image.toml": 'salt = "1"\n'},
        {"images/web/image.toml": 'platforms = ["linux/arm64"]\n'},
        {"images/web/image.toml": 'target = "first"\n'},
        {"images/web/image.toml": 'refresh = "7d"\n'},
        {"images/web/image.toml": '[test]\ncommand = ["true"]\n'},
        {"images/web/image.toml": '[test]\ncommand = ["true", ""]\n'},
        {"pipeline.toml": "[build]\nsbom = true\n"},
        # A file that a trigger of the base copies is the image's own.
        {
            "images/os/Dockerfile": "FROM scratch\nCOPY os.txt /\nONBUILD COPY more.txt /\n",
            "images/web/more.txt": "more",
        },
    ],
    ids=str,
)
def test_everything_else_counts(tmp_path: Path, changed: dict[str, str]) -> None:
    """As in the fingerprint, with the test."""
    assert own(tmp_path / "one") != own(tmp_path / "two", changed)


def test_a_test_is_no_argument_of_another(tmp_path: Path) -> None:
    """`["a b"]` is not `["a", "b"]`."""
    words = ('["a b"]', '["a", "b"]', '["ab"]', '["a", "", "b"]')
    keys = [
        own(tmp_path / str(n), {"images/web/image.toml": f"[test]\ncommand = {word}\n"})
        for n, word in enumerate(words)
    ]

    assert len(set(keys)) == len(words)


def test_what_each_base_contains_counts(tmp_path: Path) -> None:
    """Under the name that the Dockerfile uses: bases that change places are another image."""
    write_tree(tmp_path, FILES)
    project = load(tmp_path, environ={})
    image = project.image(WEB)
    first, second, third = (Key(digit * 64) for digit in "123")

    def key(own: Key, os: Key, lang: Key) -> Key:
        return reuse_key(image, own, {ImageName("os"): os, ImageName("lang"): lang})

    keys = [
        key(third, first, second),
        key(third, second, first),
        key(third, first, first),
        key(first, first, second),
    ]
    assert all(one != other for one, other in combinations(keys, 2))
    assert key(third, first, second) == keys[0]
    with pytest.raises(KeyError):
        reuse_key(image, third, {ImageName("os"): first})


def test_each_platform_counts() -> None:
    """With its name: the same configuration for another platform is another image."""
    found = [
        {"": b"a"},
        {"linux/amd64": b"a"},
        {"linux/arm64": b"a"},
        {"linux/amd64": b"a", "linux/arm64": b"b"},
        {"linux/amd64": b"b", "linux/arm64": b"a"},
        {"linux/amd64": b"b"},
    ]

    assert len({contents_key(one) for one in found}) == len(found)
    assert contents_key({"x": b"1", "y": b"2"}) == contents_key({"y": b"2", "x": b"1"})


def _framed(*parts: bytes) -> str:
    framed = (len(part).to_bytes(8, "big") + part for part in parts)
    return hashlib.sha256(b"".join(framed)).hexdigest()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_both_keys_follow_from_the_document(tmp_path: Path, example: Example) -> None:
    """As `docs/reuse.md` says, from `inputs --json` and the Dockerfile alone."""
    example.write(root := tmp_path / "project")
    options = dict(zip(example.words[::2], example.words[1::2], strict=False))
    project = load(root, profile=options.get("--profile"), environ=example.environ)
    for name, inputs in fingerprint(project).items():
        document = json.loads(json.dumps(inputs_json(inputs)))
        image, command = project.image(name), document["test"] or []
        zeros = {**document, "bases": dict.fromkeys(document["bases"], "00" * 32)}
        record = bytes.fromhex(key_from(zeros, image.source.source))
        own = _framed(b"fly-image-pipeline.own/1", record, *(word.encode() for word in command))
        contents = {base: Key(hashlib.sha256(base.encode()).hexdigest()) for base in inputs.bases}
        written = sorted(document["bases_as_written"].items())
        parts = (part for one, base in written for part in (one, contents[ImageName(base)].hex))
        reuse = _framed(
            b"fly-image-pipeline.reuse/1", own.encode(), *(part.encode() for part in parts)
        )

        assert own_key(image, inputs).hex == own, name
        assert reuse_key(image, Key(own), contents).hex == reuse, name
