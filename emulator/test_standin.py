"""What the embedded AWS refuses, keeps and invents, as sentences.

    <venv>/bin/python -m unittest discover -s emulator
"""

import functools
import itertools
import json
import pathlib
import signal
import socket
import subprocess
import sys
import unittest
import urllib.request

import botocore.config
import botocore.exceptions
import botocore.session
import regex

import schema

HERE = pathlib.Path(__file__).parent
DEV, PROD = "111111111111", "333333333333"
server = port = None


def setUpModule():
    global server, port
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = start(port)
    greeting = server.stdout.readline()
    assert "ready" in greeting, f"the emulator did not start: {greeting}{server.stderr.read()}"


def tearDownModule():
    server.terminate()
    server.communicate()


def start(port):
    command = [sys.executable, HERE / "serve.py", "--port", str(port)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@functools.cache
def client(service, account=DEV):
    return botocore.session.Session().create_client(
        service, "us-east-1", endpoint_url=f"http://localhost:{port}", aws_access_key_id=account,
        aws_secret_access_key="any", config=botocore.config.Config(retries={"max_attempts": 0}),
    )


def statement(effect="Allow", **parts):
    return {"Version": "2012-10-17", "Statement": [{"Effect": effect, **parts}]}


def trust(**principal):
    return statement(Principal=principal or {"Service": "lambda.amazonaws.com"}, Action="sts:AssumeRole")


def allow(*actions):
    return statement(Action=list(actions or ["s3:GetObject"]), Resource="*")


def resource(what, **properties):
    return {"Type": f"AWS::{what}", "Properties": properties}


def role(name, **more):
    return resource("IAM::Role", RoleName=name, **{"AssumeRolePolicyDocument": trust(), **more})


def runtime(**more):
    return resource("BedrockAgentCore::Runtime", **{
        "AgentRuntimeName": "loan", "RoleArn": f"arn:aws:iam::{DEV}:role/loan",
        "NetworkConfiguration": {"NetworkMode": "PUBLIC"},
        "AgentRuntimeArtifact": {"ContainerConfiguration": {"ContainerUri": f"{DEV}.dkr.ecr.us-east-1.amazonaws.com/loan:1"}},
        **more,
    })


class Stack:
    numbers = itertools.count(1)

    def __init__(self, account=DEV, name=None):
        self.name, self.cloudformation = name or f"test-{next(Stack.numbers)}", client("cloudformation", account)

    def deploy(self, resources, outputs=None, **template):
        """Create or update; the stack's final status."""
        body = {"Resources": resources, "Outputs": {k: {"Value": v} for k, v in (outputs or {}).items()}, **template}
        verb = self.cloudformation.update_stack if hasattr(self, "status") else self.cloudformation.create_stack
        verb(StackName=self.name, TemplateBody=json.dumps(body), Capabilities=["CAPABILITY_NAMED_IAM"])
        record = self._settled()
        self.status = record["StackStatus"]
        self.outputs = {o["OutputKey"]: o["OutputValue"] for o in record.get("Outputs", ())}
        return self.status

    def reasons(self):
        events = self.cloudformation.describe_stack_events(StackName=self.name)["StackEvents"]
        return " ".join(e.get("ResourceStatusReason", "") for e in events if e["ResourceStatus"].endswith("_FAILED"))

    def delete(self):
        self.cloudformation.delete_stack(StackName=self.name)
        self.cloudformation.get_waiter("stack_delete_complete").wait(StackName=self.name, WaiterConfig={"Delay": 0.05})

    def _settled(self):
        while True:
            record = self.cloudformation.describe_stacks(StackName=self.name)["Stacks"][0]
            if not record["StackStatus"].endswith("IN_PROGRESS"):
                return record


def standins(**fields):
    query = "&".join(f"{key}={value}" for key, value in fields.items())
    with urllib.request.urlopen(f"http://localhost:{port}/remit/standins?{query}") as answer:
        return json.load(answer)


class Case(unittest.TestCase):
    def setUp(self):
        request = urllib.request.Request(f"http://localhost:{port}/_ministack/reset", method="POST")
        urllib.request.urlopen(request).close()

    def deploys(self, resources, outputs=None, account=DEV, **template):
        stack = Stack(account)
        status = stack.deploy(resources, outputs, **template)
        self.assertEqual("CREATE_COMPLETE", status, stack.reasons())
        return stack

    def updates(self, stack, resources, outputs=None):
        self.assertEqual("UPDATE_COMPLETE", stack.deploy(resources, outputs), stack.reasons())

    def fails(self, resources, sentence, account=DEV):
        stack = Stack(account)
        self.assertEqual("ROLLBACK_COMPLETE", stack.deploy(resources))
        self.assertIn(sentence, stack.reasons())


class TheSchemaDecides(Case):
    def test_an_unknown_type_fails_the_deployment(self):
        with self.assertRaisesRegex(botocore.exceptions.ClientError, "Unrecognized resource types: .AWS::Nothing::AtAll"):
            Stack().deploy({"It": resource("Nothing::AtAll")})

    def test_an_unknown_property_fails_the_deployment(self):
        self.fails({"Runtime": runtime(Colour="blue")}, "'Colour' is not a property AWS knows")

    def test_a_missing_property_fails_the_deployment(self):
        self.fails({"It": resource("BedrockAgentCore::Gateway", Name="lane")}, "'RoleArn' is a required property")

    def test_a_value_outside_the_enum_fails_the_deployment(self):
        gateway = resource("BedrockAgentCore::Gateway", Name="lane", AuthorizerType="MAYBE", RoleArn=f"arn:aws:iam::{DEV}:role/gw")
        self.fails({"It": gateway}, "AuthorizerType: 'MAYBE' is not one of")

    def test_a_hyphen_in_a_runtime_name_fails_the_deployment(self):
        self.fails({"Runtime": runtime(AgentRuntimeName="loan-agent")}, "AgentRuntimeName: 'loan-agent' does not match")

    def test_a_nested_mistake_is_named_by_its_path(self):
        nested = runtime(AgentRuntimeArtifact={"ContainerConfiguration": {}})
        self.fails({"Runtime": nested}, "AgentRuntimeArtifact.ContainerConfiguration: 'ContainerUri' is a required property")

    def test_a_read_only_property_cannot_be_set(self):
        self.fails({"Runtime": runtime(Status="READY")}, "Status: AWS sets it")

    def test_a_wrong_update_fails_and_leaves_the_resource_as_it_was(self):
        stack = self.deploys({"Runtime": runtime(Description="first")})
        self.assertEqual("UPDATE_ROLLBACK_COMPLETE", stack.deploy({"Runtime": runtime(Description=["second"])}))
        self.assertEqual("first", standins()[0]["properties"]["Description"])

    def test_a_type_the_emulator_provides_itself_is_checked_too(self):
        self.fails({"Role": role("dev-a", Boundary="typo")}, "'Boundary' is not a property AWS knows")

    def test_numbers_and_booleans_may_be_spelt_as_strings(self):
        self.assertEqual([], schema.problems("AWS::Logs::LogGroup", {"RetentionInDays": "30"}))
        self.assertEqual([], schema.problems("AWS::KMS::Key", {"EnableKeyRotation": "true"}))
        self.assertNotEqual([], schema.problems("AWS::KMS::Key", {"EnableKeyRotation": "yes"}))

    def test_a_region_without_the_type_refuses_it(self):
        absent = next(what for what in schema.index() if what not in schema.index("eu-south-1"))
        with self.assertRaisesRegex(schema.Refused, "is not published in eu-south-1"):
            schema.check(absent, "It", {}, "eu-south-1")


class AStandInAnswers(Case):
    def test_references_have_the_documented_shapes(self):
        stack = self.deploys(
            {
                "Runtime": runtime(),
                "Endpoint": resource(
                    "BedrockAgentCore::RuntimeEndpoint", Name="live", AgentRuntimeId={"Ref": "Runtime"},
                    AgentRuntimeVersion={"Fn::GetAtt": ["Runtime", "AgentRuntimeVersion"]},
                ),
            },
            {
                "Id": {"Ref": "Runtime"}, "Arn": {"Fn::GetAtt": ["Runtime", "AgentRuntimeArn"]}, "Endpoint": {"Ref": "Endpoint"},
                "Identity": {"Fn::GetAtt": ["Runtime", "WorkloadIdentityDetails.WorkloadIdentityArn"]},
                "Live": {"Fn::GetAtt": ["Endpoint", "LiveVersion"]},
            },
        )
        self.assertRegex(stack.outputs["Id"], r"^loan-[a-z0-9]{10}$")
        arn = f"arn:aws:bedrock-agentcore:us-east-1:{DEV}:runtime/{stack.outputs['Id']}"
        self.assertEqual(arn, stack.outputs["Arn"])
        self.assertEqual(f"{arn}/runtime-endpoint/live", stack.outputs["Endpoint"])
        self.assertTrue(stack.outputs["Identity"].endswith(f"/workload-identity/{stack.outputs['Id']}"))
        self.assertEqual("1", stack.outputs["Live"])

    def test_an_attribute_the_schema_does_not_offer_fails_the_deployment(self):
        stack = Stack()
        stack.deploy({"Runtime": runtime()}, {"It": {"Fn::GetAtt": ["Runtime", "Colour"]}})
        self.assertEqual("ROLLBACK_COMPLETE", stack.status)

    def test_an_update_keeps_the_identity_and_makes_a_new_version_which_a_pinned_endpoint_follows(self):
        def parts(**more):
            version = {"Fn::GetAtt": ["Runtime", "AgentRuntimeVersion"]}
            pinned = {"Name": "live", "AgentRuntimeId": {"Ref": "Runtime"}, "AgentRuntimeVersion": version}
            return {"Runtime": runtime(**more), "Endpoint": resource("BedrockAgentCore::RuntimeEndpoint", **pinned)}

        answers = {"Id": {"Ref": "Runtime"}, "Endpoint": {"Ref": "Endpoint"}, "Live": {"Fn::GetAtt": ["Endpoint", "LiveVersion"]}}
        stack = self.deploys(parts(), answers)
        before = stack.outputs
        self.updates(stack, parts(Description="changed"), answers)
        self.assertEqual({**before, "Live": "2"}, stack.outputs)

    def test_a_create_only_property_replaces_the_resource(self):
        stack = self.deploys({"Runtime": runtime()}, {"Id": {"Ref": "Runtime"}})
        self.updates(stack, {"Runtime": runtime(AgentRuntimeName="other")}, {"Id": {"Ref": "Runtime"}})
        self.assertRegex(stack.outputs["Id"], r"^other-")
        self.assertEqual([stack.outputs["Id"]], [row["physical_id"] for row in standins()])

    def test_the_same_deployment_invents_the_same_identity(self):
        first = Stack()
        first.deploy({"Runtime": runtime()}, {"Id": {"Ref": "Runtime"}})
        first.delete()
        again = Stack(name=first.name)
        again.deploy({"Runtime": runtime()}, {"Id": {"Ref": "Runtime"}})
        self.assertEqual(first.outputs, again.outputs)

    def test_a_second_policy_for_one_resource_is_refused(self):
        arn = f"arn:aws:bedrock-agentcore:us-east-1:{DEV}:runtime/loan-0123456789"
        policy = resource("BedrockAgentCore::ResourcePolicy", ResourceArn=arn, Policy="{}")
        self.deploys({"One": policy})
        self.fails({"Two": policy}, "already exists, made by One")

    def test_every_invented_agentcore_value_satisfies_its_own_schema(self):
        given = {"Name": "lane", "AgentRuntimeName": "lane", "AgentRuntimeId": "rt-0123456789",
                 "PolicyEngineId": "lane-0123456789", "GatewayIdentifier": "gw-0123456789", "PaymentManagerId": "pay-0123456789"}
        import standin
        for what in (what for what in schema.index() if "::BedrockAgentCore::" in what):
            document = schema.schema(what)
            settable = {k: v for k, v in given.items() if k in document["properties"] and k not in schema.names(what, "readOnlyProperties")}
            _, attributes = standin.invent(what, "Lane", settable, "stack")
            for name in attributes.keys() & document["properties"].keys():
                spec = standin._resolve(document, document["properties"][name])
                with self.subTest(f"{what} {name}"):
                    self.assertTrue(not isinstance(attributes[name], str) or standin._accepts(spec, attributes[name]), attributes[name])

    def test_every_published_type_can_be_invented(self):
        import standin
        for what in schema.index():
            identity, _ = standin.invent(what, "It", {}, "stack")
            self.assertTrue(identity, what)


class TheListOfStandIns(Case):
    def test_accounts_are_apart(self):
        self.deploys({"Runtime": runtime()})
        self.deploys({"Runtime": runtime()}, account=PROD)
        self.assertEqual([PROD], [row["account"] for row in standins(account=PROD)])
        self.assertEqual([DEV, PROD], [row["account"] for row in standins(type="AWS::BedrockAgentCore::Runtime")])

    def test_it_shows_resolved_properties(self):
        self.deploys({"Runtime": runtime(RoleArn={"Fn::GetAtt": ["Role", "Arn"]}), "Role": role("dev-lane")})
        self.assertEqual(f"arn:aws:iam::{DEV}:role/dev-lane", standins()[0]["properties"]["RoleArn"])

    def test_a_deleted_stack_leaves_nothing_standing(self):
        self.deploys({"Runtime": runtime()}).delete()
        self.assertEqual([], standins())

    def test_a_failed_deployment_leaves_nothing_in_the_way_of_the_next(self):
        first = Stack()
        policy = resource("BedrockAgentCore::ResourcePolicy", ResourceArn={"Fn::GetAtt": ["Runtime", "AgentRuntimeArn"]}, Colour="blue")
        self.assertEqual("ROLLBACK_COMPLETE", first.deploy({"Runtime": runtime(), "Wrong": policy}))
        self.assertEqual([], standins())
        first.delete()
        self.assertEqual("CREATE_COMPLETE", Stack(name=first.name).deploy({"Runtime": runtime()}))

    def test_what_the_emulator_provides_itself_is_not_listed(self):
        self.deploys({"Role": role("dev-a")})
        self.assertEqual([], standins())


class TrustsNameWhatExists(Case):
    missing = f"arn:aws:iam::{PROD}:role/nobody"

    def test_a_trust_naming_a_missing_role_is_refused(self):
        sentence = f'MalformedPolicyDocument: Invalid principal in policy: "AWS":"{self.missing}"'
        self.fails({"Role": role("dev-a", AssumeRolePolicyDocument=trust(AWS=self.missing))}, sentence)

    def test_one_missing_role_among_existing_principals_is_refused(self):
        document = trust(AWS=[f"arn:aws:iam::{DEV}:root", self.missing])
        self.fails({"Role": role("dev-a", AssumeRolePolicyDocument=document)}, "Invalid principal")

    def test_an_empty_principal_is_refused(self):
        self.fails({"Role": role("dev-a", AssumeRolePolicyDocument=trust(AWS=[""]))}, "Invalid principal")

    def test_a_trust_naming_a_role_of_another_account_passes_once_it_stands(self):
        self.deploys({"Role": role("prod-lane")}, account=PROD)
        self.deploys({"Role": role("dev-a", AssumeRolePolicyDocument=trust(AWS=f"arn:aws:iam::{PROD}:role/prod-lane"))})

    def test_the_path_is_part_of_the_name(self):
        self.deploys({"Role": role("prod-lane", Path="/remit/")}, account=PROD)
        self.fails({"Role": role("dev-a", AssumeRolePolicyDocument=trust(AWS=f"arn:aws:iam::{PROD}:role/prod-lane"))}, "Invalid principal")

    def test_accounts_and_services_pass_unresolved(self):
        for principal in ({"AWS": f"arn:aws:iam::{PROD}:root"}, {"AWS": PROD}, {"Service": "lambda.amazonaws.com"}, {"AWS": "*"}):
            with self.subTest(principal):
                self.setUp()
                self.deploys({"Role": role("dev-a", AssumeRolePolicyDocument=trust(**principal))})

    def test_updating_a_trust_to_a_missing_role_is_refused(self):
        stack = self.deploys({"Role": role("dev-a")})
        status = stack.deploy({"Role": role("dev-a", AssumeRolePolicyDocument=trust(AWS=self.missing))})
        self.assertEqual("UPDATE_ROLLBACK_COMPLETE", status)
        kept = client("iam").get_role(RoleName="dev-a")["Role"]["AssumeRolePolicyDocument"]
        self.assertEqual(trust(), kept)

    def test_the_iam_api_refuses_it_as_well(self):
        iam, document = client("iam"), json.dumps(trust(AWS=self.missing))
        with self.assertRaisesRegex(botocore.exceptions.ClientError, "MalformedPolicyDocument.*Invalid principal"):
            iam.create_role(RoleName="dev-a", AssumeRolePolicyDocument=document)
        iam.create_role(RoleName="dev-a", AssumeRolePolicyDocument=json.dumps(trust()))
        with self.assertRaisesRegex(botocore.exceptions.ClientError, "MalformedPolicyDocument.*Invalid principal"):
            iam.update_assume_role_policy(RoleName="dev-a", PolicyDocument=document)

    def test_a_key_policy_is_resolved_too(self):
        key = resource("KMS::Key", KeyPolicy=statement(Principal={"AWS": self.missing}, Action="kms:*", Resource="*"))
        self.fails({"Key": key}, "Invalid principal")

    def test_a_stand_ins_policy_is_resolved_too(self):
        policy = statement(Principal={"AWS": self.missing}, Action="events:PutEvents", Resource="*")["Statement"][0]
        bus = resource("Events::EventBusPolicy", StatementId="one", EventBusName="loan-events", Statement=policy)
        self.fails({"Policy": bus}, "Invalid principal")


class BoundariesHold(Case):
    arn = f"arn:aws:iam::{DEV}:policy/remit/fence"

    def fence(self, name="fence", actions=("s3:GetObject",)):
        return resource("IAM::ManagedPolicy", ManagedPolicyName=name, Path="/remit/", PolicyDocument=allow(*actions))

    def boundary(self):
        return client("iam").get_role(RoleName="dev-a")["Role"].get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")

    def test_a_boundary_that_does_not_exist_is_refused(self):
        self.fails({"Role": role("dev-a", PermissionsBoundary=self.arn)}, "NoSuchEntity: Scope ARN")
        with self.assertRaisesRegex(botocore.exceptions.ClientError, "NoSuchEntity"):
            client("iam").create_role(RoleName="dev-b", AssumeRolePolicyDocument=json.dumps(trust()), PermissionsBoundary=self.arn)

    def test_a_boundary_is_kept_changed_and_removed(self):
        self.deploys({"One": self.fence(), "Two": self.fence("other")})
        stack = self.deploys({"Role": role("dev-a", PermissionsBoundary=self.arn)})
        self.assertEqual(self.arn, self.boundary())
        other = f"arn:aws:iam::{DEV}:policy/remit/other"
        self.updates(stack, {"Role": role("dev-a", PermissionsBoundary=other)})
        self.assertEqual(other, self.boundary())
        self.updates(stack, {"Role": role("dev-a")})
        self.assertIsNone(self.boundary())

    def test_a_changed_managed_policy_becomes_its_default_version(self):
        stack = self.deploys({"Fence": self.fence()})
        self.updates(stack, {"Fence": self.fence(actions=["s3:PutObject"])})
        iam = client("iam")
        version = iam.get_policy(PolicyArn=self.arn)["Policy"]["DefaultVersionId"]
        document = iam.get_policy_version(PolicyArn=self.arn, VersionId=version)["PolicyVersion"]["Document"]
        self.assertEqual(("v2", allow("s3:PutObject")), (version, document))


class SizesAndNamesCount(Case):
    def document(self, characters):
        """A policy document of exactly so many characters without white space."""
        empty = len(regex.sub(r"\s", "", json.dumps(allow("s3:"))))
        return allow("s3:" + "a" * (characters - empty))

    def test_a_managed_policy_holds_6144_characters(self):
        policy = lambda size: resource("IAM::ManagedPolicy", PolicyDocument=self.document(size))
        self.deploys({"Policy": policy(6144)})
        self.fails({"Policy": policy(6145)}, "LimitExceeded: Cannot exceed quota for PolicySize: 6144")

    def test_the_inline_policies_of_a_role_hold_10240_characters_together(self):
        inline = lambda *sizes: [{"PolicyName": f"p{n}", "PolicyDocument": self.document(s)} for n, s in enumerate(sizes)]
        self.deploys({"Role": role("dev-a", Policies=inline(5120, 5120))})
        self.fails({"Role": role("dev-b", Policies=inline(5120, 5121))}, "LimitExceeded: Cannot exceed quota for the inline policies")

    def test_a_separate_policy_counts_towards_its_role(self):
        held = role("dev-a", Policies=[{"PolicyName": "own", "PolicyDocument": self.document(10000)}])
        more = resource("IAM::Policy", PolicyName="more", Roles=[{"Ref": "Role"}], PolicyDocument=self.document(241))
        self.fails({"Role": held, "More": more}, "LimitExceeded")

    def test_a_trust_policy_holds_2048_characters(self):
        accounts = [str(n) for n in range(100000000000, 100000000150)]
        self.fails({"Role": role("dev-a", AssumeRolePolicyDocument=trust(AWS=accounts))}, "ACLSizePerRole: 2048")

    def test_a_taken_role_name_is_refused_and_its_owner_keeps_the_role(self):
        self.deploys({"Role": role("dev-a", Description="owner")})
        self.fails({"Role": role("dev-a", Description="thief")}, "EntityAlreadyExists")
        self.assertEqual("owner", client("iam").get_role(RoleName="dev-a")["Role"]["Description"])

    def test_a_taken_policy_name_is_refused(self):
        policy = resource("IAM::ManagedPolicy", ManagedPolicyName="fence", PolicyDocument=allow())
        self.deploys({"Policy": policy})
        self.fails({"Policy": policy}, "EntityAlreadyExists")


class TablesKeepWhatTheTemplateSays(Case):
    def table(self, **more):
        return {"Table": resource(
            "DynamoDB::Table", TableName="ledger", BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}], **more,
        )}

    def test_expiry_backups_encryption_and_policy_are_kept_and_dropped(self):
        policy = statement(Effect="Deny", Principal="*", Action="dynamodb:*", Resource="*")
        stack = self.deploys(self.table(
            TimeToLiveSpecification={"AttributeName": "ttl", "Enabled": True},
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True},
            SSESpecification={"SSEEnabled": True, "SSEType": "KMS"},
            ResourcePolicy={"PolicyDocument": policy},
        ))
        self.assertEqual(("ENABLED", "ENABLED", "KMS", policy), self.read())
        self.updates(stack, self.table())
        self.assertEqual(("DISABLED", "DISABLED", None, None), self.read())

    def read(self):
        dynamodb = client("dynamodb")
        table = dynamodb.describe_table(TableName="ledger")["Table"]
        backups = dynamodb.describe_continuous_backups(TableName="ledger")["ContinuousBackupsDescription"]
        try:
            policy = json.loads(dynamodb.get_resource_policy(ResourceArn=table["TableArn"])["Policy"])
        except dynamodb.exceptions.PolicyNotFoundException:
            policy = None
        return (
            dynamodb.describe_time_to_live(TableName="ledger")["TimeToLiveDescription"]["TimeToLiveStatus"],
            backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"],
            table.get("SSEDescription", {}).get("SSEType"), policy,
        )


