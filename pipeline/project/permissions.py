"""Find what a project's files need from outside of it, which the user must allow. Pure.

A project may use its files, each image's own repository, `type=gha` caches of GitHub's own runner,
and variables of the environment as secrets, as those were set for builds. It may not, by itself,
use the user's credentials, other files of the machine, or what others can write to.
"""

from __future__ import annotations

import posixpath
import re
from functools import partial
from typing import TYPE_CHECKING

from msgspec import Struct

from ..dockerfile import is_proxy
from ..model.cache import parse_cache
from ..model.permission import HOST_NETWORK, NAME_FIELD, SOME_NAME, Need
from ..model.secret import is_credential, parse_secret, source_of
from ..model.settings import repository_of
from ..model.ssh import parse_ssh
from ..reference import parse_reference, parse_repository_on

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping
    from pathlib import PurePosixPath

    from ..errors import KeyPath, Location
    from ..model.cache import Cache
    from ..model.image import Image
    from ..model.permission import Allowed
    from ..model.settings import Settings
    from ..reference import ImageName, Repository

READ, WRITE = "fs.read", "fs.write"
_REACHES = "steps of the build could reach all that listens on the builder's machine"


_SUBJECTS = {
    READ: "`{}` lies outside the project",
    WRITE: "`{}` lies outside the project",
    "repository": "`{}` is not a repository of this project's images",
    "cache": "the cache `{}` is reached with your own credentials",
}


class Requirement(Struct, frozen=True):
    """The value at `key` of a file needs a permission; `what` says what for.

    `location` is used if there is no key. Instead of `need`, all of `each` may be allowed, if there
    are any. The value of `READ` and `WRITE` is a path as written. It begins at the project's root;
    with a `base`, in that folder of the project, or, as a secret's may, in the home folder.
    `subject` says what is wrong with the value, where the word of `need` does not say it.
    """

    key: KeyPath
    need: Need
    what: str
    base: PurePosixPath | None = None
    each: tuple[Need, ...] = ()
    location: Location | None = None
    subject: str = ""

    def is_allowed(self, allowed: Allowed) -> bool:
        """Return whether the user allowed it: all of `each` if there are any, else `need`."""
        return all(allowed.grants(need) for need in self.each or (self.need,))

    @property
    def message(self) -> str:
        """The error if it is not allowed."""
        subject = (self.subject or _SUBJECTS.get(self.need.word, "")).format(self.need.value)
        return f"{subject}: {self.what}" if subject else self.what


def image_needs(image: Image, variables: Container[str]) -> Iterator[Requirement]:
    """Yield what an image needs by its own files; `variables` are those that are set."""
    for location in image.host_network:
        yield Requirement((), Need(HOST_NETWORK), _REACHES, location=location)
    for index, text in enumerate(image.secrets):
        variable, file = source_of(parse_secret(text), variables)
        key = ("secrets", index)
        if file:
            what = "a secret of the build would be read there"
            yield Requirement(key, Need(READ, file), what, image.folder)
        elif is_credential(variable):
            what = f"steps of the build would be given `{variable}`, which is for logging in"
            yield Requirement(key, Need("secret", variable), what)
    for index, text in enumerate(image.ssh):
        ssh, key = parse_ssh(text), ("ssh", index)
        if not ssh.paths:
            what = "steps of the build could use the keys of your SSH agent"
            yield Requirement(key, Need("ssh"), what)
        what = "a key or an agent of the build would be used there"
        yield from (Requirement(key, Need(READ, _here(path)), what) for path in ssh.paths)

    for name, value in image.args.items():
        if is_proxy(name) and name not in image.declared and (proxy := _authority(value)):
            what = (
                f"`{name}` would decide what steps of the build are answered, and no tag knows of "
                "it: the Dockerfile has no `ARG` for it"
            )
            yield Requirement(("args", name), Need("proxy", proxy), what)


