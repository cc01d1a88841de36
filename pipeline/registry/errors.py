"""The errors of the registry client.

* UnknownError
  - HttpError: refused, unreachable, unavailable, or not a registry: nothing was found out
    + CredentialError: docker's configuration or a credential helper could not be read
    + ContradictionError: HEAD says that something exists, and GET that it does not
* WorkError
  - AbsentError: the registry accepts our credential, and says that the image does not exist
  - KeptTagError: the tag exists, and the registry overwrites none
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import WorkError
from ..http.errors import ErrorDetails, HttpError

if TYPE_CHECKING:
    from ..reference import Reference


class CredentialError(HttpError):
    """A credential is configured, and cannot be read."""


class ContradictionError(HttpError):
    """HEAD says that an image exists, and GET that it does not."""

    def __init__(
        self, reference: Reference, hint: str, details: ErrorDetails | None = None
    ) -> None:
        super().__init__(
            f"`{reference}` exists for HEAD, but not for GET", hint=hint, details=details
        )


class AbsentError(WorkError):
    """The image does not exist: the registry's own 404."""

    def __init__(self, reference: Reference) -> None:
        super().__init__(f"`{reference}` does not exist", hint="build it first: `invoke build-all`")
        self.reference = reference


class KeptTagError(WorkError):
    """A tag cannot be moved to another manifest, as the registry overwrites no tag."""

    def __init__(self, reference: Reference, said: str) -> None:
        super().__init__(
            f"`{reference}` exists, and its registry does not overwrite tags{said}",
            hint="delete the tag there, allow it to be overwritten, or use another: a change of "
            "`salt` in image.toml makes another of an image's own",
        )
        self.reference = reference
