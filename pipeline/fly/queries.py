"""Query Fly for apps, machines and releases."""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from .api import as_object, as_objects
from .errors import FlyError, NoAppError, unexpected
from .values import STAMP, machine_of, newest_first, release_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .api import FlyApi, JsonObject
    from .values import FlyRelease, Machine

PAGE = 25
"""Releases in one response: as many as flyctl asks for."""
_PAGES = 40
"""Pages that are read at most: four are enough for any caller."""

RELEASES = """\
query($app: String!, $first: Int!, $after: String) {
  app(name: $app) {
    releasesUnprocessed(first: $first, after: $after) {
      nodes { id version status imageRef createdAt configDefinition }
      pageInfo { hasNextPage endCursor }
    }
  }
}"""


def app_of(api: FlyApi, name: str) -> JsonObject | None:
    """Return an app; `None` where the name is free. Raises `FlyError` for one out of reach."""
    try:
        return as_object(api.machines_api("GET", path_of(name), name, "get app"))
    except NoAppError:
        return None


def apps_of_org(api: FlyApi, org: str) -> Sequence[str]:
    """List the names of an organization's apps; a token of one app sees only that app."""
    path = f"/apps?{urlencode({'org_slug': org})}"
    found = as_object(api.machines_api("GET", path, org, "list apps", app=False))
    names = [app.get("name") for app in as_objects(found.get("apps"))]
    if not all(isinstance(name, str) for name in names):
        raise unexpected("an app without a name")
    return [str(name) for name in names if name]


def machines_of(api: FlyApi, app: str) -> tuple[Machine, ...]:
    """List all machines of an app that are not destroyed, whoever made them. One request.

    Raises `NoAppError` where there is no such app.
    """
    found = api.machines_api("GET", f"{path_of(app)}/machines", app, "list machines")
    return tuple(machine_of(one) for one in as_objects(found))


def write_stamp(api: FlyApi, app: str, machine: Machine, *, text: str) -> None:
    """Write a text into the metadata of a machine, which keeps running."""
    path = f"{path_of(app)}/machines/{machine.id}/metadata/{STAMP}"
    api.machines_api("POST", path, machine.id, "set metadata", body={"value": text})


def releases_of(api: FlyApi, app: str) -> Iterator[FlyRelease]:
    """Iterate over all releases of an app, the newest first; pages are read as they are needed.

    Raises `FlyError` for pages out of order, as a rollback depends on it.
    """
    after: object = None
    oldest: float = inf
    for _ in range(_PAGES):
        asked = {"app": app, "first": PAGE, "after": after}
        page = as_object(_app(api.graphql(RELEASES, asked), app).get("releasesUnprocessed"))
        found = newest_first(map(release_of, as_objects(page.get("nodes"))))
        if found and found[0].version >= oldest:
            raise unexpected(f"the releases of `{app}` out of order")
        yield from found
        info = as_object(page.get("pageInfo"))
        after = info.get("endCursor")
        if not info.get("hasNextPage") or not after:
            return
        if not found:
            break
        oldest = found[-1].version
    raise unexpected(f"pages of releases of `{app}` without end")


def path_of(app: str) -> str:
    """Return the path of an app, which goes after `/v1`."""
    return f"/apps/{quote(app, safe='')}"


def _app(data: JsonObject, name: str) -> JsonObject:
    found = data.get("app")
    if not isinstance(found, dict):
        raise FlyError(f"Fly does not show the app `{name}`", status=200, code="NOT_FOUND")
    return found
