"""The user's configuration files; `pipeline.shell.config.files` is the way in."""
