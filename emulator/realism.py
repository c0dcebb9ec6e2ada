"""What AWS refuses or keeps, and the emulator does not.

Every provisioner, the emulator's and our stand-ins alike, is wrapped: the
published schema and the rules below speak first, then the provisioner runs,
then what it dropped is handed to the service by the service's own code.
"""

import json
from xml.sax.saxutils import escape

import regex
from ministack.core.iam_evaluator import validate_policy_document
from ministack.core.responses import get_account_id, get_region
from ministack.services import dynamodb, iam, kms, lambda_svc, s3, sns
from ministack.services.cloudformation import changesets, engine, handlers, provisioners, stacks

from schema import Refused, check

# IAM counts characters without white space. Defaults from the IAM quotas page.
MANAGED_POLICY, ROLE_INLINE, TRUST = 6144, 10240, 2048


def install():
    """Wrap the provisioners, and the two checks of the IAM API that let everything pass."""
    for what, provisioner in provisioners._RESOURCE_HANDLERS.items():
        _wrap(what, provisioner)
    emulators = iam._trust_policy_not_principal_error
    iam._trust_policy_not_principal_error = lambda document: emulators(document) or invalid_principal(document)
    iam._boundary_policy_error = _boundary_error
    _repair_conditions()
    provisioners._S3_BUCKET_CONFIGURATIONS += DROPPED_BY_BUCKETS


def _wrap(what, provisioner):
    create, update = provisioner["create"], provisioner.get("update")

    def checked_create(logical_id, properties, stack):
        _before(what, logical_id, properties)
        FRESH.get(what, _anything)(properties)
        return _after(what, create(logical_id, properties, stack), properties)

    def checked_update(identity, old, properties, stack, *logical_id):
        _before(what, logical_id[0] if logical_id else identity, properties)
        return _after(what, update(identity, old, properties, stack, *logical_id), properties)

    provisioner["create"] = checked_create
    if update:
        provisioner["update"] = checked_update


def _before(what, logical_id, properties):
    check(what, logical_id, properties, get_region())
    refused = invalid_principal(properties)
    if refused:
        raise Refused(f"{logical_id}: MalformedPolicyDocument: {refused}")
    REFUSE.get(what, _anything)(properties)


def _after(what, made, properties):
    KEEP.get(what, _anything)(made[0], properties)
    return made


def _anything(*_):
    """Types without a rule of their own."""


# Conditions.

COMPUTED = {"Fn::Join", "Fn::FindInMap", "Fn::Sub", "Fn::Split", "Fn::Select"}


def _repair_conditions():
    """The emulator takes Fn::Join and AWS::Region inside a condition for plain text.

    Both the stock bootstrap (HasTrustedAccounts) and cdk's metadata depend on
    them; taken for text, a role would trust the empty account.
    """
    emulators = engine._evaluate_conditions

    def evaluate(template, parameters):
        literal = _computed(template.get("Conditions", {}), template, parameters)
        return emulators({**template, "Conditions": literal}, parameters)

    for module in (engine, stacks, changesets, handlers):
        module._evaluate_conditions = evaluate


def _computed(node, template, parameters):
    if isinstance(node, list):
        return [_computed(item, template, parameters) for item in node]
    if not isinstance(node, dict):
        return node
    if COMPUTED & node.keys() or str(node.get("Ref", "")).startswith("AWS::"):
        return engine._resolve_refs(node, {}, parameters, {}, template.get("Mappings", {}), "", "")
    return {key: _computed(value, template, parameters) for key, value in node.items()}


# Principals.


def invalid_principal(document):
    """IAM's sentence about the first AWS principal in the document that does not exist, or None.

    IAM, KMS, S3 and the other services resolve the roles and users that a
    policy names when it is written, which is why a trust cannot come before
    the role it trusts. Account principals are not resolved.
    """
    missing = [arn for arn in _principals(_parsed(document)) if not _exists(arn)]
    return missing and (
        f'Invalid principal in policy: "AWS":"{missing[0]}". No such role or user stands in that account: deploy it '
        "first, or trust the account and pin the role with a condition on aws:PrincipalArn."
    )


def _parsed(document):
    try:
        return json.loads(document) if isinstance(document, str) else document
    except ValueError:
        return None  # the emulator reports a document that is not JSON


