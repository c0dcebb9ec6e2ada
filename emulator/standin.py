"""One stand-in for every resource type that AWS publishes and the emulator lacks.

It registers as the emulator's own provisioners do, in the table of handlers
that CloudFormation consults. A stand-in is a record, not a service: realism.py
checks its properties as it does for every type, and the stand-in invents the
primary identifier and answers the read-only attributes. It stores nothing of
its own: what stands is what the emulator's stacks hold, so a rollback or a
reset needs no second bookkeeping.
"""

import hashlib
import uuid

import regex
from ministack.core.responses import get_account_id, get_region, now_iso
from ministack.services import cloudformation
from ministack.services.cloudformation import provisioners

from schema import Refused, exception, index, matches, names, schema

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"
SETTLED = ("READY", "ACTIVE", "AVAILABLE", "ENABLED")
TYPES = set()


def install():
    """Offer a stand-in for each published type without a provisioner."""
    TYPES.update(index().keys() - provisioners._RESOURCE_HANDLERS.keys())
    for what in TYPES:
        provisioners._RESOURCE_HANDLERS[what] = _handlers(what)


def require_replacement(what):
    """Tell the emulator which properties replace the resource; the schema is read only when a stack needs it."""
    provisioners._REPLACING_PROPERTIES.setdefault(what, names(what, "createOnlyProperties"))


def _handlers(what):
    def create(logical_id, properties, stack):
        require_replacement(what)
        identity, attributes = invent(what, logical_id, properties, stack)
        _refuse_duplicate(what, logical_id, identity, stack)
        return identity, attributes

    def update(identity, _old, properties, stack, logical_id=None):
        return identity, _updated(what, logical_id, properties, stack)

    def delete(_identity, _properties):
        """The stack forgets the resource; there is nothing else to undo."""

    return {"create": create, "update": update, "update_with_logical_id": True, "delete": delete}


def standing():
    """Every stand-in of every account, in a stable order."""
    found = []
    for (account, region, stack), record in cloudformation._stacks._data.items():
        for logical_id, resource in record.get("_resources", {}).items():
            if resource["ResourceType"] in TYPES:
                found.append({
                    "account": account, "region": region, "stack": stack, "logical_id": logical_id,
                    "type": resource["ResourceType"], "physical_id": resource["PhysicalResourceId"],
                    "properties": resource["Properties"], "attributes": resource["Attributes"],
                })
    return sorted(found, key=lambda r: (r["account"], r["region"], r["stack"], r["logical_id"]))


def _refuse_duplicate(what, logical_id, identity, stack):
    if schema(what).get("replacementStrategy") == "delete_then_create":
        return
    place = get_account_id(), get_region(), what, identity
    for other in standing():
        if place == (other["account"], other["region"], other["type"], other["physical_id"]):
            raise Refused(
                f"{logical_id}: {what} {identity} already exists, made by {other['logical_id']} of stack "
                f"{other['stack']}. Give it another name; a replacement cannot keep the old one."
            )


def _updated(what, logical_id, properties, stack):
    """Identity survives an update in place; only what follows a property, counts or tells the time moves."""
    before = cloudformation._stacks[stack]["_resources"][logical_id]["Attributes"]
    after = {**before, **{name: now_iso() for name in before if name in ("UpdatedAt", "LastUpdatedAt")}}
    for row in exception("counts", what):
        after[row["attribute"]] = str(int(before[row["attribute"]]) + 1)
    for row in exception("follows", what):
        after[row["attribute"]] = properties.get(row["property"], before[row["attribute"]])
    return after


def invent(what, logical_id, properties, stack):
    """The primary identifier (what Ref answers) and the attributes of a new resource."""
    values = _Values(what, logical_id, properties, stack)
    identity = "|".join(str(values[path.split("/")[2]]) for path in schema(what)["primaryIdentifier"])
    attributes = {}
    for name in names(what, "readOnlyProperties"):
        attributes.update(_flat(name, values[name]))
    return identity, attributes


def _flat(name, value):
    """Fn::GetAtt reaches into an object with dots: WorkloadIdentityDetails.WorkloadIdentityArn."""
    if not isinstance(value, dict):
        return {name: value}
    return {key: leaf for child, inner in value.items() for key, leaf in _flat(f"{name}.{child}", inner).items()}


