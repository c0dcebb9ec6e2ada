package faults

import (
	"slices"
	"strings"
	"testing"

	"remit/iam"
	"remit/platform"
	"remit/verify"
)

// more are faults that need things of their own: roles, resources, other accounts' policies.
func more() []fault {
	return []fault{
		{"three hops from dev to a secret of prod", "boundary ceiling ceiling-of-boundary isolation undeclared", threeHops},
		{"a role of dev takes one of prod", "ceiling ceiling-of-boundary isolation isolation-reference", func(c *verify.Case) {
			from, to := "meridian-dev-entry", "meridian-prod-loan-processor-stable-memory"
			loose(from, grant("Enter", words("sts:AssumeRole"), words(arnIn(prodAccount, to))))(c)
			r := roleNamed(c, to)
			r.Trust.Statements = append(slices.Clip(r.Trust.Statements), iam.Statement{Sid: "Dev", Effect: iam.Allow, Principals: iam.Principals{AWS: words(arnIn(devAccount, from))}, Actions: iam.Of("sts:AssumeRole")})
		}},
		{"a gateway only logs", "gateway", thing("AWS::BedrockAgentCore::Gateway", "gateway/g", settings("PolicyEngineConfiguration.Mode=LOG_ONLY"))},
		{"a gateway asks nobody", "gateway", thing("AWS::BedrockAgentCore::Gateway", "gateway/g", settings("PolicyEngineConfiguration.Arn=", "PolicyEngineConfiguration.Mode="))},
		{"a gateway admits everyone", "gateway", thing("AWS::BedrockAgentCore::Gateway", "gateway/g", settings("AuthorizerType=NONE"))},
		{"a gateway without interceptors", "gateway", thing("AWS::BedrockAgentCore::Gateway", "gateway/g", settings("InterceptorConfigurations.InterceptionPoints="))},
		{"a gateway's firewall fails open", "gateway", thing("AWS::BedrockAgentCore::Gateway", "gateway/g", settings("WafConfiguration.FailureMode=FAIL_OPEN"))},
		{"a gateway that nobody can read", "gateway", func(c *verify.Case) {
			thing("AWS::BedrockAgentCore::Gateway", "gateway/g", settings())(c)
			c.World.Resources[0].Unread = []string{"PolicyEngineConfiguration.Mode"}
		}},
		{"an engine without a policy", "policy-engine", thing("AWS::BedrockAgentCore::PolicyEngine", "policy-engine/e", nil)},
		{"a runtime in the templates without a policy", "runtime", thing("AWS::BedrockAgentCore::Runtime", "runtime/r", nil)},
		{"a trail that is off", "trail", thing("AWS::CloudTrail::Trail", "trail/t", map[string][]string{"IsLogging": {"false"}, "IsMultiRegionTrail": {"true"}, "EnableLogFileValidation": {"true"}})},
		{"a trail's bucket keeps no versions", "trail", func(c *verify.Case) {
			thing("AWS::CloudTrail::Trail", "trail/t", map[string][]string{"IsLogging": {"true"}, "IsMultiRegionTrail": {"true"}, "EnableLogFileValidation": {"true"}, "S3BucketName": {"kept"}})(c)
			c.World.Resources = append(c.World.Resources, iam.Resource{ARN: "arn:aws:s3:::kept", Type: "AWS::S3::Bucket", Account: prodAccount})
		}},
		{"an agent's function is rewritten by another environment", "ceiling ceiling-of-boundary compromise-entry escalation isolation isolation-reference", func(c *verify.Case) {
			fn := "arn:aws:lambda:us-east-1:" + prodAccount + ":function:f"
			c.World.Resources = append(c.World.Resources, iam.Resource{ARN: iam.ARN(fn), Type: "AWS::Lambda::Function", Account: prodAccount, Settings: map[string][]string{"Role": {arnIn(prodAccount, requestRole)}}})
			loose("meridian-dev-entry", grant("Rewrite", words("lambda:UpdateFunctionCode"), words(fn)))(c)
			c.World.Policies = append(c.World.Policies, iam.Policy{ARN: iam.ARN(fn), Kind: "AWS::Lambda::Function", Account: prodAccount, Document: iam.Doc(
				iam.Statement{Sid: "Dev", Effect: iam.Allow, Principals: iam.Principals{AWS: words(arnIn(devAccount, "meridian-dev-entry"))}, Actions: iam.Of("lambda:UpdateFunctionCode"), Resources: iam.Of(fn)})})
		}},
		{"any repository of an organization may take a role", "trust-federated", federation("repo:acme/*:ref:refs/heads/main", true)},
		{"any token of the issuer may take a role", "trust-federated", federation("", true)},
		{"a token for anyone may take a role", "trust-federated", federation("repo:acme/app:ref:refs/heads/main", false)},
		{"ForAllValues without a guard", "beyond-boundary for-all-values", edit("meridian-prod-compliance-reporter-stable-reached", "policy", "ReachReadLoanBook", without("Null", "dynamodb:Attributes"))},
		{"an interceptor takes boundaries off", "boundary-shed ceiling ceiling-of-boundary compromise-request-interceptor", loose(requestRole, grant("Shed", words("iam:DeleteRolePermissionsBoundary"), words(arnIn(prodAccount, "meridian-prod-*"))))},
		{"an interceptor makes roles without a boundary", "boundary-shed ceiling ceiling-of-boundary compromise-request-interceptor", loose(requestRole, grant("Make", words("iam:CreateRole"), words(arnIn(prodAccount, "new-*"))))},
		{"a tool reads a secret", "ceiling ceiling-of-boundary compromise-tool", loose("meridian-prod-compliance-reporter-stable-reach", grant("Secret", words("secretsmanager:GetSecretValue"), words("arn:aws:secretsmanager:us-east-1:"+prodAccount+":secret:bureau-AbCdEf")))},
		{"a request interceptor signs delegations", "ceiling compromise-request-interceptor", func(c *verify.Case) {
			key := "arn:aws:kms:us-east-1:" + prodAccount + ":key/<meridian-prod-platform.DelegationKey>"
			plain(requestRole, grant("Sign", words("kms:Sign"), []string{key}))(c)
			p := policyOf(c, iam.ARN(key))
			p.Document.Statements = slices.Clone(p.Document.Statements)
			for i := range p.Document.Statements {
				instead("aws:PrincipalArn", arnIn(prodAccount, requestRole))(&p.Document.Statements[i])
			}
		}},
		{"a broker reaches models that nobody declared", "ceiling ceiling-of-boundary", loose(brokerRole, grant("More", words("bedrock:InvokeModel"), words("arn:aws:bedrock:us-east-1::foundation-model/*")))},
		{"a broker stops sessions itself", "ceiling ceiling-of-boundary compromise-broker", loose(brokerRole, grant("Stop", words("bedrock-agentcore:StopRuntimeSession"), words("arn:aws:bedrock-agentcore:us-east-1:"+prodAccount+":runtime/*")))},
		{"a response interceptor changes what a tenant's day has left", "compromise-response-interceptor ledger", func(c *verify.Case) {
			r := roleNamed(c, "meridian-prod-loan-processor-stable-response")
			b := policyOf(c, r.Boundary)
			b.Document.Statements = slices.DeleteFunc(slices.Clone(b.Document.Statements), func(s iam.Statement) bool { return s.Sid == "NeverSwitches" })
			edit("meridian-prod-loan-processor-stable-response", "policy", "SettleCalls", instead("dynamodb:LeadingKeys", "TENANT#*"))(c)
		}},
		{"the entry rewrites records", "compromise-entry", func(c *verify.Case) {
			b := policyOf(c, roleNamed(c, entryRole).Boundary)
			b.Document.Statements = slices.DeleteFunc(slices.Clone(b.Document.Statements), func(s iam.Statement) bool { return s.Sid == "NeverRewriteRecords" })
			edit(entryRole, "policy", "OpenExecutions", instead("dynamodb:LeadingKeys", "RECORD#*"))(c)
		}},
		{"the entry's function answers past its address", "resource-open", func(c *verify.Case) {
			p := policyOf(c, iam.ARN("arn:aws:lambda:us-east-1:"+prodAccount+":function:meridian-prod-entry:live"))
			p.Document.Statements = slices.Clone(p.Document.Statements)
			for i := range p.Document.Statements {
				without("Bool", "lambda:InvokedViaFunctionUrl")(&p.Document.Statements[i])
			}
		}},
		{"an agent reads a memory of any actor", "agentcore-memory ceiling ceiling-of-boundary", loose(execution, grant("Recall", words("bedrock-agentcore:RetrieveMemoryRecords"), words("arn:aws:bedrock-agentcore:us-east-1:"+prodAccount+":memory/m")))},
		{"an agent lists all actors", "agentcore-memory ceiling ceiling-of-boundary", loose(execution, grant("List", words("bedrock-agentcore:ListActors"), words("arn:aws:bedrock-agentcore:us-east-1:"+prodAccount+":memory/m")))},
		{"a response interceptor calls a tool", "ceiling ceiling-of-boundary compromise-response-interceptor", loose("meridian-prod-loan-processor-stable-response", grant("Call", words("lambda:InvokeFunction"), words("arn:aws:lambda:us-east-1:"+prodAccount+":function:score:live")))},
		{"a gateway's role stops a trail", "audit ceiling ceiling-of-boundary", loose(gatewayRole, grant("Stop", words("cloudtrail:StopLogging"), words("arn:aws:cloudtrail:us-east-1:"+prodAccount+":trail/t")))},
		{"a tool's half of a reach is gone", "halves", func(c *verify.Case) {
			r := roleNamed(c, "meridian-prod-compliance-reporter-stable-reach")
			r.Policy.Statements = slices.DeleteFunc(slices.Clone(r.Policy.Statements), func(s iam.Statement) bool { return s.Sid == "AssumeReached" })
		}},
		{"the other account's half of a reach is gone", "halves", func(c *verify.Case) {
			r := roleNamed(c, "meridian-prod-compliance-reporter-stable-reached")
			r.Trust.Statements = slices.DeleteFunc(slices.Clone(r.Trust.Statements), func(s iam.Statement) bool { return s.Sid == "OnlyThisLane" })
		}},
		{"a developer of dev may enter prod", "compromise-developer", func(c *verify.Case) {
			person := c.Platform.Environments[slices.IndexFunc(c.Platform.Environments, func(e platform.Environment) bool { return e.Name == "dev" })].Deploy.People()[0]
			r := roleNamed(c, memoryRole)
			r.Trust.Statements = append(slices.Clone(r.Trust.Statements), iam.Statement{Sid: "Dev", Effect: iam.Allow, Principals: iam.Principals{AWS: words(person)}, Actions: iam.Of("sts:AssumeRole")})
		}},
	}
}