def _principals(node):
    """Every AWS principal of every statement, wherever the policy sits in the properties."""
    if isinstance(node, list):
        for item in node:
            yield from _principals(item)
    elif isinstance(node, dict):
        if "Effect" in node and isinstance(node.get("Principal"), dict):
            named = node["Principal"].get("AWS", ())
            yield from [named] if isinstance(named, str) else named
        for item in node.values():
            yield from _principals(item)


NAMED = regex.compile(r"arn:aws:(?:iam|sts)::(?P<account>\d{12}):(?P<kind>user|role|assumed-role)/(?P<path>.+)")


def _exists(principal):
    match = NAMED.fullmatch(str(principal))
    if not match:
        return principal == "*" or regex.fullmatch(r"\d{12}|arn:aws:iam::\d{12}:root|arn:aws:sts::\d{12}:federated-user/.+", str(principal))
    account, kind, path = match["account"], match["kind"], match["path"]
    if kind == "assumed-role":
        return iam._roles.get_scoped(account, None, path.split("/")[0]) is not None
    held = (iam._users if kind == "user" else iam._roles).get_scoped(account, None, path.rsplit("/", 1)[-1])
    return held is not None and held["Arn"] == principal


# Boundaries.


def _boundary_error(arn):
    if iam.policy_known(arn):
        return None
    return iam._error(404, "NoSuchEntity", f"Scope ARN: {arn} does not exist or is not attachable.", ns="iam")


def _keep_boundary(name, properties):
    """The emulator's role provisioner drops PermissionsBoundary on create and on update."""
    iam._roles[name]["PermissionsBoundary"] = properties.get("PermissionsBoundary")


# Names and sizes.


def _refuse_role(properties):
    boundary = properties.get("PermissionsBoundary")
    if boundary and not iam.policy_known(boundary):
        raise Refused(
            f"NoSuchEntity: Scope ARN: {boundary} does not exist or is not attachable. "
            "Deploy the stack that owns the boundary first."
        )
    _refuse_longer("ACLSizePerRole", properties["AssumeRolePolicyDocument"], TRUST)
    for policy in properties.get("Policies", ()):
        _refuse_malformed(policy["PolicyDocument"])
    _refuse_long_inline(properties.get("RoleName"), properties.get("Policies", ()))


def _refuse_managed_policy(properties):
    _refuse_malformed(properties["PolicyDocument"])
    _refuse_longer("PolicySize", properties["PolicyDocument"], MANAGED_POLICY)


def _refuse_inline_policy(properties):
    for role in properties.get("Roles", ()):
        _refuse_long_inline(role, [properties])


def _refuse_long_inline(role, added):
    held = dict(iam._roles[role]["InlinePolicies"]) if role in iam._roles else {}
    held.update({policy["PolicyName"]: policy["PolicyDocument"] for policy in added})
    _refuse_longer(f"the inline policies of role {role}", held.values(), ROLE_INLINE)


def _refuse_longer(quota, documents, limit):
    documents = [documents] if isinstance(documents, (str, dict)) else documents
    size = sum(_size(document) for document in documents)
    if size > limit:
        raise Refused(
            f"LimitExceeded: Cannot exceed quota for {quota}: {limit}. "
            f"This has {size} characters without white space: split the policy or name fewer actions."
        )


def _size(document):
    """White space between tokens does not count; the little inside strings is not worth a parser here."""
    return len(regex.sub(r"\s", "", document if isinstance(document, str) else json.dumps(document)))


def _refuse_malformed(document):
    wrong = validate_policy_document(document)
    if wrong:
        raise Refused(f"MalformedPolicyDocument: {wrong}")


def _refuse_taken_role(properties):
    if properties.get("RoleName") in iam._roles:
        raise Refused(f"EntityAlreadyExists: Role with name {properties['RoleName']} already exists.")


def _refuse_taken_policy(properties):
    arn = f"arn:aws:iam::{get_account_id()}:policy{properties.get('Path', '/')}{properties.get('ManagedPolicyName')}"
    if arn in iam._policies:
        raise Refused(f"EntityAlreadyExists: A policy called {properties['ManagedPolicyName']} already exists.")


# Properties the emulator's provisioners drop.


