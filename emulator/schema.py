"""AWS's published resource schemas, and what they say is wrong with a resource.

The schemas are the CloudFormation registry's own, one JSON document per type,
as cfn-lint bundles them (MIT-0). Of the sources that work offline it is the
only one that keeps primary identifiers, create-only and read-only properties,
patterns and enums together: @aws-cdk/aws-service-spec drops patterns and
enums, @aws/cloudformation-validate compiles them into wasm.
"""

import functools
import importlib.util
import json
import pathlib

import jsonschema
import regex
import yaml

HERE = pathlib.Path(__file__).parent
# Found without importing cfnlint, which would pull in sympy and networkx.
DATA = pathlib.Path(importlib.util.find_spec("cfnlint").submodule_search_locations[0], "data", "schemas")
PUBLISHED = json.loads((DATA / "version.json").read_text())["schema_date"][:10]


class Refused(ValueError):
    """What CloudFormation or a service would refuse; the emulator fails the deployment with the text."""


@functools.cache
def exceptions():
    """Every deviation from the generic rule: the rows of exceptions.yaml."""
    return yaml.safe_load((HERE / "exceptions.yaml").read_text())


def exception(kind, what):
    """The rows of one kind that speak about a resource type."""
    return [row for row in exceptions()[kind] if row["type"] == what]


@functools.cache
def index(region="us-east-1"):
    """Type name to document, as published in a region."""
    path = DATA / "providers" / f"{region}.json"
    if not path.exists():
        raise Refused(f"region {region}: no resource schemas are published for it; check AWS_REGION and the stack's env")
    return json.loads(path.read_text())


@functools.cache
def schema(what, region="us-east-1"):
    document = index(region).get(what)
    if document is None:
        raise Refused(f"{what} is not published in {region}; AWS does not offer the type there, or the name is misspelt")
    return json.loads((DATA / "resources" / f"{document}.json").read_text())


def names(what, key):
    """The top-level property names a schema lists under key, e.g. readOnlyProperties.

    Nested paths (/properties/A/B) are left out: the emulator decides
    replacement per top-level property, and a template can neither set nor
    read what AWS fills in below a list.
    """
    paths = (path.split("/")[2:] for path in schema(what).get(key) or ())
    return tuple(path[0] for path in paths if len(path) == 1)


def problems(what, properties, region="us-east-1"):
    """Every way in which the properties break the published schema, as sentences."""
    found = [_sentence(error) for error in _validator(what, region).iter_errors(properties)]
    found += [f"{name}: AWS sets it, a template cannot" for name in _never_settable(what) if name in properties]
    return sorted(found)


def check(what, logical_id, properties, region="us-east-1"):
    found = problems(what, properties, region)
    if found:
        raise Refused(
            f"{logical_id} breaks the published schema of {what}: {'; '.join(found)}. "
            f"Correct the properties; if AWS changed the type after {PUBLISHED}, raise cfn-lint in requirements.txt."
        )


def _never_settable(what):
    settable = {*names(what, "createOnlyProperties"), *names(what, "writeOnlyProperties")}
    return [name for name in names(what, "readOnlyProperties") if name not in settable]


@functools.cache
def _validator(what, region):
    how = regex.fullmatch if exception("whole_patterns", what.rsplit("::", 1)[0]) else regex.search
    keywords = {
        "type": _type,
        "enum": _enum,
        "pattern": functools.partial(_pattern, how),
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
    }
    return jsonschema.validators.extend(jsonschema.Draft7Validator, keywords)(schema(what, region))


def _pattern(how, _validator, pattern, value, _schema):
    if isinstance(value, str) and not matches(how, pattern, value):
        yield jsonschema.ValidationError(f"{value!r} does not match {pattern!r}")


def matches(how, pattern, text):
    r"""AWS's patterns are Java's: regex knows \p{L}, and the few that even regex cannot read bind nothing."""
    try:
        return pattern == "" or how(pattern, text) is not None
    except regex.error:
        return True


# jsonschema's own two keywords below use re.


def _pattern_properties(validator, patterns, value, _schema):
    if validator.is_type(value, "object"):
        for pattern, spec in patterns.items():
            for name in (name for name in value if matches(regex.search, pattern, name)):
                yield from validator.descend(value[name], spec, path=name, schema_path=pattern)


def _additional_properties(validator, allowed, value, spec):
    if not validator.is_type(value, "object"):
        return
    patterns = spec.get("patternProperties", ())
    extra = [n for n in value if n not in spec.get("properties", ()) and not any(matches(regex.search, p, n) for p in patterns)]
    for name in extra:
        if allowed is False:
            rule = f"does not match {' or '.join(map(repr, patterns))}" if patterns else "is not a property AWS knows"
            yield jsonschema.ValidationError(f"{name!r} {rule}")
        elif allowed is not True:
            yield from validator.descend(value[name], allowed, path=name)


# CloudFormation reads "30" as a number, "true" as a boolean, and 30 or true as a string.
_SPELT = {"integer": r"[+-]?\d+", "number": r"[+-]?\d+(\.\d+)?", "boolean": r"true|false"}


def _type(validator, kinds, value, _schema):
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if not any(validator.is_type(value, kind) or _coerced(kind, value) for kind in kinds):
        yield jsonschema.ValidationError(f"{value!r} is not of type {' or '.join(kinds)}")


def _enum(_validator, allowed, value, _schema):
    if value not in allowed and str(value) not in map(str, allowed):
        yield jsonschema.ValidationError(f"{value!r} is not one of {allowed}")


def _coerced(kind, value):
    if kind == "string":
        return isinstance(value, (bool, int, float))
    return kind in _SPELT and isinstance(value, str) and regex.fullmatch(_SPELT[kind], value) is not None


def _sentence(error):
    """The deepest cause: "is not valid under any of the given schemas" helps nobody."""
    cause = jsonschema.exceptions.best_match([error])
    place = ".".join(str(step) for step in cause.absolute_path)
    text = cause.message if len(cause.message) <= 300 else cause.message[:300] + "..."
    return f"{place}: {text}" if place else text
