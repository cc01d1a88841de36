"""Where `promote` puts an image, by the word on the command line."""

from __future__ import annotations

import pytest

from pipeline.errors import ConfigError
from pipeline.reference import parse_reference
from pipeline.tasks._promote import _destination

HOST = "registry.fly.io"
SOURCE = parse_reference(f"{HOST}/acme-web:1f2e3d4c5b6a79881726")


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        (":stable", f"{HOST}/acme-web:stable"),
        ("acme-eu:stable", f"{HOST}/acme-eu:stable"),
        ("team/web", f"{HOST}/team/web:1f2e3d4c5b6a79881726"),
        ("ghcr.io/acme/web:v1", "ghcr.io/acme/web:v1"),
    ],
)
def test_destinations(word: str, wanted: str) -> None:
    """A tag, a repository on the project's registry, or a full reference."""
    assert str(_destination(word, SOURCE, HOST)) == wanted


def test_a_word_alone_may_be_a_tag_or_an_app() -> None:
    """It is refused, with how each is written: at Fly, another repository is another app."""
    with pytest.raises(ConfigError) as caught:
        _destination("stable", SOURCE, HOST)

    (problem,) = caught.value.problems
    assert problem.message == "`stable` may be a tag or an app"
    assert "`:stable`" in problem.hint
    assert f"`{HOST}/stable:TAG`" in problem.hint
