"""Run one case: prepare, run with faults, read the registry, run again without faults."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline import fingerprint, inspect, load, plan, run
from pipeline.model.project import reference_of
from sandbox.registry import Certificate
from tests.faults.case import IMAGES, OURS, RATE, corrupts_digest, project_of
from tests.faults.truth import Truth
from tests.support.faults import RandomFaults, faulty_proxy, no_faults
from tests.support.project import Ran
from tests.support.registries import Registry
from tests.support.scripted_server import Reply, scripted_server

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.model.plan import Plan
    from pipeline.model.report import Report
    from tests.faults.case import CampaignRegistry, Case
    from tests.support.faults import Fault, LoggedRequest, Proxy, Request
    from tests.support.project import Project
    from tests.support.scripted_server import Request as Arrived

BOUND = 150.0
"""Seconds after which a run counts as hanging."""


@dataclass(frozen=True, slots=True)
class CaseResult:
    """The results of a case.

    `tags` are, by repository, the tags and digests `before` and `after` the run; `wanted` is the
    tag of each image; `hollow` lists missing content of tags. `code` is None for a run that hung.
    `again` is the exit code of the run without faults, `still` lists what was wrong after it.
    """

    case: Case
    code: int | None
    ran: Ran
    seconds: float
    address: str
    wanted: Mapping[str, str]
    before: Mapping[str, Mapping[str, str]]
    after: Mapping[str, Mapping[str, str]]
    hollow: Sequence[str]
    log: Sequence[LoggedRequest]
    strangers: Sequence[Arrived]
    again: int = 0
    still: Sequence[str] = ()


class ForAll(RandomFaults):
    """Faults for all requests, except those that a rerun cannot repair."""

    def __call__(self, request: Request) -> Fault | None:
        """Choose like `RandomFaults`."""
        fault = super().__call__(request)
        return None if fault and corrupts_digest(request, fault) else fault


class OnlyOurs(RandomFaults):
    """Faults only for the pipeline's requests; BuildKit's are forwarded."""

    def __call__(self, request: Request) -> Fault | None:
        """Choose like `RandomFaults`."""
        return super().__call__(request) if request.agent == OURS else None

    def resets_connection(self, connection: int) -> bool:
        """Return False: it is not known yet whose connection it is."""
        del connection
        return False


def run_case(case: Case, place: CampaignRegistry) -> CaseResult:
    """Run a case in a new folder and return its results."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="faults-")))
        certificate = _certificate(place)
        ca = certificate.ca
        registry = Registry(place.registry, ca)
        proxy = stack.enter_context(faulty_proxy(registry, certificate))
        stranger = stack.enter_context(scripted_server(_stranger, certificate))
        project = project_of(case, folder / "project", proxy.address, place)
        truth = Truth(place.registry, ca, "x", place.token)
        chooser = ForAll if case.whose == "all" else OnlyOurs
        wanted = _wanted(project)
        for name in case.before:
            truth.put(f"s{case.seed}/{name}", wanted[name])
        before = _tags(truth, case)
        # Another host name than the registry's, so that it counts as another host.
        elsewhere = stranger.address.replace("127.0.0.1", "localhost")
        proxy.choose = chooser(seed=case.seed, rate=RATE, stranger=elsewhere)
        code, ran, seconds = _ran(project, case.words)
        proxy.choose = no_faults
        seen = CaseResult(
            case,
            code,
            ran,
            seconds,
            proxy.address,
            wanted,
            before,
            _tags(truth, case),
            _missing_parts(truth, case),
            tuple(proxy.log),
            tuple(stranger.requests),
        )
        return _rerun(seen, project, truth, proxy)


def _certificate(place: CampaignRegistry) -> Certificate:
    folder = place.folder
    return Certificate(folder / "server.pem", folder / "server.key", folder / "ca.pem")


def _stranger(request: Arrived) -> Reply:
    """Answer any request with success and false content."""
    html = {"Content-Type": "text/html"}
    if request.path.startswith("/token"):
        return Reply(200, {"Content-Type": "application/json"}, b'{"token": "a-strangers"}')
    return Reply(201 if request.method in ("PUT", "POST") else 200, html, b"<h1>Welcome</h1>")


def _ran(project: Project, words: Sequence[str]) -> tuple[int | None, Ran, float]:
    """Run Invoke as a user does, for at most `BOUND` seconds."""
    began = time.monotonic()
    with project.start(*words) as process:
        try:
            out, err = process.communicate(timeout=BOUND)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            out, err = process.communicate()
            return None, Ran(-1, out, err), time.monotonic() - began
    return process.returncode, Ran(process.returncode, out, err), time.monotonic() - began


def _planned(project: Project) -> Plan:
    environ = {**os.environ, **project.environ}
    loaded = load(project.root, environ=environ)
    return plan(loaded, inspect(loaded, environ=environ))


def _built(project: Project) -> Report:
    """Run without faults by the library, which is faster than a process."""
    return run(_planned(project), environ={**os.environ, **project.environ})


def _wanted(project: Project) -> dict[str, str]:
    loaded = load(project.root, environ={**os.environ, **project.environ})
    return {
        str(name): str(reference_of(loaded, name, inputs.fingerprint).tag)
        for name, inputs in fingerprint(loaded).items()
    }


def _tags(truth: Truth, case: Case) -> dict[str, dict[str, str]]:
    return {name: truth.tags(f"s{case.seed}/{name}") for name in IMAGES}


def _missing_parts(truth: Truth, case: Case) -> list[str]:
    """Return the content that tags need and the registry lacks."""
    return [
        f"{name}:{tag} lacks {lost}"
        for name, tags in _tags(truth, case).items()
        for tag in tags
        if (lost := truth.lacks(f"s{case.seed}/{name}", tag))
    ]


def _rerun(seen: CaseResult, project: Project, truth: Truth, proxy: Proxy) -> CaseResult:
    """Run again without faults: a plan must be right, a build must succeed."""
    after = {name: seen.after[name].get(tag, "") for name, tag in seen.wanted.items()}
    if seen.case.task == "plan":
        describe = {str(a.name): str(a.digest or "") for a in _planned(project).images}
        return replace(
            seen, still=[] if describe == after else [f"planned {describe}, and it is {after}"]
        )
    proxy.log.clear()
    report = _built(project)
    now = {name: truth.digest(f"s{seen.case.seed}/{name}", t) for name, t in seen.wanted.items()}
    still = [f"{name} is missing" for name, digest in now.items() if not digest]
    still += [f"{name} was built anew" for name in now if after[name] not in ("", now[name])]
    if truth.digest(f"s{seen.case.seed}/api", "latest") != now["api"]:
        still.append("api:latest is not moved")
    still += [f"{i.name}: {i.reason}" for i in report.images if i.status in ("failed", "blocked")]
    still += [report.trouble] if report.trouble else []
    return replace(seen, again=report.exit_code, still=[*still, *_missing_parts(truth, seen.case)])
