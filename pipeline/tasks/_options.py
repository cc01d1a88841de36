"""The help of options that several tasks have."""

from __future__ import annotations

PROFILE = "profile of pipeline.toml, merged over its other settings (also: PIPELINE_PROFILE)"
ALLOW = "permissions for the project, separated by commas, such as `ssh` (also: PIPELINE_ALLOW)"
STRICT = "turn warnings about files and tags into errors (also: `strict` in pipeline.toml)"
JSON = "print the result as JSON on stdout"
VERIFY = "`deep`: also check that existing images have all platforms and layers"
KEEP_GOING = "after a failure, go on with what does not depend on it"