def _keep_table(name, properties):
    """TTL, backups, encryption and the resource policy go through the service's own calls."""
    ttl = properties.get("TimeToLiveSpecification") or {"AttributeName": "none", "Enabled": False}
    _done(dynamodb._update_ttl({"TableName": name, "TimeToLiveSpecification": ttl}))
    backups = properties.get("PointInTimeRecoverySpecification") or {}
    _done(dynamodb._update_continuous_backups({"TableName": name, "PointInTimeRecoverySpecification": backups}))
    table = dynamodb._tables[name]
    table["SSEDescription"] = dynamodb._sse_description_from_spec(_sse(properties.get("SSESpecification")))
    policy = (properties.get("ResourcePolicy") or {}).get("PolicyDocument")
    if policy:
        _done(dynamodb._put_resource_policy({"ResourceArn": table["TableArn"], "Policy": json.dumps(policy)}))
    else:
        dynamodb._resource_policies.pop(table["TableArn"], None)


def _keep_global_table(name, properties):
    """A global table keeps part of its settings in the replica of the region."""
    here = next((replica for replica in properties["Replicas"] if replica["Region"] == get_region()), {})
    sse = {**properties.get("SSESpecification", {}), **here.get("SSESpecification", {})}
    _keep_table(name, {**properties, **here, "SSESpecification": sse})
    dynamodb._tables[name]["DeletionProtectionEnabled"] = here.get("DeletionProtectionEnabled", False)


def _sse(specification):
    """CloudFormation says SSEEnabled where the DynamoDB API says Enabled."""
    if not specification:
        return None
    named = specification.get("KMSMasterKeyId")
    key = kms._resolve_key(named) if named else None
    renamed = {
        "Enabled": specification["SSEEnabled"],
        "SSEType": specification.get("SSEType"),
        "KMSMasterKeyId": key["Arn"] if key else named,
    }
    return {name: value for name, value in renamed.items() if value is not None}


def _keep_function(name, properties):
    reserved = properties.get("ReservedConcurrentExecutions")
    lambda_svc._functions[name]["concurrency"] = None if reserved is None else int(reserved)


def _keep_topic(arn, properties):
    key = properties.get("KmsMasterKeyId", "")
    _done(sns._set_topic_attributes({"TopicArn": arn, "AttributeName": "KmsMasterKeyId", "AttributeValue": key}))


def _encryption_xml(encryption):
    rules = [
        {"ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"], "BucketKeyEnabled": rule.get("BucketKeyEnabled", False)}
        for rule in encryption["ServerSideEncryptionConfiguration"]
    ]
    return _xml("ServerSideEncryptionConfiguration", {"Rule": rules}).encode()


def _lock_xml(lock):
    return _xml("ObjectLockConfiguration", lock).encode()


def _xml(tag, value):
    if isinstance(value, list):
        return "".join(_xml(tag, item) for item in value)
    if isinstance(value, dict):
        inner = "".join(_xml(name, item) for name, item in value.items())
    else:
        inner = escape(str(value).lower() if isinstance(value, bool) else str(value))
    return f"<{tag}>{inner}</{tag}>"


def _never_unlocked(_bucket):
    """Object Lock cannot be taken off a bucket again."""


# Rows of the emulator's own table: property, its XML, the service's put, its delete.
DROPPED_BY_BUCKETS = (
    ("BucketEncryption", _encryption_xml, s3._put_bucket_encryption, s3._delete_bucket_encryption),
    ("ObjectLockConfiguration", _lock_xml, s3._put_object_lock_configuration, _never_unlocked),
)


def _done(answer):
    if answer[0] >= 400:
        raise Refused(answer[2].decode() if isinstance(answer[2], bytes) else str(answer[2]))


REFUSE = {
    "AWS::IAM::Role": _refuse_role,
    "AWS::IAM::Policy": _refuse_inline_policy,
    "AWS::IAM::ManagedPolicy": _refuse_managed_policy,
}
FRESH = {"AWS::IAM::Role": _refuse_taken_role, "AWS::IAM::ManagedPolicy": _refuse_taken_policy}
KEEP = {
    "AWS::IAM::Role": _keep_boundary,
    "AWS::DynamoDB::Table": _keep_table,
    "AWS::DynamoDB::GlobalTable": _keep_global_table,
    "AWS::Lambda::Function": _keep_function,
    "AWS::SNS::Topic": _keep_topic,
}
