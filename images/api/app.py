"""A small JSON API: greetings in several languages."""

import bottle
import serve

GREETINGS = {"en": "Hello", "de": "Guten Tag", "fr": "Bonjour", "ja": "こんにちは"}

app = bottle.Bottle()


@app.route("/greetings")
def greetings() -> dict[str, str]:
    """All greetings by language."""
    return GREETINGS


@app.route("/greetings/<language>")
def greeting(language: str) -> dict[str, str]:
    """The greeting of one language."""
    if language not in GREETINGS:
        raise bottle.HTTPError(404, f"no greeting for {language}")
    return {"language": language, "greeting": GREETINGS[language]}


if __name__ == "__main__":
    serve.run(app)
