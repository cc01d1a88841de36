"""Compare the fake Fly's shapes of JSON bodies with those of fly-go and of the OpenAPI description.

All three are brought into one form: `"string"`, `"integer"`, `"boolean"`, `"number"`, `"any"`, a
tuple of values for an enumeration, `[form]` for a list, `{"*": form}` for a map with any keys, and
another dictionary for an object.
"""

from __future__ import annotations

from typing import Any

Form = Any

_GO = {
    "bool": "boolean",
    "float64": "number",
    "any": "any",
    "interface{}": "any",
    "Duration": "duration",
    "MachineAutostop": "string",
    "time.Time": "string",
    "string": "string",
    "[]byte": "string",
    **dict.fromkeys(("int", "int32", "int64", "uint32", "uint64"), "integer"),
}
"""JSON kinds of Go's types. A `Duration` is sent as a string, and may be read as an integer; a
`MachineAutostop`, an `int` in Go, is sent as a string, too."""
_SHAPES = {str: "string", int: "integer", bool: "boolean", float: "number", object: "any"}


def of_go(kind: str, facts: dict[str, Any]) -> Form:
    """Return the form of a Go type; `facts` has `structs` by name and other named types.

    >>> of_go("[]*Lease", {"structs": {"Lease": {"ttl": "int"}}, "names": {}})
    [{'ttl': 'integer'}]
    """
    bare = kind.removeprefix("*")
    bare = bare if bare in _GO else facts["names"].get(bare, bare)
    if bare in _GO:
        return _GO[bare]
    if bare.startswith("[]"):
        return [of_go(bare.removeprefix("[]"), facts)]
    if bare.startswith("map[string]"):
        return {"*": of_go(bare.removeprefix("map[string]"), facts)}
    found: dict[str, Form] = {}
    for name, one in facts["structs"][bare.removeprefix("fly.")].items():
        if name.startswith("<"):
            found.update(of_go(one, facts))
        else:
            found[name] = of_go(one, facts)
    return found


def of_openapi(kind: str, schemas: dict[str, dict[str, str]]) -> Form:
    """Return the form of a type of the OpenAPI description, as `extract.py` writes it.

    >>> of_openapi("Stop[]", {"Stop": {"signal": "SIGINT|SIGTERM"}})
    [{'signal': ('SIGINT', 'SIGTERM')}]
    """
    if kind.endswith("[]"):
        return [of_openapi(kind.removesuffix("[]"), schemas)]
    if kind.startswith("{"):
        return {"*": of_openapi(kind[1:-1], schemas)}
    if "|" in kind:
        return tuple(kind.split("|"))
    if not schemas.get(kind):
        # An object without properties, such as an enumeration of Go that is not described.
        return kind if kind in ("string", "integer", "boolean", "number") else "any"
    return {name: of_openapi(one, schemas) for name, one in schemas[kind].items()}


def of_shape(shape: Any) -> Form:
    """Return the form of a shape of `tests/support/fly/request_bodies.py`."""
    if isinstance(shape, list):
        return [of_shape(shape[0])]
    if isinstance(shape, dict):
        return {name: of_shape(one) for name, one in shape.items()}
    if isinstance(shape, tuple):
        return "duration" if set(shape) == {str, int} else shape
    return _SHAPES[shape]


def of_value(value: object) -> Form:
    """Return the form of JSON that was sent or answered; `null` and an empty list are "any".

    >>> of_value({"ok": True, "ids": ["a"]})
    {'ok': 'boolean', 'ids': ['string']}
    """
    if isinstance(value, dict):
        return {name: of_value(one) for name, one in value.items()}
    if isinstance(value, list):
        return [of_value(value[0])] if value else ["any"]
    return "any" if value is None else _SHAPES[type(value)]


def differences(ours: Form, theirs: list[Form], at: str, *, whole: bool) -> list[str]:
    """Return what is unlike in ours and all of theirs; with `whole` no key of theirs may lack."""
    theirs = [one for one in theirs if one != "any"]
    if ours == "any" or not theirs:
        return []
    if isinstance(ours, list):
        lists = all(isinstance(one, list) for one in theirs)
        inner = [one[0] for one in theirs] if lists else []
        return differences(ours[0], inner, f"{at}[]", whole=whole) if lists else [f"{at}: no list"]
    if not isinstance(ours, dict):
        unlike = [one for one in theirs if not _fits(ours, one)]
        return [f"{at}: {ours} here, {one} at Fly" for one in unlike]
    if not all(isinstance(one, dict) for one in theirs):
        return [f"{at}: no object at Fly"]
    return _keys(ours, theirs, at, whole=whole)


def _keys(
    ours: dict[str, Form], theirs: list[dict[str, Form]], at: str, *, whole: bool
) -> list[str]:
    known = {name for one in theirs for name in one}
    named = "*" not in known
    wrong = [f"{at}.{name}: not at Fly" for name in sorted(set(ours) - known) if named]
    if whole:
        wrong += [f"{at}.{name}: missing here" for name in sorted(known - set(ours))]
    for name, one in ours.items():
        others = [each[key] for each in theirs for key in (name, "*") if key in each]
        wrong += differences(one, others, f"{at}.{name}", whole=whole)
    return wrong


def _fits(ours: Form, theirs: Form) -> bool:
    if isinstance(ours, tuple) and isinstance(theirs, tuple):
        return set(ours) - {"", "none"} == set(theirs) - {""}
    kinds = {"duration": {"string", "integer"}, "number": {"number", "integer"}}
    mine, yours = (
        {"string"}
        if isinstance(one, tuple)
        else kinds.get(one, {one})
        if isinstance(one, str)
        else set()
        for one in (ours, theirs)
    )
    return bool(mine & yours)
