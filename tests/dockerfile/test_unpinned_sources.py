"""Messages about what can change without a change of the Dockerfile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.dockerfile.conftest import Resolve

FLOATS = {
    "RUN apt-get update && apt-get install -y curl git": ["`apt-get install` takes whatever"],
    "RUN DEBIAN_FRONTEND=x apt-get -qq install curl=1 git": ["`apt-get install`"],
    "RUN apt install -y \\\n curl": ["`apt install` takes whatever the archive has, at line 2"],
    "RUN apt-get upgrade -y": ["`apt-get upgrade`"],
    "RUN apk add --no-cache curl": ["`apk add`"],
    "RUN apk add curl>1": ["`apk add`"],
    "RUN set -ex; dnf install -y curl": ["`dnf install`"],
    "RUN if a; then yum install -y b; fi": ["`yum install`"],
    "RUN pip install flask": ["`pip install` takes whatever the index has"],
    "RUN python3 -m pip install 'flask>=1'": ["`pip install`"],
    "RUN npm install -g yarn": ["`npm install`"],
    "RUN gem install rake": ["`gem install`"],
    "RUN cargo install ripgrep": ["`cargo install`"],
    "RUN go install x.org/y@latest": ["`go install`"],
    "RUN curl -fsSL https://x.org/y | sh": ["`curl https://x.org/y` takes whatever is there"],
    "RUN git clone https://x.org/y.git": ["`git clone https://x.org/y.git`"],
    'RUN ["apt-get", "install", "curl"]': ["`apt-get install`"],
    "RUN <<E\napt-get install curl\nE": ["`apt-get install`"],
    "ADD https://x.org/y /z": ["`ADD https://x.org/y` takes whatever is there: it has no"],
    "ADD https://x.org/y.git#main /z": ["it names no commit, at line 2"],
    "RUN apk add a && pip install b": ["`apk add`", "`pip install`"],
}
PINNED = [
    "RUN apt-get update",
    "RUN apt-get install -y curl=7.88.1-10 git=1:2.39",
    "RUN apt-get install ./a.deb",
    "RUN echo apt-get install curl",
    "RUN apk add --no-cache --virtual .deps curl=8 git~=2",
    "RUN dnf install -y curl-8.0",
    "RUN pip install --no-cache-dir flask==3.0",
    "RUN pip install -r requirements.txt",
    "RUN pip install .",
    "RUN npm ci",
    "RUN npm install",
    "RUN npm install -g yarn@1.22.19",
    "RUN gem install rake -v 13",
    "RUN go install x.org/y@v1.2.3",
    "RUN curl -o a https://x.org/y && echo 'aa  a' | sha256sum -c",
    f"RUN git clone https://x.org/y.git && cd y && git checkout {'a' * 40}",
    "ADD --checksum=sha256:" + "0" * 64 + " https://x.org/y /z",
    f"ADD https://x.org/y.git#{'a' * 40} /z",
    f"ADD https://x.org/y.git?ref=v1&checksum={'a' * 40} /z",
    f"ADD --checksum={'a' * 40} https://x.org/y.git#v1 /z",
    "COPY a /b",
]


@pytest.mark.parametrize(("instruction", "expected"), FLOATS.items(), ids=FLOATS)
def test_a_floating_step(resolved: Resolve, instruction: str, expected: list[str]) -> None:
    """Packages, downloads and repositories without a version or checksum."""
    found = resolved(f"FROM a\n{instruction}\n").floating
    assert len(found) == len(expected)
    assert all(part in sentence for part, sentence in zip(expected, found, strict=True))


@pytest.mark.parametrize("instruction", PINNED)
def test_a_pinned_step(resolved: Resolve, instruction: str) -> None:
    """With versions, checksums or a lock file."""
    assert resolved(f"FROM a\n{instruction}\n").floating == ()


def test_a_frontend_without_a_digest_is_floating(resolved: Resolve) -> None:
    """Not with a digest, and not the builder's own."""
    assert resolved("# syntax=a/b:1\nFROM c\n").floating == ("the frontend `a/b:1` has no digest",)
    assert resolved(f"# syntax=a/b@sha256:{'0' * 64}\nFROM c\n").floating == ()


def test_only_needed_stages_are_reported(resolved: Resolve) -> None:
    """Each message once."""
    text = "FROM a AS x\nRUN apk add y\nFROM b\nRUN apk add c; apk add d\n"
    assert resolved(text).floating == ("`apk add` takes whatever the archive has, at line 4",)
