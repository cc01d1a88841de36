"""The help of options that several tasks have."""

from __future__ import annotations

PROFILE = "profile of pipeline.toml to merge over the rest (also: PIPELINE_PROFILE)"
ALLOW = "what the project may use beyond its own files, commas between (also: PIPELINE_ALLOW)"
STRICT = "make warnings about what a tag may hide errors (also: `strict` in pipeline.toml)"
JSON = "print the result as JSON on stdout"
VERIFY = "`deep`: also check that platforms and all parts of existing images are there"
KEEP_GOING = "after a failure, build what does not depend on it"
