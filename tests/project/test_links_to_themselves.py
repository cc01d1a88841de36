"""Settings that name a symbolic link to itself: an error with a location, not a bug."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from pipeline import fingerprint, load, resolve_apps
from pipeline.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ('context = "loop"', "images/web/image.toml:1:11: the context `images/web/loop` is no"),
        ('context = "loop/in"', "images/web/image.toml:1:11: the context `images/web/loop/in` is"),
        ('dockerfile = "loop"', "images/web/loop: `images/web/loop` is a link to `loop`, where"),
        ('dockerfile = "loop/in"', "images/web/image.toml:1:14: there is no `images/web/loop/in`"),
        ('[contexts]\nlibs = "loop"', "images/web/image.toml:2:8: the context `libs`, `images/"),
        ('[deploy]\nconfig = "loop"', "images/web/loop: `loop` is a link to nothing"),
        ('[deploy]\napps = "file:loop"', "images/web/image.toml:2:8: `loop` is a link to nothing"),
    ],
)
def test_a_link_to_itself_is_reported_with_its_location(
    tmp_path: Path, settings: str, said: str
) -> None:
    """Whether the setting names the link or something below it."""
    folder = tmp_path / "images" / "web"
    folder.mkdir(parents=True)
    (folder / "loop").symlink_to("loop")
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY --from=libs a /\nCOPY Dockerfile /\n")
    (folder / "image.toml").write_text(settings)

    with pytest.raises(ConfigError) as caught:
        fingerprint(resolve_apps(load(tmp_path), {}))

    assert said in str(caught.value)


@pytest.mark.parametrize("glob", ["images/*", "**"])
def test_images_beside_it_are_found(tmp_path: Path, glob: str) -> None:
    """The link hides no images beside it."""
    (tmp_path / "pipeline.toml").write_text(f'images = ["{glob}"]\n')
    folder = tmp_path / "images" / "web"
    folder.mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\n")
    for loop in (tmp_path / "loop", tmp_path / "images" / "loop"):
        loop.symlink_to("loop")

    assert [image.name for image in load(tmp_path)] == ["web"]
