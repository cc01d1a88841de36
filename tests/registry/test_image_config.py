"""A configuration without times: all else of it counts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pipeline.registry.image_config import ConfigurationError, diff_ids, without_times

CONFIG: dict[str, Any] = {
    "architecture": "amd64",
    "config": {"Env": ["PATH=/bin"], "Labels": {"created": "2026"}},
    "created": "2026-11-29T05:00:00Z",
    "history": [
        {"created": "2026-11-29T04:00:00Z", "created_by": "COPY a /"},
        {"created": "2026-11-29T05:00:00Z", "created_by": "ENV B=1", "empty_layer": True},
    ],
    "os": "linux",
    "rootfs": {"type": "layers", "diff_ids": ["sha256:a", "sha256:b"]},
}


def timeless(**more: object) -> bytes:
    """Return the configuration without times, with other values of some keys."""
    return without_times(json.dumps({**CONFIG, **more}).encode())


def test_times_do_not_count() -> None:
    """Of the image, and of each step of its history; a label with that name does."""
    steps = [{**step, "created": "1970-01-01T00:00:00Z"} for step in CONFIG["history"]]

    assert timeless(created="1970-01-01T00:00:00Z", history=steps) == timeless()
    without = {key: value for key, value in CONFIG.items() if key != "created"}
    assert without_times(json.dumps(without).encode()) == timeless()


@pytest.mark.parametrize(
    "change",
    [
        {"architecture": "arm64"},
        {"variant": "v8"},
        {"os": "windows"},
        {"os.version": "10"},
        {"author": "me"},
        {"config": {**CONFIG["config"], "Env": ["PATH=/sbin"]}},
        {"config": {**CONFIG["config"], "User": "1000"}},
        {"config": {**CONFIG["config"], "Entrypoint": ["sh"]}},
        {"config": {**CONFIG["config"], "OnBuild": ["COPY . /"]}},
        {"config": {**CONFIG["config"], "Labels": {"created": "2027"}}},
        {"config": {**CONFIG["config"], "SomethingNew": 1}},
        {"something.new": {"created": "2026"}},
        {"history": CONFIG["history"][:1]},
        {"history": [{"created_by": "RUN secret"}, CONFIG["history"][1]]},
        {"history": []},
        {"rootfs": {"type": "layers", "diff_ids": ["sha256:b", "sha256:a"]}},
        {"rootfs": {"type": "layers", "diff_ids": ["sha256:a"]}},
        {"rootfs": {"type": "layers", "diff_ids": []}},
    ],
    ids=str,
)
def test_everything_else_counts(change: dict[str, object]) -> None:
    """Also what no specification has, and the words of the history."""
    assert timeless(**change) != timeless()


def test_the_order_of_keys_counts() -> None:
    """Go reads keys in any case, and the last one wins: another order may be another image."""
    turned = dict(reversed(CONFIG.items()))

    assert without_times(json.dumps(turned).encode()) != timeless()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not JSON"),
        ("[]", "not a JSON object"),
        ("null", "not a JSON object"),
        ("{}", "names no layers"),
        ('{"rootfs": {"type": "layers"}}', "names no layers"),
        ('{"rootfs": {"type": "layers", "diff_ids": null}}', "names no layers"),
        ('{"rootfs": {"type": "layers", "diff_ids": [1]}}', "names no layers"),
        ('{"rootfs": {"type": "other", "diff_ids": []}}', "names no layers"),
        ('{"rootfs": {"type": "layers", "diff_ids": []}, "history": {}}', "list of objects"),
        ('{"rootfs": {"type": "layers", "diff_ids": []}, "history": [1]}', "list of objects"),
        ('{"rootfs": {"type": "layers", "diff_ids": []}, "a": 1, "a": 2}', "not JSON as"),
        ('{"rootfs": {"type": "layers", "diff_ids": []}, "a": 1.0}', "not JSON as"),
        ('{"rootfs": {"type": "layers", "diff_ids": []}, "a": NaN}', "not JSON as"),
        ("[" * 100_000, "not JSON"),
    ],
    ids=lambda text: text[:60],
)
def test_what_is_not_understood_is_refused(text: str, why: str) -> None:
    """Nothing is known of such an image, so it is the same as no other."""
    for read in (without_times, diff_ids):
        if "history" in text and read is diff_ids:
            continue
        with pytest.raises(ConfigurationError, match=why):
            read(text.encode())


def test_layers_in_order() -> None:
    """From the lowest on."""
    assert diff_ids(json.dumps(CONFIG).encode()) == ("sha256:a", "sha256:b")
