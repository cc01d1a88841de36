"""What the rest of the project takes from the configuration files.

No function here raises for what the user wrote: each returns `Loaded(value, problems)`, so that
the caller can tell the problems of all files at once. pydantic, tomli and the TOML grammar are
imported when a file is read, not before.
"""

from pipeline.shell.config.chosen import load_settings
from pipeline.shell.config.fly_toml import FlyToml, read_fly_toml
from pipeline.shell.config.folders import Folders, find_folders, find_root, working_folder
from pipeline.shell.config.image_file import ImageFile, load_image_file
from pipeline.shell.config.loaded import Loaded
from pipeline.shell.config.lock_file import load_lock

__all__ = [
    "FlyToml",
    "Folders",
    "ImageFile",
    "Loaded",
    "find_folders",
    "find_root",
    "load_image_file",
    "load_lock",
    "load_settings",
    "read_fly_toml",
    "working_folder",
]
