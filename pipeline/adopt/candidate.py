"""An image that is proposed, and what its `image.toml` must say. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

if TYPE_CHECKING:
    from pathlib import PurePosixPath

    from ..project.toml_writer import Value


class Candidate(Struct):
    """An image of the proposal.

    `place` is the folder or the file that `images` is to match; `stem` is that of the file.
    `dockerfile` is nothing for a ready image. `required` is a name that it must have, because
    Dockerfiles use it. `app` and `config` are those of its `fly.toml`. `keys` are what `image.toml`
    says, `tables` its tables. `tags` are those of a definition. `linked` are names of contexts that
    are other targets.
    """

    place: PurePosixPath
    dockerfile: PurePosixPath | None
    context: PurePosixPath
    is_folder: bool = True
    stem: str = ""
    required: str = ""
    name: str = ""
    app: str = ""
    config: PurePosixPath | None = None
    targets: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    linked: dict[str, str] = field(default_factory=dict)
    keys: dict[str, Value] = field(default_factory=dict)
    tables: dict[str, dict[str, Value]] = field(default_factory=dict)

    @property
    def folder(self) -> PurePosixPath:
        """The folder that its settings are in."""
        return self.place if self.is_folder else self.place.parent

    @property
    def settings(self) -> PurePosixPath:
        """Its `image.toml`."""
        return self.folder / (f"image.{self.stem}.toml" if self.stem else "image.toml")

    @property
    def usual_name(self) -> str:
        """The name that it has without a template."""
        return self.stem or self.folder.name
