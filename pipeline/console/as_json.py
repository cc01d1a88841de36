"""Results as JSON for scripts. Keys never change; new ones may be added at the end.

Each function returns a dictionary with its keys in the documented order; `dump` writes it.
"""

from __future__ import annotations

import json
from itertools import starmap
from typing import TYPE_CHECKING

from ..errors import ConfigError, Problem
from ..model.presence import Incomplete, Present
from ..model.sanitize import harmless_json
from .text import hint_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TextIO

    from ..errors import PipelineError, UnknownError
    from ..model.actions import AppAction, ImageAction
    from ..model.apps import Release, Running
    from ..model.cost import Cost, Known
    from ..model.fly_apps import FlyApp
    from ..model.image import Image
    from ..model.impact import Reached
    from ..model.inputs import Inputs
    from ..model.keep import Kept
    from ..model.moves import Move
    from ..model.plan import Plan
    from ..model.presence import Presence
    from ..model.project import Project
    from ..model.refresh import Refresh
    from ..model.report import DeployResult, Failure, ImageResult, Report
    from ..model.status import AppStatus, Orphan
    from ..model.why import Difference, Explanation
    from ..reference import ImageName, Reference
    from .check import CheckResult

JsonObject = dict[str, object]
_PARTS = ("copy", "build", "test", "push", "publish")


def dump(value: JsonObject, stream: TextIO) -> None:
    """Write one JSON document and a newline.

    Invisible characters are escaped, and so is text that a CI runner would take for a command
    (`model.sanitize`). A JSON parser reads the same values. If the encoding of the stream lacks
    a character, all characters outside ASCII are escaped.
    """
    text = harmless_json(json.dumps(value, ensure_ascii=False, indent=2))
    try:
        text.encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = harmless_json(json.dumps(value, ensure_ascii=True, indent=2))
    stream.write(f"{text}\n")
    stream.flush()


def plan_json(plan: Plan) -> JsonObject:
    """Return a `pipeline.plan/1`."""
    return {
        "schema": "pipeline.plan/1",
        "images": [_action(plan, action) for action in plan.images],
        "deploys": [*map(_step, plan.deploys), *starmap(_unlisted, plan.unlisted.items())],
        "warnings": [_warning(problem) for problem in plan.warnings],
        "hints": [hint_text(hint) for hint in plan.hints],
    }


def graph_json(project: Project) -> JsonObject:
    """Return a `pipeline.graph/1`, images in build order."""
    return {"schema": "pipeline.graph/1", "images": [_node(image) for image in project]}


def inputs_json(inputs: Inputs) -> JsonObject:
    """Return a `pipeline.inputs/1`, its hints as `fip` or `invoke` takes them."""
    from ..model.inputs_document import inputs_document  # noqa: PLC0415 - for one task

    warnings = [_warning(problem) for problem in inputs.warnings]
    return inputs_document(inputs) | {"warnings": warnings}


def report_json(report: Report) -> JsonObject:
    """Return a `pipeline.report/1`; seconds are rounded to milliseconds."""
    return {
        "schema": "pipeline.report/1",
        "images": [_image_result(result) for result in report.images],
        "deploys": [_deploy_result(result) for result in report.deploys],
        "requests": report.requests,
        "seconds": round(report.seconds, 3),
        "interrupted": report.interrupted,
        "trouble": report.trouble or None,
        "hint": hint_text(report.hint) or None,
        "logs": report.logs or None,
    }


def lock_json(moves: Iterable[Move], known: Known, *, externals: int, written: bool) -> JsonObject:
    """Return a `pipeline.lock/1`: the externals that have moved, of how many."""
    return {
        "schema": "pipeline.lock/1",
        "externals": externals,
        "moved": [_moved(move, known) for move in moves],
        "written": written,
    }


def _moved(move: Move, known: Known) -> JsonObject:
    return {
        "reference": str(move.reference),
        "before": move.before,
        "now": move.now,
        "images": list(move.images),
        "apps": list(move.apps),
        "version_before": move.version_before or None,
        "version_now": move.version_now or None,
        **_cost(known.cost(move.images, move.apps)),
    }


def impact_json(found: Sequence[Reached], known: Known) -> JsonObject:
    """Return a `pipeline.impact/1`: images in build order; what is not known is null."""
    rows: list[JsonObject] = [
        {
            "name": one.image,
            "causes": list(one.causes),
            "apps": list(one.apps),
            **_cost(known.cost([one.image], one.apps)),
        }
        for one in found
    ]
    apps = [app for one in found for app in one.apps]
    total = _cost(known.cost([one.image for one in found], apps))
    return {"schema": "pipeline.impact/1", "images": rows, "total": total}


