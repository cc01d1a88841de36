"""Turn a list of chapters into pages: `render.py CHAPTERS FOLDER`."""

import sys
from pathlib import Path

import bottle

PAGE = bottle.SimpleTemplate(
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>{{title}}</title>'
    "<h1>{{title}}</h1><p>{{text}}</p></html>\n"
)


def render(chapters: Path, folder: Path) -> None:
    """Write one page per line `name: text`, and an index."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [line for line in chapters.read_text(encoding="utf-8").splitlines() if line]
    for line in lines:
        name, _, text = line.partition(":")
        page = PAGE.render(title=name, text=text.strip())
        (folder / f"{name.lower()}.html").write_text(page, encoding="utf-8")
    index = PAGE.render(title="Handbook", text=f"{len(lines)} chapters")
    (folder / "index.html").write_text(index, encoding="utf-8")


if __name__ == "__main__":
    render(Path(sys.argv[1]), Path(sys.argv[2]))
