"""Read `image.toml`, check it, and turn it into values."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from msgspec import Struct, field

from ..errors import Problem
from ..model.image import ImageTest
from ..reference import parse_platform
from .document import Document, read_document
from .image_model import EnvironmentValue, ImageFileModel, ImageTables
from .profiles import profiles_of, with_profile
from .result import Result
from .tables import read_table
from .validation import read_checked, without_mistakes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ..errors import Location
    from ..reference import ImageName, Platform, Tag
    from .given_values import GivenValues
    from .image_model import AppTable, ImageDeployTable

_HERE = PurePosixPath()
_DOCKERFILE = PurePosixPath("Dockerfile")


class ImageDeploy(Struct, frozen=True):
    """`[deploy]` as written: `None` and empty for what it leaves to convention.

    `source` says where the names are, if they are not written here: `file:apps.txt`. `configs` has
    the configurations that single apps have of their own.
    """

    apps: tuple[str, ...] | None = None
    configs: Mapping[str, PurePosixPath] = field(default_factory=dict)
    source: str = ""
    config: PurePosixPath | None = None
    after: tuple[ImageName, ...] = ()
    strategy: str = ""


class ImageFile(Struct, frozen=True):
    """The keys of an `image.toml`, or the conventions if there is none.

    `image` is a ready one, as written. `context`, `dockerfile` and `contexts` are relative to the
    folder. `bases` binds a build argument to an image, with the location that says so. `refresh` is
    `None` for the default. `locate` finds the location of any other key.
    """

    document: Document
    name: ImageName | None = None
    image: str = ""
    context: PurePosixPath = _HERE
    dockerfile: PurePosixPath = _DOCKERFILE
    target: str | None = None
    platforms: tuple[Platform, ...] | None = None
    aliases: tuple[Tag, ...] = ()
    args: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    ssh: tuple[str, ...] = ()
    salt: str = ""
    refresh: str | None = None
    bases: Mapping[str, tuple[ImageName, Location]] = field(default_factory=dict)
    contexts: Mapping[str, PurePosixPath] = field(default_factory=dict)
    test: ImageTest | None = None
    deploy: ImageDeploy | None = None

    def locate(self, *path: str | int) -> Location:
        """Locate the value at `path` in the file."""
        return self.document.locate(*path)


def read_image_document(root: Path, file: PurePosixPath, profile: str) -> Result[Document]:
    """Read an `image.toml`, relative to `root`, with the profile merged in."""
    document, problems = read_document(root, file)
    if document is None or not document.exists:
        return Result(document, problems)
    return Result(with_profile(document, profile))


def load_image_file(
    root: Path, path: PurePosixPath, profile: str, given: GivenValues
) -> Result[ImageFile]:
    """Read an `image.toml`, relative to `root`; without one, the conventions.

    All of its profiles are checked, whichever is selected. Arguments from the environment get their
    values of `given`; one without a value is a problem, unless the command line gives it.
    """
    document, problems = read_document(root, path)
    if document is None:
        return Result(None, problems)
    if not document.exists:
        return Result(ImageFile(document))
    file: ImageTables
    file, problems = read_checked(document, ImageFileModel)
    if problems:
        return Result(None, problems)
    document = with_profile(document, profile)
    if profiles_of(document):
        # A table of a profile may lack what the rest has; together they must have it.
        file, problems = read_checked(document, ImageTables)
        if problems:
            return Result(None, problems)
    args = {name: _value(value, given.environ) for name, value in file.args.items()}
    unset = [name for name, value in args.items() if value is None and name not in given.arguments]
    if unset:
        return Result(None, tuple(_not_set(document, file, name) for name in unset))
    known = {name: value for name, value in args.items() if value is not None}
    return Result(_image_file(document, file, known))


def image_file_despite(
    root: Path, path: PurePosixPath, profile: str, given: GivenValues
) -> tuple[ImageFile, frozenset[str]] | None:
    """Return what is right in an `image.toml` that has mistakes, and the keys that lack something.

    It shows what else is wrong with the image. `None` if the file cannot be read.
    """
    document = read_document(root, path).value
    if document is None:
        return None
    whole, gone = without_mistakes(document, ImageFileModel)
    document, more = without_mistakes(with_profile(whole, profile), ImageTables)
    file = read_table(ImageTables, document.data)[0]
    args = {name: _value(value, given.environ) or "" for name, value in file.args.items()}
    return _image_file(document, file, args), gone | more


def _value(written: str | EnvironmentValue, environ: Mapping[str, str]) -> str | None:
    if isinstance(written, str):
        return written
    return environ.get(written.env, written.default)


def _not_set(document: Document, file: ImageTables, name: str) -> Problem:
    written = file.args[name]
    variable = written if isinstance(written, str) else written.env
    hint = (
        f'set it, give `--arg {name}=…`, or write {{ env = "{variable}", default = "…" }} for runs '
        "without it"
    )
    message = f"the variable `{variable}` is not set, and the argument `{name}` has no other value"
    return Problem(document.locate("args", name), message, hint)


def _image_file(document: Document, file: ImageTables, args: Mapping[str, str]) -> ImageFile:
    platforms = file.platforms
    return ImageFile(
        document=document,
        name=file.name,
        image=file.image or "",
        context=_HERE if file.context == "." else PurePosixPath(file.context),
        dockerfile=PurePosixPath(file.dockerfile),
        target=file.target,
        platforms=None if platforms is None else tuple(parse_platform(p) for p in platforms),
        aliases=tuple(file.aliases),
        args=args,
        secrets=tuple(file.secrets),
        ssh=tuple(file.ssh),
        salt=file.salt,
        refresh=file.refresh,
        bases={arg: (name, document.locate("bases", arg)) for arg, name in file.bases.items()},
        contexts={name: PurePosixPath(path) for name, path in file.contexts.items()},
        test=ImageTest(tuple(file.test.command), file.test.timeout) if file.test else None,
        deploy=_deploy(file.deploy) if file.deploy else None,
    )


def _deploy(table: ImageDeployTable) -> ImageDeploy:
    return ImageDeploy(
        apps=tuple(_name(app) for app in table.apps) if isinstance(table.apps, tuple) else None,
        configs=_configs(table.apps) if isinstance(table.apps, tuple) else {},
        source=table.apps if isinstance(table.apps, str) else "",
        config=None if table.config is None else PurePosixPath(table.config),
        after=tuple(table.after),
        strategy=table.strategy or "",
    )


def _name(app: str | AppTable) -> str:
    return app if isinstance(app, str) else app.name


def _configs(apps: Iterable[str | AppTable]) -> dict[str, PurePosixPath]:
    tables = (app for app in apps if not isinstance(app, str))
    return {table.name: PurePosixPath(table.config) for table in tables if table.config}