class BucketsFunctionsAndTopicsKeepIt(Case):
    def test_encryption_and_object_lock_of_a_bucket(self):
        rule = {"BucketKeyEnabled": True, "ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "alias/audit"}}
        lock = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 365}}}
        self.deploys({"Bucket": resource(
            "S3::Bucket", BucketName="audit", VersioningConfiguration={"Status": "Enabled"}, ObjectLockEnabled=True,
            BucketEncryption={"ServerSideEncryptionConfiguration": [rule]}, ObjectLockConfiguration=lock,
        )})
        s3 = client("s3")
        kept = s3.get_bucket_encryption(Bucket="audit")["ServerSideEncryptionConfiguration"]["Rules"]
        self.assertEqual([{"BucketKeyEnabled": True, "ApplyServerSideEncryptionByDefault": rule["ServerSideEncryptionByDefault"]}], kept)
        self.assertEqual(lock, s3.get_object_lock_configuration(Bucket="audit")["ObjectLockConfiguration"])

    def test_reserved_concurrency_of_a_function(self):
        function = resource(
            "Lambda::Function", FunctionName="sweep", Role={"Fn::GetAtt": ["Role", "Arn"]}, Runtime="python3.13",
            Handler="index.handler", Code={"ZipFile": "x = 1"}, ReservedConcurrentExecutions=5,
        )
        self.deploys({"Role": role("dev-a"), "Function": function})
        self.assertEqual(5, client("lambda").get_function_concurrency(FunctionName="sweep")["ReservedConcurrentExecutions"])

    def test_the_key_of_a_topic(self):
        stack = self.deploys({"Topic": resource("SNS::Topic", KmsMasterKeyId="alias/audit")}, {"Arn": {"Ref": "Topic"}})
        attributes = client("sns").get_topic_attributes(TopicArn=stack.outputs["Arn"])["Attributes"]
        self.assertEqual("alias/audit", attributes["KmsMasterKeyId"])