def settings_needs(settings: Settings, names: Collection[ImageName]) -> Iterator[Requirement]:
    """Yield what `pipeline.toml` needs for builds and copies; `names` are all images."""
    registry, build = settings.registry, settings.build
    own = {name: repository_of(registry, name) for name in names}
    if build.network == "host":
        yield Requirement(("build", "network"), Need(HOST_NETWORK), _REACHES)
    for index, text in enumerate(registry.also):
        find = partial(_repository, text, partial(parse_repository_on, host=registry.host))
        what = "images would be copied from there to the project's own tags"
        yield from _foreign(("registry", "also", index), find, what, own)
    for index, cache in _caches(build.cache_from):
        key, what = ("build", "cache_from", index), "builds would take what is there for their own"
        yield from _cache_needs(key, cache, what, Need(READ, cache.get("src")), own)
    for index, cache in _caches(build.cache_to):
        key, what = ("build", "cache_to", index), "builds would write there"
        yield from _cache_needs(key, cache, what, Need(WRITE, cache.get("dest")), own)


def _caches(texts: Iterable[str]) -> Iterator[tuple[int, Cache]]:
    return ((index, cache) for index, text in enumerate(texts) for cache in parse_cache(text))


def _cache_needs(
    key: KeyPath, cache: Cache, what: str, path: Need, own: Mapping[ImageName, Repository]
) -> Iterator[Requirement]:
    if cache.type == "local" and path.value and own:
        paths = dict.fromkeys(_here(path.value.replace(NAME_FIELD, name)) for name in own)
        each = tuple(Need(path.word, one) for one in paths)
        folder = posixpath.dirname(_here(path.value).partition(NAME_FIELD)[0])
        common = Need(path.word, folder) if len(each) > 1 and folder != "/" else each[0]
        yield Requirement(key, common, what, each=each)
    elif cache.type == "registry" and cache.get("ref"):
        unsafe = cache.get("registry.insecure") not in {"", "false"}
        find = partial(_repository, cache.get("ref"), lambda ref: parse_reference(ref).repository)
        yield from _foreign(key, find, what, own, unsafe=unsafe)
    elif cache.type not in {"local", "registry", "inline"}:
        yield from (Requirement(key, need, what) for need in _elsewhere(cache))


def _elsewhere(cache: Cache) -> Iterator[Need]:
    """Return the addresses of a cache that buildx reaches with the user's own credentials.

    buildx uses those of the environment for any address that the entry names (`build/opt.go`).
    """
    if cache.type == "gha":
        urls = (cache.get(key) for key in ("url", "url_v2"))
        addresses = [url for url in urls if url]
    elif cache.type == "s3":
        addresses = ["/".join(filter(None, (cache.get("endpoint_url"), cache.get("bucket"))))]
    elif cache.type == "azblob":
        addresses = ["/".join(filter(None, (cache.get("account_url"), cache.get("container"))))]
    else:
        addresses = [""]
    yield from (
        Need("cache", "/".join(filter(None, (cache.type, address)))) for address in addresses
    )


def _repository(text: str, parse: Callable[[str], Repository], name: str) -> Repository:
    return parse(text.replace(NAME_FIELD, name))


def _foreign(
    key: KeyPath,
    find: Callable[[str], Repository],
    what: str,
    own: Mapping[ImageName, Repository],
    *,
    unsafe: bool = False,
) -> Iterator[Requirement]:
    """Yield the need for repositories that are not the image's own: one word for many of them.

    Another image's repository needs a permission too, as whoever writes the files can give an image
    any name, and so does one whose identity is not verified.
    """
    found = ((find(name), repository) for name, repository in own.items())
    foreign = {there for there, here in found if unsafe or there != here}
    each = tuple(Need("repository", str(repository)) for repository in sorted(foreign))
    if len(each) == 1:
        yield Requirement(key, each[0], what)
    elif each:
        template = str(find(SOME_NAME)).replace(SOME_NAME, NAME_FIELD)
        yield Requirement(key, Need("repository", template), what, each=each)


def _authority(url: str) -> str:
    """Return host and port of a proxy, written with a scheme or without, and without a login.

    >>> _authority("http://me:pass@proxy.acme.dev:3128/"), _authority("proxy.acme.dev:3128")
    ('proxy.acme.dev:3128', 'proxy.acme.dev:3128')
    """
    rest = re.sub(r"^[A-Za-z][A-Za-z0-9+-]*://", "", url.strip())
    return re.split(r"[/?#\\]", rest)[0].rpartition("@")[2]


def _here(path: str) -> str:
    """Return a path that begins at the project's root, or is absolute; none begins at home."""
    return path if path.startswith("/") else f"./{path}"
