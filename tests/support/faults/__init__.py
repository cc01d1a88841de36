"""Faults between a client and a real registry: a real proxy, and the faults that it can inject.

>>> with secured_registry(...) as (registry, environ), faulty(registry, certificate) as proxy:
...     proxy.choose = Randomly(seed=7, rate=0.2, stranger="127.0.0.1:4443")
...     project.invoke("build-all", environ=environ)   # against `proxy.address`
...     proxy.log                                      # each request, and what was done to it
"""

from tests.support.faults.fault import NO_ANSWER, Fault, Reply, Request
from tests.support.faults.kinds import KINDS, Kind, RandomFaults, no_faults
from tests.support.faults.proxy import LoggedRequest, Proxy, faulty_proxy

__all__ = [
    "KINDS",
    "NO_ANSWER",
    "Fault",
    "Kind",
    "LoggedRequest",
    "Proxy",
    "RandomFaults",
    "Reply",
    "Request",
    "faulty_proxy",
    "no_faults",
]
