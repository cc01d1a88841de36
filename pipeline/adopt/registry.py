"""Choose where images are pushed, so that the names in Dockerfiles are those of images. Pure."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from .proposal import Question
from .references import FLY, Form, common_forms, read

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .candidate import Candidate

_FILE = "pipeline.toml"
_OF_APPS = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def choose_registry(
    candidates: Sequence[Candidate], references: Sequence[str]
) -> tuple[dict[str, str], tuple[Question, ...]]:
    """Return the keys of `[registry]`, and what could not be decided."""
    names = [one.name for one in candidates]
    forms = common_forms(references, names)
    apps = [one for one in candidates if one.app]
    if apps:
        return _on_fly(candidates, apps, forms)
    tags = [tag for one in candidates for tag in one.tags]
    if shared := _one_repository(candidates):
        return shared, ()
    forms += common_forms(tags, names)
    known = [form for form, count in forms.most_common() if count > 1 or form.host == FLY]
    if known:
        return _keys(known[0]), ()
    unfit = next((name for name in names if not _OF_APPS.fullmatch(name)), "")
    but = f", and no Fly app can have a name such as `{unfit}`" if unfit else ""
    what = f"nothing says where the images are pushed{but}"
    chosen = f"`{FLY}/NAME`, one Fly app for each image"
    other = '`[registry]` with `host = "ghcr.io"` and `repository = "acme/{name}"`'
    return {}, (Question(_FILE, what, chosen, other, must=bool(unfit)),)


def example(keys: Mapping[str, str], name: str) -> str:
    """Return where an image is pushed with these keys of `[registry]`.

    >>> example({"repository": "acme-{name}"}, "web")
    'registry.fly.io/acme-web:FINGERPRINT'
    """
    repository = keys.get("repository", "{name}").replace("{name}", name)
    tag = keys.get("tag", "{fingerprint}").replace("{name}", name)
    return f"{keys.get('host', FLY)}/{repository}:{tag.replace('{fingerprint}', 'FINGERPRINT')}"


def _keys(form: Form) -> dict[str, str]:
    usual = {"host": FLY, "repository": "{name}"}
    return {
        key: value
        for key, value in {"host": form.host, "repository": form.repository}.items()
        if value != usual[key]
    }


def _one_repository(candidates: Sequence[Candidate]) -> dict[str, str]:
    """Return the repository that all images share, as in `demo:1.0-web` and `demo:1.0-api`."""
    known = [read(tag) for one in candidates for tag in one.tags[:1]]
    repositories = {one.repository for one in known if one}
    if len(repositories) != 1 or len(known) < 2:
        return {}
    (shared,) = repositories
    keys = _keys(Form(shared.host, shared.path))
    return {**keys, "tag": "{name}-{fingerprint}"}


def _on_fly(
    candidates: Sequence[Candidate], apps: Sequence[Candidate], forms: Counter[Form]
) -> tuple[dict[str, str], tuple[Question, ...]]:
    """Choose a repository that is the app's own for most apps: Fly has no others."""
    affixes = Counter(affix for one in apps if (affix := _affix(one)))
    for form, count in forms.items():
        if form.host == FLY:
            affixes[form.repository] += count
    best, count = affixes.most_common(1)[0] if affixes else ("{name}", 0)
    keys = _keys(Form(FLY, best))
    others = [one for one in apps if best.replace("{name}", one.name) != one.app]
    bases = [one.name for one in candidates if not one.app and not one.keys.get("image")]
    if not others and (best != "{name}" or not bases):
        return keys, ()
    if others:
        what = f"the app `{others[0].app}` is not named like its image `{others[0].name}`"
    else:
        what = (
            f"a base such as `{bases[0]}` is pushed to a Fly app of that name, which must be free"
        )
    first = best.replace("{name}", (others[0] if others else candidates[0]).name)
    chosen = f"pushed to `{FLY}/{first}`; `invoke apps` creates the apps that are missing"
    other = (
        f'`repository = "{apps[0].app}"` and `tag = "{{name}}-{{fingerprint}}"` under `[registry]`'
    )
    return keys, (Question(_FILE, what, chosen, f"for one repository for all, {other}"),)


def _affix(one: Candidate) -> str:
    """Return the app's name with `{name}` for the image's, if it has that at an end."""
    if one.app == one.name:
        return "{name}"
    if one.app.endswith(f"-{one.name}"):
        return f"{one.app.removesuffix(one.name)}{{name}}"
    if one.app.startswith(f"{one.name}-"):
        return f"{{name}}{one.app.removeprefix(one.name)}"
    return ""
