"""Judge a run by the real content of the registry."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from tests.faults.case import OURS
from tests.faults.run import BOUND
from tests.support.faults.kinds import OTHER_DIGEST

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.faults.run import CaseResult

_CODES = {"plan": (0, 4), "build-all": (0, 1, 4)}
_MEANS = {0: "right", 1: "failed, with the image named", 4: "could not find out", None: "hung"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a run ended (`outcome`), and everything that was `wrong`."""

    seen: CaseResult
    outcome: str
    wrong: tuple[str, ...]


def judge(seen: CaseResult) -> Verdict:
    """Compare output and effects of a run with the content of the registry."""
    outcome = _MEANS.get(seen.code, f"exit code {seen.code}")
    wrong = [*_ending(seen), *_secrets(seen), *_pushed_again(seen), *_rerun_errors(seen)]
    if not wrong:
        wrong = list(_report_errors(seen))
    return Verdict(seen, outcome, tuple(wrong))


def _ending(seen: CaseResult) -> Iterator[str]:
    if seen.code is None:
        yield f"did not end in {BOUND:.0f} s"
    elif seen.code not in _CODES[seen.case.task]:
        yield f"ended with {seen.code}"
    if "Traceback" in seen.ran.err or "a bug in Fly Image Pipeline" in seen.ran.err:
        yield "showed a traceback"
    if seen.case.task == "plan" and seen.ran.out:
        return  # The document has the errors.
    if seen.code in (1, 4) and "error: " not in seen.ran.err:
        yield "printed no error"
    if seen.code == 4 and "hint: " not in seen.ran.err:
        yield "printed no hint"


def _secrets(seen: CaseResult) -> Iterator[str]:
    if "fm2_" in seen.ran.out + seen.ran.err:
        yield "printed the token"
    for asked in seen.strangers:
        if asked.headers.get("user-agent") == OURS and "authorization" in asked.headers:
            yield f"sent a credential to a foreign host: {asked.method} {asked.path}"


def _pushed_again(seen: CaseResult) -> Iterator[str]:
    """Yield existing images that were pushed again, because a fault was read as absence."""
    yield from seen.hollow
    for name, tag in seen.wanted.items():
        was, now = seen.before[name].get(tag, ""), seen.after[name].get(tag, "")
        if was and was != now:
            yield f"{name} existed, and has another digest now"
        pushed = [d for d in seen.log if d.method == "PUT" and d.path.endswith(f"/manifests/{tag}")]
        if was and pushed:
            yield f"{name} existed, and was pushed again"
        if seen.case.task == "plan" and was != now:
            yield f"a plan changed {name}"


def _rerun_errors(seen: CaseResult) -> Iterator[str]:
    if seen.again:
        yield f"the plain rerun ended with {seen.again}"
    yield from (f"after the rerun: {what}" for what in seen.still)


def _report_errors(seen: CaseResult) -> Iterator[str]:
    """Yield what is wrong in the plan or report; after exit code 4 it may be an error."""
    if not seen.ran.out:
        if seen.code != 4:
            yield "printed nothing"
        return
    document: dict[str, Any] = json.loads(seen.ran.out)
    if document["schema"] == "pipeline.error/1":
        if seen.code != 4:
            yield f"printed an error, and ended with {seen.code}"
        return
    rows = {row["name"]: row for row in document["images"]}
    if set(rows) != set(seen.wanted):
        yield f"reported only {sorted(rows)}"
    for name, row in rows.items():
        yield from _planned(seen, name, row) if "action" in row else _reported(seen, name, row)
    if seen.case.task == "build-all":
        yield from _ended(seen, rows)
    else:
        yield from _unknown(seen, document)


def _unknown(seen: CaseResult, plan: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the images of a plan that are unknown."""
    unknown = [row for row in plan["images"] if row["action"] == "unknown"]
    if bool(unknown) != (seen.code == 4):
        yield f"ended with {seen.code}, and {len(unknown)} images are unknown"
    if unknown and not plan["hints"]:
        yield "has no hint"
    if not all(row["reason"] and row["digest"] is None for row in unknown):
        yield "an unknown image has a digest, or no reason"


def _planned(seen: CaseResult, name: str, row: Mapping[str, Any]) -> Iterator[str]:
    if row["action"] == "unknown":
        return
    digest = seen.after[name].get(seen.wanted[name], "")
    if row["action"] != ("exists" if digest else "build"):
        yield f"planned {row['action']} for {name}, which is {digest or 'absent'}"
    if row["digest"] not in (digest or None, _invented_digest(seen, name)):
        yield f"planned with {name} as {row['digest']}, which is {digest or 'absent'}"


def _reported(seen: CaseResult, name: str, row: Mapping[str, Any]) -> Iterator[str]:
    was = seen.before[name].get(seen.wanted[name], "")
    now = seen.after[name].get(seen.wanted[name], "")
    status = row["status"]
    known = row["digest"] in (now, _invented_digest(seen, name))
    if status == "exists" and not was:
        yield f"{name} is reported to exist, and did not"
    if status == "built" and (was or not now):
        yield f"{name} is reported as built: it was {was or 'absent'}, and is {now or 'absent'}"
    if status in ("exists", "built") and not known:
        yield f"{name} is reported as {row['digest']}, and is {now}"
    # The alias of an existing image may not have been moved; the report still has the image, or
    # says that the image of the plan is missing.
    alias = (row["failure"] or {}).get("step") == "alias" and known
    if status not in ("exists", "built") and was and not alias:
        yield f"{name} existed, and is reported as {status}"
    if status == "failed" and f"`{name}`" not in seen.ran.err:
        yield f"{name} failed, and stderr does not name it"


def _ended(seen: CaseResult, rows: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield a wrong exit code, and an alias that is not where the report says."""
    statuses = {row["status"] for row in rows.values()}
    if seen.code == 0 and not statuses <= {"exists", "built"}:
        yield f"ended with 0 and {sorted(statuses)}"
    if seen.code == 1 and "failed" not in statuses:
        yield "ended with 1, and nothing failed"
    alias = seen.after["api"].get("latest")
    lied = _invented_digest(seen, "api", "latest") or _invented_digest(seen, "api")
    if seen.code == 0 and not lied and alias != seen.after["api"].get(seen.wanted["api"]):
        yield "ended with 0, and the alias is not moved"


def _invented_digest(seen: CaseResult, name: str, tag: str = "") -> str | None:
    """Return the digest that the proxy invented for a HEAD, which no client can recognize."""
    path = f"/v2/s{seen.case.seed}/{name}/manifests/{tag or seen.wanted[name]}"
    describe = [d for d in seen.log if d.method == "HEAD" and unquote(d.path) == path]
    return OTHER_DIGEST if any(d.digest == OTHER_DIGEST for d in describe) else None