// threeHops: dev's entry → a shared role → another shared role → a secret of prod whose policy
// admits it.
func threeHops(c *verify.Case) {
	const shared = "333333333302"
	secret := iam.ARN("arn:aws:secretsmanager:us-east-1:" + prodAccount + ":secret:bureau-AbCdEf")
	one, two := arnIn(shared, "one"), arnIn(shared, "two")
	admit := func(who string) iam.Document {
		return iam.Doc(iam.Statement{Sid: "Admit", Effect: iam.Allow, Principals: iam.Principals{AWS: words(who)}, Actions: iam.Of("sts:AssumeRole")})
	}
	loose("meridian-dev-entry", grant("HopOne", words("sts:AssumeRole"), words(one)))(c)
	c.World.Roles = append(c.World.Roles,
		iam.Role{ARN: iam.ARN(one), Trust: admit(arnIn(devAccount, "meridian-dev-entry")), Policy: iam.Doc(grant("HopTwo", words("sts:AssumeRole"), words(two)))},
		iam.Role{ARN: iam.ARN(two), Trust: admit(one), Policy: iam.Doc(grant("Read", words("secretsmanager:GetSecretValue"), []string{string(secret)}))})
	c.World.Policies = append(c.World.Policies, iam.Policy{ARN: secret, Kind: "AWS::SecretsManager::Secret", Account: prodAccount, Document: iam.Doc(
		iam.Statement{Sid: "Share", Effect: iam.Allow, Principals: iam.Principals{AWS: words(two)}, Actions: iam.Of("secretsmanager:GetSecretValue"), Resources: iam.Of("*")})})
}

