"""Reading a repository that is not there yet: some registries know it only to who may push to it.

Quay answers 401 to a token for `pull`, and 404 to one for `pull,push` (its `v2auth.py`); Docker Hub
answers 401 to the first.
"""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...http.response import Response


class Widening:
    """What one host's scopes for reading have become. Thread-safe.

    `is_pushed` says whether we push to a repository, by its path.
    """

    def __init__(self, is_pushed: Callable[[str], bool]) -> None:
        self._is_pushed = is_pushed
        self._lock = Lock()
        self._under_way: dict[str, Lock] = {}
        self._found: dict[str, str] = {}

    def of(self, scope: str) -> str:
        """The scope to ask for in place of `scope`: that of a push where reading alone was refused.

        >>> Widening(lambda path: True).of("repository:acme/web:pull")
        'repository:acme/web:pull'
        """
        return self._found.get(scope, scope)

    def again(
        self, refused: Response, scope: str, ask: Callable[[str], Response | None]
    ) -> Response:
        """Answer once more what was `refused` with a scope for reading, where we push.

        `ask` has the answer for a wider scope, `None` where there is no token for it. A repository
        is asked about one request at a time, until it is known what to ask for; where who may push
        is refused too, no other request is sent.
        """
        if refused.status != 401 or not refused.own or not self._may_widen(scope):
            return refused
        wider = f"{scope},push"
        with self._lock:
            alone = self._under_way.setdefault(scope, Lock())
        with alone:
            if self._found.get(scope) == scope:
                return refused
            answer = ask(wider) or refused
            if answer.status != 401:
                self._found[scope] = wider
            return answer if self._found.setdefault(scope, scope) == wider else refused

    def _may_widen(self, scope: str) -> bool:
        kind, _, rest = scope.partition(":")
        path, _, actions = rest.rpartition(":")
        return kind == "repository" and actions == "pull" and self._is_pushed(path)