def _cost(cost: Cost) -> JsonObject:
    seconds = None if cost.seconds is None else round(cost.seconds, 3)
    return {"seconds": seconds, "bytes": cost.bytes, "machines": cost.machines}


def why_json(found: Iterable[Explanation]) -> JsonObject:
    """Return a `pipeline.why/1`."""
    return {"schema": "pipeline.why/1", "images": [_explanation(one) for one in found]}


def _explanation(one: Explanation) -> JsonObject:
    return {
        "name": one.image,
        "verdict": str(one.verdict),
        "reference": str(one.reference),
        "against": str(one.against) if one.against else None,
        "commit": one.commit or None,
        "inputs": one.inputs,
        "differences": [_difference(each) for each in one.differences],
        "notes": list(one.notes),
        "apps": list(one.apps),
        "recorded": one.recorded,
    }


def _difference(one: Difference) -> JsonObject:
    return {
        "kind": one.kind,
        "name": one.name,
        "change": str(one.change),
        "before": one.before or None,
        "after": one.after or None,
        "because": list(one.because),
    }


def exists_json(reference: Reference, presence: Presence | Incomplete) -> JsonObject:
    """Return a `pipeline.exists/1`. An unknown presence is an error, and has no document.

    An incomplete image does not exist, and `reason` says what it lacks.
    """
    digest = presence.digest if isinstance(presence, Present) else None
    return {
        "schema": "pipeline.exists/1",
        "reference": str(reference),
        "exists": digest is not None,
        "digest": digest,
        "reason": presence.reason if isinstance(presence, Incomplete) else None,
    }


def doctor_json(checks: Iterable[CheckResult]) -> JsonObject:
    """Return a `pipeline.doctor/1`; `ok` is null if the check had no result."""
    rows = [
        {"name": c.name, "ok": c.ok, "detail": c.detail, "hint": hint_text(c.hint)} for c in checks
    ]
    return {"schema": "pipeline.doctor/1", "checks": rows}


def error_json(error: PipelineError) -> JsonObject:
    """Return a `pipeline.error/1`: what stopped a task before it had a result.

    `file`, `line` and `column` are null where a problem has no such place; `line` and `column`
    count from 1.
    """
    problems = (
        error.problems
        if isinstance(error, ConfigError)
        else [Problem(None, error.message, error.hint)]
    )
    return {"schema": "pipeline.error/1", "problems": [_problem(one) for one in problems]}


def _problem(problem: Problem) -> JsonObject:
    place = problem.location
    return {
        "file": place.file if place else None,
        "line": (place.line or None) if place else None,
        "column": (place.column or None) if place else None,
        "message": problem.message,
        "hint": hint_text(problem.hint) or None,
    }


def status_json(statuses: Iterable[AppStatus], orphans: Iterable[Orphan] = ()) -> JsonObject:
    """Return a `pipeline.status/1`; `running` is null if nothing runs, or if that is unknown."""
    return {
        "schema": "pipeline.status/1",
        "apps": [_status(status) for status in statuses],
        "orphans": [{"app": one.app, "running": _running(one.now)} for one in orphans],
    }


def releases_json(app: str, releases: Iterable[Release]) -> JsonObject:
    """Return a `pipeline.releases/1`, the newest first.

    `created` is RFC 3339 in UTC, or null if it is unknown.
    """
    rows = [_release(release) for release in releases]
    return {"schema": "pipeline.releases/1", "app": app, "releases": rows}


def rollback_json(results: Iterable[DeployResult]) -> JsonObject:
    """Return a `pipeline.rollback/1`; `deploys` is as in a report."""
    return {"schema": "pipeline.rollback/1", "deploys": [_deploy_result(r) for r in results]}


def apps_json(apps: Iterable[FlyApp], generated: Mapping[str, str]) -> JsonObject:
    """Return a `pipeline.apps/1`; `generated` maps generated names to the files for them."""
    rows = [_fly_app(app, generated.get(app.name)) for app in apps]
    return {"schema": "pipeline.apps/1", "apps": rows}


def keep_json(rows: Iterable[Kept]) -> JsonObject:
    """Return a `pipeline.keep/1`.

    `since` is RFC 3339 in UTC; `machine` is the id of the machine that keeps the image.
    """
    return {"schema": "pipeline.keep/1", "images": [_kept(row) for row in rows]}


