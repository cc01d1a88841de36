"""HEAD requests that are sent while more references are still being found out."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from pipeline import inspect, load
from pipeline.errors import ConfigError
from pipeline.http.retry import Policy
from pipeline.model.presence import Absent
from pipeline.reference import Repository, parse_reference
from pipeline.registry.client import Registry
from pipeline.registry.heads import Heads
from tests.support.project import Project
from tests.support.scripted_server import GONE, Reply, Request, scripted_server

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.model.presence import Presence
    from pipeline.reference import Reference

ENDLESS = Policy(connect=3600, read=3600, total=3600)


def test_a_request_is_sent_before_its_answer_is_wanted() -> None:
    """The registry answers while the caller looks for the next reference."""
    arrived, paths = threading.Event(), []

    def script(request: Request) -> Reply:
        paths.append(request.path)
        arrived.set()
        return GONE

    with scripted_server(script) as server, Registry() as registry:
        heads = registry.heads()
        first, second = (parse_reference(f"{server.address}/a:{n}") for n in (1, 2))
        heads.add(first)
        assert arrived.wait(60)
        heads.add(first)
        answers = heads.answers([second, first])

    assert answers == {second: Absent(), first: Absent()}
    assert list(answers) == [second, first]
    assert sorted(paths) == ["/v2/a/manifests/1", "/v2/a/manifests/2"]


def test_threads_are_used_again() -> None:
    """Each reference is added after the answer for the last one."""
    threads, answered = set(), threading.Semaphore(0)

    def head(_: Reference) -> Presence:
        threads.add(threading.current_thread())
        answered.release()
        return Absent()

    with Registry() as registry:
        host = registry.host(Repository("127.0.0.1:1", "a"))
        heads = Heads(head, lambda _: host, lambda: 50, threading.Event())
        references = [parse_reference(f"127.0.0.1:1/a:{n}") for n in range(20)]
        for reference in references:
            heads.add(reference)
            assert answered.acquire(timeout=60)
            host.known = True
        answers = heads.answers(references)

    assert answers == dict.fromkeys(references, Absent())
    assert len(threads) <= 4


def test_a_fault_in_a_thread_is_raised_for_the_caller() -> None:
    """It is neither lost nor waited for."""
    failing = Registry(credentials=lambda _: 1 / 0)  # type: ignore[arg-type]
    with scripted_server(lambda _: GONE) as server, failing as registry:
        heads = registry.heads()
        with pytest.raises(ZeroDivisionError):
            heads.answers([parse_reference(f"{server.address}/a:1")])


def test_a_mistake_in_a_file_waits_for_no_answer(tmp_path: Path) -> None:
    """The registry is asked for one image, and never answers, while another one's file is read."""
    asked, end = threading.Event(), threading.Event()

    def script(_: Request) -> Reply:
        asked.set()
        end.wait(60)
        return GONE

    project = Project(tmp_path, tmp_path / "none.log")
    project.write("pipeline.toml", "")
    project.image("a", "FROM scratch\nCOPY a.txt /\n", a_txt="a\n")
    project.image("b", "FROM scratch\nCOPY missing.txt /\n")
    with scripted_server(script) as server, Registry(policy=ENDLESS) as registry:
        project.write("pipeline.toml", f'[registry]\nhost = "{server.address}"\n')
        with pytest.raises(ConfigError, match=r"`missing\.txt` is not in the context"):
            inspect(load(tmp_path, environ={}), registry=registry, environ={})
        assert asked.wait(60)
        end.set()
