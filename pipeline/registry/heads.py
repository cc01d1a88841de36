"""Ask whether references exist, while more of them are still being found out."""

from __future__ import annotations

from collections import deque
from threading import Condition, Lock, Thread
from typing import TYPE_CHECKING

from ..http.errors import HttpError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from threading import Event

    from ..model.presence import Presence
    from ..reference import Reference
    from .host import Host

    Answer = Presence | HttpError


_FEW = 4
"""Requests at once while the caller is still busy.

Its work delays the answers, so the registry looks farther away than it is.
"""
_PATIENCE = 1.0
"""Seconds that a thread waits for one more reference: to start one takes as long as a request."""


class Heads:
    """The answers to HEAD requests, each of which is sent once, many at once. One thread adds.

    The first request to a host goes alone: if nobody answers, that is found out once. `head` sends
    a request and raises `HttpError`, `host` names the host that it goes to, and `at_once` is how
    many requests to send at once. No more are sent once `closed` is set. Python does not wait for
    the threads at its end: where a mistake in a file is found meanwhile, the answers do not matter.
    """

    def __init__(
        self,
        head: Callable[[Reference], Presence],
        host: Callable[[Reference], Host],
        at_once: Callable[[], int],
        closed: Event,
    ) -> None:
        self._head = head
        self._host = host
        self._at_once = at_once
        self._closed = closed
        lock = Lock()
        self._changed = Condition(lock)
        self._more = Condition(lock)
        self._failure: Exception | None = None
        self._asked: set[Reference] = set()
        self._answers: dict[Reference, Answer] = {}
        self._held: dict[Host, list[Reference]] = {}
        """Hosts whose first request is under way, and what waits for it."""
        self._lost: dict[str, HttpError] = {}
        """Hosts that nobody answers at."""
        self._left: deque[Reference] = deque()
        self._workers = 0
        self._waiting = 0
        """Workers that wait for more references."""
        self._awaited = False

    def add(self, reference: Reference) -> None:
        """Ask for a reference soon, in another thread, unless that has been done."""
        if reference in self._asked:
            return
        self._asked.add(reference)
        host = self._host(reference)
        with self._changed:
            if lost := self._lost.get(reference.repository.host):
                self._answers[reference] = lost
            elif host in self._held:
                self._held[host].append(reference)
            elif host.known:
                self._left.append(reference)
                self._start_workers()
            else:
                self._held[host] = []
                self._start(lambda: self._ask_first(host, reference))

    def answers(self, references: Iterable[Reference]) -> dict[Reference, Answer]:
        """Wait for the answers of references, in their order; ask for those not added yet.

        An error takes the place of an answer.
        """
        wanted = tuple(dict.fromkeys(references))
        for reference in wanted:
            self.add(reference)
        with self._changed:
            self._awaited = True
            self._more.notify_all()
            self._start_workers()
            self._changed.wait_for(lambda: self._failure or not (self._workers or self._held))
        if self._failure:
            raise self._failure
        return {reference: self._answers[reference] for reference in wanted}

    def _ask_first(self, host: Host, reference: Reference) -> None:
        """Send the first request to a host, and then what has waited for it or comes later."""
        answer = self._ask(reference)
        with self._changed:
            self._answers[reference] = answer
            waiting = self._held.pop(host)
            if isinstance(answer, HttpError) and answer.details.unreachable:
                self._lost[reference.repository.host] = answer
                self._answers |= dict.fromkeys(waiting, answer)
                return
            self._left += waiting
            self._workers += 1
            self._start_workers()
        self._work()

    def _start_workers(self) -> None:
        """Wake as many workers as there are references left, and start those that lack."""
        self._more.notify(len(self._left))
        most = self._at_once() if self._awaited else min(_FEW, self._at_once())
        more = min(len(self._left) - self._waiting, most - self._workers)
        for _ in range(more):
            self._workers += 1
            self._start(self._work)

    def _start(self, work: Callable[[], None]) -> None:
        Thread(target=self._run, args=(work,), name="registry", daemon=True).start()

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - raised again where the answers are waited for
            self._failure = error
        finally:
            with self._changed:
                self._changed.notify_all()

    def _work(self) -> None:
        """Ask for one reference after the other until none is left, and no more may come."""
        while True:
            with self._changed:
                if not self._left and not self._awaited:
                    self._waiting += 1
                    self._more.wait(_PATIENCE)
                    self._waiting -= 1
                if not self._left or self._closed.is_set():
                    self._workers -= 1
                    return
                reference = self._left.popleft()
            answer = self._ask(reference)
            with self._changed:
                self._answers[reference] = answer

    def _ask(self, reference: Reference) -> Answer:
        try:
            return self._head(reference)
        except HttpError as error:
            return error
