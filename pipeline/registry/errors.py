"""What goes wrong between us and a registry.

* UnknownError
  - HttpError: refused, unreachable, in trouble, or no registry at all: nothing was learnt
    + CredentialError: docker's configuration or a credential helper could not be read
    + ContradictionError: HEAD says that something exists, and GET that it does not
* WorkError
  - AbsentError: the registry knows us, and says that what was asked for does not exist
  - KeptTagError: the registry overwrites no tag, and there is one of that name
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import WorkError
from ..http.errors import ErrorDetails, HttpError

if TYPE_CHECKING:
    from ..reference import Reference


class CredentialError(HttpError):
    """A credential is configured, and could not be read."""


class ContradictionError(HttpError):
    """HEAD says that something exists, and GET that it does not: nobody knows."""

    def __init__(
        self, reference: Reference, hint: str, details: ErrorDetails | None = None
    ) -> None:
        super().__init__(
            f"`{reference}` is there by HEAD, and not there by GET", hint=hint, details=details
        )


class AbsentError(WorkError):
    """What was to be fetched does not exist: an authenticated 404, and no fault."""

    def __init__(self, reference: Reference) -> None:
        super().__init__(f"`{reference}` does not exist", hint="build it first: `invoke build-all`")
        self.reference = reference


class KeptTagError(WorkError):
    """A tag was to be put on another manifest, and its registry keeps tags as they are."""

    def __init__(self, reference: Reference, said: str) -> None:
        super().__init__(
            f"`{reference}` exists, and its registry lets no tag be overwritten{said}",
            hint="delete the tag there, allow it to be overwritten, or use another: a change of "
            "`salt` in image.toml makes another of an image's own",
        )
        self.reference = reference