func thing(kind, name string, with map[string][]string) func(*verify.Case) {
	return func(c *verify.Case) {
		c.World.Resources = append(c.World.Resources, iam.Resource{ARN: iam.ARN("arn:aws:bedrock-agentcore:us-east-1:" + prodAccount + ":" + name), Type: kind, Account: prodAccount, Settings: with})
	}
}

// settings is a gateway as it should be, but for some settings; an empty value takes one away.
func settings(but ...string) map[string][]string {
	out := map[string][]string{"PolicyEngineConfiguration.Mode": {"ENFORCE"}, "PolicyEngineConfiguration.Arn": {"e"}, "AuthorizerType": {"CUSTOM_JWT"}, "InterceptorConfigurations.InterceptionPoints": {"REQUEST", "RESPONSE"}}
	for _, b := range but {
		key, value, _ := strings.Cut(b, "=")
		out[key] = []string{value}
		if value == "" {
			delete(out, key)
		}
	}
	return out
}

func federation(subject string, audience bool) func(*verify.Case) {
	const issuer = "token.actions.githubusercontent.com"
	s := iam.Statement{Sid: "Build", Effect: iam.Allow, Principals: iam.Principals{Federated: words("arn:aws:iam::" + prodAccount + ":oidc-provider/" + issuer)}, Actions: iam.Of("sts:AssumeRoleWithWebIdentity")}
	if subject != "" {
		s.When = append(s.When, iam.When("StringLike", issuer+":sub", subject))
	}
	if audience {
		s.When = append(s.When, iam.When("StringEquals", issuer+":aud", "sts.amazonaws.com"))
	}
	return func(c *verify.Case) {
		r := roleNamed(c, requestRole)
		r.Trust.Statements = append(slices.Clip(r.Trust.Statements), s)
	}
}

func TestAGatewayAsItShouldBeIsNoFinding(t *testing.T) {
	c := healthy(t)
	thing("AWS::BedrockAgentCore::Gateway", "gateway/g", settings())(&c)
	if found := verify.Judge(c).Findings; len(found) > 0 {
		t.Errorf("a gateway without fault is accused:\n%s", texts(found))
	}
}

func TestTheChainIsDrawnHopByHop(t *testing.T) {
	c := healthy(t)
	threeHops(&c)
	for _, f := range verify.Judge(c).Findings {
		if f.Rule != "isolation" {
			continue
		}
		var hops []string
		for _, h := range f.Chain {
			hops = append(hops, h.Of.Name())
		}
		if got, want := strings.Join(hops, " → "), "meridian-dev-entry → one → two → bureau-AbCdEf"; !strings.HasSuffix(got, strings.TrimPrefix(want, "meridian-dev-entry")) {
			t.Errorf("the way to the secret is not drawn\n  got  %s\n  want %s", got, want)
		}
		return
	}
	t.Error("three hops to a secret of prod are no finding")
}
