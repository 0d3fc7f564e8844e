"""Checks a JSON document against a JSON Schema: the part of draft-07 that our schemas use, and no package for it."""
import json
import re

TYPES = {"object": dict, "array": list, "string": str, "null": type(None), "boolean": bool}
SILENT = {"$schema", "$id", "$comment", "title", "description", "default", "examples", "definitions"}


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def has_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    if name == "number":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def one_or_many(value):
    return value if isinstance(value, list) else [value]


def same(one, other):
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def matches(value, schema, root):
    return next(errors(value, schema, root), None) is None


def resolve(root, reference):
    found = root
    for part in reference.removeprefix("#/").split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found


def check_ref(value, reference, schema, root, path):
    yield from errors(value, resolve(root, reference), root, path)


def check_type(value, names, schema, root, path):
    if not any(has_type(value, name) for name in one_or_many(names)):
        yield f"{path}: {json.dumps(value)[:80]} is not {' or '.join(one_or_many(names))}"


def check_enum(value, choices, schema, root, path):
    if not any(same(value, choice) for choice in choices):
        yield f"{path}: {json.dumps(value)[:80]} is none of {choices}"


def check_const(value, constant, schema, root, path):
    yield from check_enum(value, [constant], schema, root, path)


def check_any_of(value, choices, schema, root, path):
    if not any(matches(value, choice, root) for choice in choices):
        yield f"{path}: fits no choice: " + " | ".join(next(errors(value, choice, root, path)) for choice in choices)


def check_one_of(value, choices, schema, root, path):
    if sum(matches(value, choice, root) for choice in choices) != 1:
        yield f"{path}: does not fit exactly one choice"


def check_all_of(value, parts, schema, root, path):
    for part in parts:
        yield from errors(value, part, root, path)


def check_minimum(value, least, schema, root, path):
    if has_type(value, "number") and value < least:
        yield f"{path}: {value} is less than {least}"


def check_maximum(value, most, schema, root, path):
    if has_type(value, "number") and value > most:
        yield f"{path}: {value} is more than {most}"


def check_pattern(value, pattern, schema, root, path):
    if isinstance(value, str) and not re.search(pattern, value):
        yield f"{path}: {json.dumps(value)[:80]} does not match {pattern}"


def check_required(value, names, schema, root, path):
    if isinstance(value, dict):
        yield from (f"{path}: no '{name}'" for name in names if name not in value)


def check_properties(value, properties, schema, root, path):
    if isinstance(value, dict):
        for name in properties.keys() & value.keys():
            yield from errors(value[name], properties[name], root, f"{path}.{name}")


def check_additional(value, rest, schema, root, path):
    if isinstance(value, dict):
        for name in value.keys() - schema.get("properties", {}).keys():
            if rest is False:
                yield f"{path}: '{name}' is not allowed"
            elif rest is not True:
                yield from errors(value[name], rest, root, f"{path}.{name}")


def check_items(value, items, schema, root, path):
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from errors(item, items, root, f"{path}[{index}]")


def check_min_items(value, least, schema, root, path):
    if isinstance(value, list) and len(value) < least:
        yield f"{path}: {len(value)} items are fewer than {least}"


CHECKS = {
    "$ref": check_ref, "type": check_type, "enum": check_enum, "const": check_const, "anyOf": check_any_of,
    "oneOf": check_one_of, "allOf": check_all_of, "minimum": check_minimum, "maximum": check_maximum,
    "pattern": check_pattern, "required": check_required, "properties": check_properties,
    "additionalProperties": check_additional, "items": check_items, "minItems": check_min_items,
}


def errors(value, schema, root=None, path="$"):
    """Every way in which the value breaks the schema, as text. A keyword that is not known here is an error too."""
    root = schema if root is None else root
    if schema is True or schema is False:
        yield from () if schema else [f"{path}: nothing is allowed here"]
        return
    for word, argument in schema.items():
        if word in CHECKS:
            yield from CHECKS[word](value, argument, schema, root, path)
        elif word not in SILENT:
            yield f"{path}: the schema says '{word}', which this checker does not know"
