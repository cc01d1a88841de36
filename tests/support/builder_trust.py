"""A registry with TLS on 127.0.0.1, and the builder of `make builders`.

The engine's own BuildKit accepts any certificate of 127.0.0.1. A BuildKit elsewhere speaks plain
HTTP to 127.0.0.1, unless its `buildkitd.toml` says otherwise.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.builders.container import MIRROR, builder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def trusting_builder(address: str, ca: Path) -> Iterator[dict[str, str]]:
    """Yield the environment in which builds reach the registry at `address` by TLS.

    Under `make builders`, this makes another builder, which trusts `ca`; otherwise nothing.
    """
    if MIRROR not in os.environ:
        yield {}
        return
    trust = f'[registry."{address}"]\n  http = false\n  ca = ["{ca}"]\n'
    name = f"fip-tls-{address.rpartition(':')[2]}"
    with builder(name, ca.parent, "network=host", config=trust):
        yield {"BUILDX_BUILDER": name}
