"""Faults between a client and a real registry: a real proxy, and the faults that it can inject.

>>> with secured_registry(...) as (registry, environ), faulty(registry, certificate) as proxy:
...     proxy.choose = Randomly(seed=7, rate=0.2, stranger="127.0.0.1:4443")
...     project.invoke("build-all", environ=environ)   # against `proxy.address`
...     proxy.did                                      # each request, and what was done to it
"""

from tests.support.faults.fault import NO_ANSWER, Asked, Fault, Reply
from tests.support.faults.kinds import KINDS, Kind, Randomly, never
from tests.support.faults.proxy import Did, Proxy, faulty

__all__ = [
    "KINDS",
    "NO_ANSWER",
    "Asked",
    "Did",
    "Fault",
    "Kind",
    "Proxy",
    "Randomly",
    "Reply",
    "faulty",
    "never",
]
