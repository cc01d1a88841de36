"""What `inputs --json` says is all that goes into the key: the key is computed from it again.

This is another implementation of `docs/fingerprint.md`, from the document and the Dockerfile alone,
so two machines that print the same document have the same tag.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from pipeline import fingerprint, load
from pipeline.console.as_json import inputs_json
from tests.support.small_projects import write_tree
from tests.unchanged.projects import EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tests.unchanged.projects import Example


def _bytes(value: bytes) -> bytes:
    return len(value).to_bytes(8, "big") + value


def _text(value: str) -> bytes:
    return _bytes(value.encode())


def _option(value: str | None) -> bytes:
    return b"\0" if value is None else b"\1" + _text(value)


def _list(items: Iterable[bytes]) -> bytes:
    made = list(items)
    return len(made).to_bytes(8, "big") + b"".join(made)


def _pairs(values: Mapping[str, bytes]) -> bytes:
    return _list(_text(name) + values[name] for name in sorted(values))


def _entry(entry: Mapping[str, Any]) -> bytes:
    head = {"file": b"f", "link": b"l", "directory": b"d"}[entry["kind"]] + _text(entry["path"])
    if entry["kind"] == "file":
        return head + bytes([entry["executable"]]) + bytes.fromhex(entry["sha256"])
    return head + (_text(entry["link"]) if entry["kind"] == "link" else b"")


def _entries(entries: Iterable[Mapping[str, Any]]) -> bytes:
    return _list(map(_entry, sorted(entries, key=lambda e: f"{e['path']}\0{e['kind']}")))


def key_from(document: Mapping[str, Any], dockerfile: bytes) -> str:
    """Compute the key that a document of `inputs` describes."""
    assert hashlib.sha256(dockerfile).hexdigest() == document["dockerfile_sha256"]
    by_platform = document["args_by_platform"]
    args = {n: by_platform.get(n) or [value] for n, value in document["args"].items()}
    triggers = document["triggers"]
    sections = {
        "dockerfile": dockerfile,
        "context": _entries(document["files"]),
        "target": _option(document["target"]),
        "platforms": _list(map(_text, sorted(set(document["platforms"])))),
        "arguments": _pairs({name: _list(map(_option, found)) for name, found in args.items()}),
        "bases": _pairs(
            {
                written: bytes.fromhex(document["bases"][name])
                for written, name in document["bases_as_written"].items()
            }
        ),
        "externals": _pairs({r: _option(d) for r, d in document["externals"].items()}),
        "frontend": _text(document["frontend"] or ""),
        "options": _pairs({name: _text(value) for name, value in document["options"].items()}),
        "salt": _text(document["salt"] or ""),
        "contexts": _pairs({n: _entries(c["files"]) for n, c in document["contexts"].items()}),
        "triggers": _list(
            _text(reference) + _text(platform) + _list(map(_text, found))
            for reference in sorted(triggers)
            for platform, found in sorted(triggers[reference].items())
        ),
    }
    nothing = {b"\0", b"\0" * 8}
    kept = {k: v for k, v in sections.items() if k == "dockerfile" or v not in nothing}
    record = _text(document["version"]) + b"".join(_text(k) + _bytes(v) for k, v in kept.items())
    return hashlib.sha256(record).hexdigest()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_the_key_follows_from_the_document(tmp_path: Path, example: Example) -> None:
    """For every image of every example, each with other sections in its record."""
    example.write(root := tmp_path / "project")
    options = dict(zip(example.words[::2], example.words[1::2], strict=False))
    project = load(root, profile=options.get("--profile"), environ=example.environ)
    for name, inputs in fingerprint(project).items():
        document = json.loads(json.dumps(inputs_json(inputs)))
        image = project.image(name)
        assert key_from(document, image.source.source) == document["key"], name


def test_a_salt_and_an_option_are_told(tmp_path: Path) -> None:
    """Both as JSON and as text: they change the tag, and nothing else shows them."""
    write_tree(
        tmp_path,
        {
            "pipeline.toml": "[build]\nsbom = true\n",
            "images/a/Dockerfile": "# syntax=docker/dockerfile:1\nFROM scratch\n",
            "images/a/image.toml": 'salt = "7"\n',
        },
    )
    (inputs,) = fingerprint(load(tmp_path, environ={})).values()
    document: Any = inputs_json(inputs)
    found = (document["salt"], document["options"], document["frontend"])
    assert found == ("7", {"sbom": "true"}, "docker/dockerfile:1")
    assert document["version"].startswith("fly-image-pipeline.fingerprint/")
