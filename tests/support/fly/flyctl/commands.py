"""The simple commands and their output (facts, 3.4; superfly/flyctl `internal/command/`).

Keys are PascalCase where the Go structs have no JSON tags: releases, apps, image show. Those of
machines have tags.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from tests.support.fly import machine_actions, machines_api
from tests.support.fly.errors import RefusedError
from tests.support.fly.flyctl.context import ORG_REQUIRED
from tests.support.fly.flyctl.session import FailedError
from tests.support.fly.graphql_nodes import organization_id, user

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.fly.flyctl.context import Context
    from tests.support.fly.state import App, Machine, Release

VERSION = "0.4.87"
NEWEST = 25
ZERO_TIME = "0001-01-01T00:00:00Z"
TAKEN = (
    "App names are unique across all of Fly.io, not just your organization, so this name may be"
    " held by an app you cannot see. Try a different name."
)


def version(context: Context) -> None:
    """Run `fly version --json`: one line (flyctl `internal/buildinfo`)."""
    told = {
        "Name": "fly",
        "Version": VERSION,
        "Commit": "ad0172fac",
        "BranchName": "master",
        "BuildDate": "2026-08-21T00:00:00Z",
        "OS": "linux",
        "Architecture": "amd64",
        "Environment": "production",
    }
    if context.line.on("json"):
        pairs = ",".join(f'"{name}":"{value}"' for name, value in told.items())
        context.session.out(f"{{{pairs}}}\n")
    else:
        what = "{Name} v{Version} {OS}/{Architecture} Commit: {Commit} BuildDate: {BuildDate}"
        context.session.out(f"{what.format(**told)} BranchName: {told['BranchName']}\n")


def releases(context: Context) -> None:
    """Run `fly releases --json`: the 25 newest; `--image` changes only the table."""
    name = app_name(context)
    try:
        app = context.graphql_app(name)
    except FailedError as failed:
        raise FailedError(f"failed retrieving app releases {name}: {failed}") from None
    shown = [release_json(one) for one in reversed(app.releases)][:NEWEST]
    if context.line.on("json"):
        context.session.json(shown)
        return
    last = ["Docker Image"] if context.line.on("image") else []
    rows = [["Version", "Status", "Description", "User", "Date", *last]]
    for one in shown:
        image = [one["ImageRef"]] if last else []
        email = one["User"]["Email"]
        rows.append([f"v{one['Version']}", one["Status"], one["Description"], email, "now", *image])
    context.session.out("".join("\t".join(row) + "\n" for row in rows))


def release_json(release: Release) -> dict[str, Any]:
    """Return `Release` of fly-go, which has no JSON tags; fields that the query omits are empty."""
    who = user(release.user)
    return {
        "ID": release.id,
        "Version": release.version,
        "Stable": release.status == "complete",
        "InProgress": False,
        "Reason": "",
        "Description": release.description,
        "Status": release.status,
        "DeploymentStrategy": "",
        "Metadata": None,
        "User": {
            "ID": who["id"],
            "Name": who["name"],
            "Email": who["email"],
            "EnablePaidHobby": False,
        },
        "EvaluationID": "",
        "CreatedAt": release.created_at,
        "ImageRef": release.image_ref,
    }


def status(context: Context) -> None:
    """Run `fly status --json`."""
    app = context.graphql_app(app_name(context))
    context.reach("machines")
    world = context.world
    mine = [
        one for one in app.alive if (one.config.get("metadata") or {}).get("fly_platform_version")
    ]
    told = {
        "ID": app.name,
        "Name": app.name,
        "Deployed": app.status == "deployed",
        "Status": app.status,
        "Hostname": f"{app.name}.fly.dev",
        "Version": app.releases[-1].version if app.releases else 0,
        "AppURL": f"https://{app.name}.fly.dev",
        "Organization": _org_json(app.org),
        "PlatformVersion": "machines",
        "Machines": [machine_actions.as_json(world, app, one) for one in mine],
    }
    context.session.json(told)


def machine_list(context: Context) -> None:
    """Run `fly machine list --json`."""
    app = context.flaps_app(app_name(context))
    found = [machine_actions.as_json(context.world, app, one) for one in app.alive]
    if context.line.on("json"):
        context.session.json(found)
    else:
        context.session.out("".join(f"{one['id']}\t{one['state']}\n" for one in found))


def image_show(context: Context) -> None:
    """Run `fly image show --json`: an array of maps of strings."""
    app = context.flaps_app(app_name(context))
    context.session.json([_image_row(one) for one in app.alive] or None)


def apps_create(context: Context) -> None:
    """Run `fly apps create NAME --org S`."""
    line = context.line
    token_text = context.token_text()
    name = line.words[0] if line.words else line.value("name")
    if not name and line.on("generate-name"):
        # flyctl, not Fly, generates the name (`haikunator`).
        name = f"quiet-leaf-{secrets.randbelow(9999)}"
    if not name:
        raise FailedError("prompt: non interactive")
    org = context.org()
    if not org:
        raise FailedError(ORG_REQUIRED)
    context.reach("machines")
    token = context.tokens.find(token_text)
    if token is None:
        raise FailedError("unauthorized", request_id=context.world.new_id("request").upper())
    if org != token.org:
        raise FailedError(f"organization {org} not found")
    if token.app or token.readonly:
        raise FailedError("you are not authorized to create apps in this organization")
    try:
        network = line.value("network") or "default"
        app = machines_api.create_app(context.world, name, org, network)
    except RefusedError as refused:
        after = TAKEN if refused.code == "name_taken" else ""
        request_id = context.world.new_id("request").upper()
        raise FailedError(str(refused), after=after, request_id=request_id) from None
    if line.on("json"):
        context.session.json(app_json(app))
    else:
        context.session.out(f"New app created: {name}\n")


def apps_list(context: Context) -> None:
    """Run `fly apps list`; it fails with the token of one app (facts, 2.3)."""
    token = context.graphql_token()
    if token.app:
        raise FailedError("Not authorized to access this organization")
    org = context.org()
    if org not in ("", token.org):
        raise FailedError("error getting organization: Could not find Organization")
    found = context.world.of_org(token.org)
    if context.line.on("json"):
        context.session.json([app_json(app) for app in found])
    else:
        context.session.out("".join(f"{app.name}\n" for app in found))


def apps_destroy(context: Context) -> None:
    """Run `fly apps destroy NAME… --yes`."""
    for name in context.line.words:
        if not context.line.on("yes"):
            raise FailedError("yes flag must be specified when not running interactively")
        app = context.flaps_app(name)
        with context.world.lock:
            del context.world.apps[app.name]
        context.session.out(f"Destroyed app {name}\n")


def app_json(app: App) -> dict[str, Any]:
    """Return `App` of fly-go with the fields that `apps list` queries (facts, 3.4)."""
    newest = release_json(app.releases[-1]) if app.releases else None
    return {
        "ID": app.name,
        "Name": app.name,
        "State": "",
        "Status": app.status,
        "Deployed": app.status == "deployed",
        "Hostname": f"{app.name}.fly.dev",
        "AppURL": "",
        "Version": 0,
        "Network": "" if app.network == "default" else app.network,
        "Organization": _org_json(app.org),
        "CurrentRelease": newest,
        "PlatformVersion": "machines" if app.releases else "",
    }


def config_show(context: Context) -> None:
    """Run `fly config show`: the `fly.toml` of the newest release, as JSON."""
    app = context.graphql_app(app_name(context))
    context.session.out(json.dumps(app.config, indent=2) + "\n")


def config_validate(context: Context) -> None:
    """Run `fly config validate`."""
    found = context.config()
    context.app_name(found[1] if found else None)
    if found is None:
        raise FailedError("App config file not found")
    context.session.out(f"Validating {found[0]}\n✓ Configuration is valid\n")


def app_name(context: Context) -> str:
    """Return the app of a command that takes no arguments."""
    context.token_text()
    if context.line.words:
        full = f"flyctl {context.line.command}"
        raise FailedError(f'unknown command "{context.line.words[0]}" for "{full}"')
    found = context.config()
    return context.app_name(found[1] if found else None)


def _org_json(slug: str) -> dict[str, Any]:
    return {"ID": organization_id(slug), "Slug": slug, "Name": slug}


def _image_row(machine: Machine) -> dict[str, str]:
    return {
        "MachineID": machine.id,
        "Registry": machine.image.registry,
        "Repository": machine.image.repository,
        "Tag": machine.image.tag,
        "Version": "N/A",
        "Digest": machine.digest,
        "Labels": "{}",
    }


TABLE: dict[str, Callable[[Context], None]] = {
    "version": version,
    "releases": releases,
    "status": status,
    "machine list": machine_list,
    "image show": image_show,
    "apps create": apps_create,
    "apps list": apps_list,
    "apps destroy": apps_destroy,
    "config show": config_show,
    "config validate": config_validate,
}