def _kept(row: Kept) -> JsonObject:
    return {
        "app": row.slot.app,
        "image": row.slot.image,
        "role": row.slot.role.value,
        "reference": str(row.reference) if row.reference else None,
        "digest": row.digest,
        "status": row.status.value,
        "machine": row.machine or None,
        "since": row.since or None,
        "reason": row.reason,
    }


def _fly_app(app: FlyApp, file: str | None) -> JsonObject:
    return {
        "name": app.name,
        "images": list(app.images),
        "status": app.status.value,
        "reason": app.reason,
        "generated_for": file,
    }


def _status(status: AppStatus) -> JsonObject:
    wanted: JsonObject = {"reference": str(status.wanted), "digest": status.digest}
    return {
        "app": status.app,
        "image": status.image,
        "state": status.state.value,
        "running": _running(status.now) if status.now else None,
        "wanted": wanted,
        "reason": status.reason,
        "hint": hint_text(status.hint) or None,
    }


def _running(now: Running) -> JsonObject:
    return {
        "digest": now.digest,
        "release": now.release or None,
        "healthy": now.healthy,
        "url": now.url or None,
        "differs": list(now.differs),
    }


def _release(release: Release) -> JsonObject:
    return {
        "version": release.version,
        "status": release.status,
        "image": str(release.image) if release.image else None,
        "created": release.created or None,
    }


def _action(plan: Plan, action: ImageAction) -> JsonObject:
    return {
        "name": action.name,
        "kind": action.kind.value,
        "reference": str(action.reference),
        "fingerprint": str(action.fingerprint),
        "action": action.action.value,
        "reason": action.reason,
        "bases": list(action.image.base_names),
        "digest": action.digest,
        "move": [str(alias) for alias in action.move],
        "source": str(action.source) if action.source else None,
        "floating": list(plan.floating.get(action.name, ())),
        "refresh": _refresh(action.image.refresh),
        "reusable": action.reusable,
    }


def _refresh(found: Refresh | None) -> JsonObject | None:
    if found is None:
        return None
    from ..model.inputs_document import refresh_document  # noqa: PLC0415 - few images have it

    return refresh_document(found)


def _warning(problem: Problem) -> JsonObject:
    return {
        "location": str(problem.location) if problem.location else None,
        "message": problem.message,
        "hint": hint_text(problem.hint) or None,
    }


def _step(step: AppAction) -> JsonObject:
    return {
        "app": step.app,
        "image": step.image,
        "action": step.action.value,
        "reason": step.reason,
        "differs": list(step.now.differs) if step.now else [],
    }


def _unlisted(image: ImageName, why: UnknownError) -> JsonObject:
    """Return the one row for an image whose list of apps was not read."""
    return {"app": None, "image": image, "action": "unknown", "reason": why.message, "differs": []}


def _node(image: Image) -> JsonObject:
    return {
        "name": image.name,
        "kind": image.kind.value,
        "bases": list(image.base_names),
        "externals": [{"reference": r, "digest": d} for r, d in _externals(image).items()],
        "dockerfile": str(image.dockerfile),
        "context": str(image.context),
        "target": image.target,
        "apps": list(image.deploy.apps) if image.deploy else [],
        "platforms": [str(platform) for platform in image.platforms],
        "args": dict(image.args),
        "contexts": {name: str(one.path) for name, one in image.contexts.items()},
    }


def _externals(image: Image) -> dict[str, str | None]:
    return {str(external.reference): external.locked for external in image.externals}


def _image_result(result: ImageResult) -> JsonObject:
    return {
        "name": result.name,
        "status": result.status.value,
        "reference": str(result.reference),
        "digest": result.digest,
        "seconds": round(result.seconds, 3),
        "reason": result.reason,
        "failure": _failure(result.failure),
        "unaccounted": list(result.unaccounted),
        "times": {part: round(getattr(result.times, part), 3) for part in _PARTS},
    }


def _deploy_result(result: DeployResult) -> JsonObject:
    return {
        "app": result.app,
        "status": result.status.value,
        "release": result.release or None,
        "seconds": round(result.seconds, 3),
        "reason": result.reason,
        "image": result.image,
        "url": result.url or None,
        "failure": _failure(result.failure),
    }


def _failure(failure: Failure | None) -> JsonObject | None:
    if failure is None:
        return None
    return {
        "step": failure.step,
        "message": failure.message,
        "location": failure.location or None,
        "excerpt": failure.excerpt or None,
        "log": list(failure.log),
        "hint": hint_text(failure.hint) or None,
        "log_file": failure.log_file or None,
    }