class _Values(dict):
    """Property values, invented on demand where the template gives none.

    Deterministic: the same account, region, stack and logical id name the same
    resource again, except after a replacement, for which the emulator draws a
    new seed.
    """

    def __init__(self, what, logical_id, properties, stack):
        super().__init__(properties)
        self.what, self.schema = what, schema(what)
        seed = provisioners._NAME_SEED.get()
        self.digest = hashlib.sha256("\0".join([get_account_id(), get_region(), stack, logical_id, seed]).encode()).digest()
        self.suffix = "".join(ALPHABET[byte % len(ALPHABET)] for byte in self.digest[:10])
        self.place = {
            "partition": "aws", "region": get_region(), "account": get_account_id(), "service": _service(what),
            "stack": stack, "suffix": self.suffix, "uuid": str(uuid.UUID(bytes=self.digest[:16])),
            "label": self._label(properties, logical_id),
        }

    def __missing__(self, name):
        value = self.place[name] if name in self.place else self._invent(name, self.schema["properties"].get(name, {}))
        self[name] = value
        return value

    def _label(self, properties, logical_id):
        """The name a person gave: AgentRuntimeName, TrailName, Name; else the logical id."""
        kind = self.what.rsplit("::", 1)[1]
        given = (n for n in (f"Agent{kind}Name", f"{kind}Name", "Name") if isinstance(properties.get(n), str))
        return properties.get(next(given, None), logical_id)

    def _invent(self, path, spec):
        """A value for a property or, by its dotted path, for a part of one."""
        for row in exception("shapes", self.what):
            if row["attribute"] == path:
                return row["shape"].format_map(self)
        for row in exception("follows", self.what):
            if row["attribute"] == path and row["property"] in self:
                return self[row["property"]]
        spec = _resolve(self.schema, spec)
        kind = spec.get("type", "object" if "properties" in spec else "string")
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object":
            return {child: self._invent(f"{path}.{child}", inner) for child, inner in spec.get("properties", {}).items()}
        if kind == "string":
            return self._string(path.rsplit(".", 1)[-1], spec)
        return {"array": [], "boolean": False}.get(kind, spec.get("minimum", 0))

    def _string(self, name, spec):
        if "enum" in spec:
            return next((word for word in SETTLED if word in spec["enum"]), spec["enum"][0])
        candidates = [shape.format_map(self) for shape in self._spellings(name)]
        return next((text for text in candidates if _accepts(spec, text)), candidates[0])

    def _spellings(self, name):
        """Likely spellings, likeliest first; the first one that the schema's own pattern accepts is taken."""
        if name.endswith(("At", "Time", "Date", "Timestamp")):
            return [now_iso()]
        if name.endswith("Arn"):
            tails = self._arn_tail(name.removesuffix("Arn")), _kebab(self.what) + "/{label}-{suffix}"
            return ["arn:{partition}:{service}:{region}:{account}:" + tail for tail in tails]
        if name.endswith(("Url", "Uri", "Endpoint")):
            return ["https://{label}-{suffix}.{service}.{region}.amazonaws.com"]
        if name.endswith(("Reason", "Message")):
            return [""]
        fixed = {"AccountId": "{account}", "Version": "1"}
        likely = [shape for ending, shape in fixed.items() if name.endswith(ending)]
        return [*likely, "{label}-{suffix}", "{stack}-{label}-{suffix}", "{suffix}", "{uuid}", _kebab(self.what) + "-{suffix}"]

    def _arn_tail(self, base):
        """GatewayArn ends in gateway/{GatewayIdentifier} where the type has that property."""
        of = next((id for id in (f"{base}Id", f"{base}Identifier") if id in self.schema["properties"]), None)
        return f"{_kebab(base or self.what)}/{{{of}}}" if of else f"{_kebab(self.what)}/{{label}}-{{suffix}}"


def _kebab(name):
    return regex.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name.rsplit("::", 1)[-1]).lower()


def _accepts(spec, text):
    return spec.get("minLength", 0) <= len(text) <= spec.get("maxLength", len(text)) and matches(regex.fullmatch, spec.get("pattern", ""), text)


def _resolve(document, spec):
    while "$ref" in spec:
        spec = document["definitions"][spec["$ref"].rsplit("/", 1)[1]]
    return spec


def _service(what):
    """AWS::CodePipeline::Pipeline is codepipeline in ARNs, unless a row says otherwise."""
    rows = exception("services", what.rsplit("::", 1)[0])
    return rows[0]["service"] if rows else what.split("::")[1].lower()
