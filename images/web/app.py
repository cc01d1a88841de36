"""The front page: rendered on the server, from a template that is read once."""

import os
from pathlib import Path

import bottle
import serve

PAGE = bottle.SimpleTemplate((Path(__file__).parent / "page.html").read_text(encoding="utf-8"))

app = bottle.Bottle()


@app.route("/")
def front() -> str:
    """The front page."""
    where = os.environ.get("FLY_REGION", "nowhere")
    return PAGE.render(title=os.environ.get("TITLE", ""), region=where)


if __name__ == "__main__":
    serve.run(app)