class ConditionsAreComputed(Case):
    def test_the_stock_bootstraps_join_of_no_accounts_is_empty(self):
        condition = {"Fn::Not": [{"Fn::Equals": ["", {"Fn::Join": ["", {"Ref": "Accounts"}]}]}]}
        stack = Stack()
        stack.deploy(
            {"Always": role("dev-a"), "Trusted": {**role("dev-b"), "Condition": "Any"}},
            Parameters={"Accounts": {"Type": "CommaDelimitedList", "Default": ""}}, Conditions={"Any": condition},
        )
        self.assertEqual(["dev-a"], [r["RoleName"] for r in client("iam").list_roles()["Roles"]])

    def test_the_region_is_known_to_conditions(self):
        condition = {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]}
        self.deploys({"Here": {**role("dev-a"), "Condition": "Us"}}, {"Arn": {"Fn::GetAtt": ["Here", "Arn"]}}, Conditions={"Us": condition})


class TheTableOfExceptions(unittest.TestCase):
    def rows(self):
        return [(kind, row) for kind, rows in schema.exceptions().items() for row in rows]

    def test_every_row_names_what_aws_publishes_and_why(self):
        for kind, row in self.rows():
            with self.subTest(row):
                self.assertTrue(row["reason"])
                self.assertTrue(any(what == row["type"] or what.startswith(row["type"] + "::") for what in schema.index()))
                for name in (row[key].split(".")[0] for key in ("attribute", "property") if key in row):
                    self.assertIn(name, schema.schema(row["type"])["properties"])

    def test_the_readme_lists_every_row(self):
        readme = (HERE / "README.md").read_text()
        for kind, row in self.rows():
            with self.subTest(row):
                name = row["type"].removeprefix("AWS::BedrockAgentCore::")
                self.assertIn(f"| {kind} | {name} | {row.get('attribute', '')} | {row['reason']} |", readme)


class TheProcess(unittest.TestCase):
    def test_a_taken_port_is_said_in_one_line(self):
        second = start(port)
        _, error = second.communicate(timeout=20)
        self.assertEqual(1, second.returncode)
        self.assertRegex(error, rf"^emulator: cannot listen on 127.0.0.1:{port}: Address already in use\..*--port\.\n$")

    def test_it_leaves_cleanly_when_told_to_stop(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            free = probe.getsockname()[1]
        process = start(free)
        self.assertIn("ready", process.stdout.readline())
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=20)
        self.assertEqual((0, ""), (process.returncode, error))


if __name__ == "__main__":
    unittest.main()
