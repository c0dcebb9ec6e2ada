package platform_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"remit/platform"
)

func lane(name, environment, agent, lane, region string) platform.LaneSite {
	site := platform.Site{Platform: name, Environment: environment, Purpose: "platform", Account: "111111111111", Region: region}
	return platform.LaneSite{AgentSite: platform.AgentSite{Site: site, Agent: agent}, Lane: lane}
}

// TestEveryNameOfALaneIsTheOneThatIsDeployed is the table to read when a name changes:
// every line is something that exists in AWS under that name, and would be replaced.
func TestEveryNameOfALaneIsTheOneThatIsDeployed(t *testing.T) {
	l := lane("acme", "prod", "loan_processor", "stable-2", "us-east-1")
	const digest = "sha256:aa"
	for what, c := range map[string]struct{ got, want string }{
		"lane stack":       {l.Stack(), "acme-prod-loan-processor-stable-2"},
		"agent stack":      {l.AgentSite.Stack(), "acme-prod-loan-processor"},
		"account stack":    {l.AccountStack(), "acme-prod-platform"},
		"fence stack":      {l.FenceStack(), "acme-prod-fence-platform"},
		"bootstrap stack":  {l.BootstrapStack(), "acme-prod-bootstrap"},
		"role":             {l.Role("execution"), "arn:aws:iam::111111111111:role/remit/acme-prod-loan-processor-stable-2-execution"},
		"account role":     {l.Site.Role("entry"), "arn:aws:iam::111111111111:role/remit/acme-prod-entry"},
		"boundary":         {l.Boundary("execution"), "arn:aws:iam::111111111111:policy/remit/fence/acme-prod-execution"},
		"bootstrap role":   {l.BootstrapRole("fence-deploy"), "arn:aws:iam::111111111111:role/remit/bootstrap/acme-prod-bootstrap-fence-deploy"},
		"bootstrap fence":  {l.BootstrapBoundary(), "arn:aws:iam::111111111111:policy/remit/bootstrap/acme-prod-bootstrap"},
		"asset bucket":     {l.AssetBucket(), "remit-assets-111111111111-us-east-1"},
		"bootstrap number": {l.BootstrapParameter(), "/cdk-bootstrap/remit/version"},
		"memory table":     {l.MemoryTable(), "acme-prod-loan-processor-memory"},
		"memory table ARN": {l.MemoryTableARN(), "arn:aws:dynamodb:us-east-1:111111111111:table/acme-prod-loan-processor-memory"},
		"memory key":       {l.MemoryKeyARN(), "arn:aws:kms:us-east-1:111111111111:key/<acme-prod-loan-processor.MemoryKey>"},
		"repository":       {l.Repository(), "acme/loan-processor"},
		"image":            {l.Image(digest), "111111111111.dkr.ecr.us-east-1.amazonaws.com/acme/loan-processor@sha256:aa"},
		"function":         {l.Function("request"), "acme-prod-loan-processor-stable-2-request"},
		"function ARN":     {l.FunctionARN("request"), "arn:aws:lambda:us-east-1:111111111111:function:acme-prod-loan-processor-stable-2-request:live"},
		"runtime":          {l.Runtime(), "acme__loan_processor__stable_2"},
		"runtime pattern":  {l.RuntimePattern(), "arn:aws:bedrock-agentcore:us-east-1:111111111111:runtime/acme__loan_processor__stable_2-??????????"},
		"runtime logs":     {l.RuntimeLogs(), "arn:aws:logs:us-east-1:111111111111:log-group:/aws/bedrock-agentcore/runtimes/acme__loan_processor__stable_2-??????????-stable_2"},
		"endpoint":         {l.Endpoint(), "stable_2"},
		"gateway":          {l.Gateway(), "acme-prod-loan-processor-stable-2"},
		"gateway pattern":  {l.GatewayPattern(), "arn:aws:bedrock-agentcore:us-east-1:111111111111:gateway/acme-prod-loan-processor-stable-2-??????????"},
		"engine":           {l.Engine(), "acme_prod_loan_processor_stable_2"},
		"engine pattern":   {l.EnginePattern(), "arn:aws:bedrock-agentcore:us-east-1:111111111111:policy-engine/acme_prod_loan_processor_stable_2-??????????"},
		"engine prefix":    {platform.EnginePrefix(l.Site), "acme_prod_"},
		"runtime prefix":   {platform.RuntimePrefix("acme"), "acme__"},
		"registration":     {l.Registration(), "/remit/acme/prod/lanes/loan_processor/stable-2"},
		"term":             {l.Term().String(), "acme.prod.loan_processor.stable-2"},
		"gateway target":   {platform.TargetName("pull_credit_report"), "pull-credit-report"},
		"symbol":           {platform.Symbol("s", "Id"), "<s.Id>"},
	} {
		if c.got != c.want {
			t.Errorf("the %s would be another thing, and what is deployed would be replaced or lost\n  got  %s\n  want %s", what, c.got, c.want)
		}
	}
}

func TestNamesFollowTheRegionsPartition(t *testing.T) {
	for region, want := range map[string][2]string{
		"eu-west-1":     {"arn:aws:iam::111111111111:role/remit/acme-prod-a-b-x", "111111111111.dkr.ecr.eu-west-1.amazonaws.com/acme/a@d"},
		"cn-north-1":    {"arn:aws-cn:iam::111111111111:role/remit/acme-prod-a-b-x", "111111111111.dkr.ecr.cn-north-1.amazonaws.com.cn/acme/a@d"},
		"us-gov-west-1": {"arn:aws-us-gov:iam::111111111111:role/remit/acme-prod-a-b-x", "111111111111.dkr.ecr.us-gov-west-1.amazonaws.com/acme/a@d"},
	} {
		l := lane("acme", "prod", "a", "b", region)
		if got := [2]string{l.Role("x"), l.Image("d")}; got != want {
			t.Errorf("%s: a name of another partition names nothing: got %v, want %v", region, got, want)
		}
	}
}

func TestASharedAccountsNamesHaveNoEnvironment(t *testing.T) {
	p := &platform.Platform{Name: "acme", Shared: &platform.Shared{Region: "us-east-1", Accounts: []platform.Account{{Purpose: "pipeline", ID: "999999999999"}}}}
	if got := p.SharedSite("pipeline").Role("pipeline", "fence"); got != "arn:aws:iam::999999999999:role/remit/acme-pipeline-fence" {
		t.Errorf("the environments would trust a role that does not exist: %s", got)
	}
	for what, site := range map[string]platform.Site{"an undeclared purpose": p.SharedSite("audit"), "no shared accounts": (&platform.Platform{Name: "acme"}).SharedSite("pipeline"), "an undeclared account": p.Site(platform.Environment{Name: "dev"}, "platform")} {
		if site.Account != "" {
			t.Errorf("%s has account %s", what, site.Account)
		}
	}
}

// names draws what a declaration accepts as a name (platform/load, form "lower").
func names(t *rapid.T, what string) string {
	return rapid.StringMatching(`[a-z][a-z0-9]{0,3}([-_][a-z0-9]{1,3}){0,2}`).Draw(t, what)
}

func plain(name string) string { return strings.ReplaceAll(name, "_", "-") }

// Two names that differ only in - and _ are one name to AWS; platform/load refuses them
// together, so the walls below are between names that differ in more.
func TestNoPlatformsRuntimesBeginLikeAnothers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := names(t, "platform"), names(t, "other platform")
		if plain(a) == plain(b) {
			return
		}
		runtime := lane(b, "prod", names(t, "agent"), names(t, "lane"), "us-east-1").Runtime()
		if strings.HasPrefix(runtime, platform.RuntimePrefix(a)) {
			t.Fatalf("the entry and the deployment of %s own the runtime %s of %s", a, runtime, b)
		}
	})
	for _, pair := range [][2]string{{"a", "a-b"}, {"a", "a_b"}, {"a-b", "a-b-c"}, {"a", "ab"}} {
		if runtime := lane(pair[1], "e", "x", "y", "").Runtime(); strings.HasPrefix(runtime, platform.RuntimePrefix(pair[0])) {
			t.Errorf("the entry of %s may invoke %s, which is %s's", pair[0], runtime, pair[1])
		}
	}
}

func TestTwoLanesNeverShareARuntimesName(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := lane("p", "e", names(t, "agent"), names(t, "lane"), ""), lane("p", "e", names(t, "other agent"), names(t, "other lane"), "")
		if plain(a.Agent) == plain(b.Agent) && plain(a.Lane) == plain(b.Lane) {
			return
		}
		if a.Runtime() == b.Runtime() {
			t.Fatalf("%s.%s and %s.%s would be one runtime, %s, and one would run as the other", a.Agent, a.Lane, b.Agent, b.Lane, a.Runtime())
		}
	})
}

// The pattern of a lane ends in ten single wildcards, so only a name of the same length can
// match, and of those only its own.
func TestALanesPatternsMatchOnlyItsOwnID(t *testing.T) {
	kinds := map[string]func(platform.LaneSite) (pattern, name string){
		"runtime": func(l platform.LaneSite) (string, string) {
			return l.RuntimePattern(), l.ARN("bedrock-agentcore", "runtime/"+l.Runtime())
		},
		"gateway": func(l platform.LaneSite) (string, string) {
			return l.GatewayPattern(), l.ARN("bedrock-agentcore", "gateway/"+strings.ToLower(l.Gateway()))
		},
		"policy engine": func(l platform.LaneSite) (string, string) {
			return l.EnginePattern(), l.ARN("bedrock-agentcore", "policy-engine/"+l.Engine())
		},
		"logs": func(l platform.LaneSite) (string, string) {
			return strings.TrimSuffix(l.RuntimeLogs(), "-"+l.Endpoint()), l.ARN("logs", "log-group:/aws/bedrock-agentcore/runtimes/"+l.Runtime())
		},
	}
	rapid.Check(t, func(t *rapid.T) {
		a := lane("p", "e", names(t, "agent"), names(t, "lane"), "us-east-1")
		b := a
		b.Lane += rapid.SampledFrom([]string{"", "2", "-2", "-abcdefghij", "abcdefghij", "-0123456789-0123456789"}).Draw(t, "suffix")
		if rapid.Bool().Draw(t, "another lane") {
			b.Lane = names(t, "other lane")
		}
		id := rapid.StringMatching(`[A-Za-z0-9]{10}`).Draw(t, "id")
		for kind, of := range kinds {
			pattern, own := of(a)
			_, others := of(b)
			if got := matches(pattern, others+"-"+id); got != (own == others) {
				t.Fatalf("%s of %s: pattern %s matches %s-%s: %v", kind, a.Lane, pattern, others, id, got)
			}
		}
	})
}

// matches reads ? alone, for there is no * in these patterns.
func matches(pattern, text string) bool {
	if strings.Contains(pattern, "*") || len(pattern) != len(text) {
		return false
	}
	for i := range len(pattern) {
		if pattern[i] != '?' && pattern[i] != text[i] {
			return false
		}
	}
	return true
}

func TestNoDerivedNameHasACharacterItsServiceRejects(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := lane(names(t, "platform"), names(t, "environment"), names(t, "agent"), names(t, "lane"), "us-east-1")
		for what, c := range map[string]struct{ name, allowed string }{
			"runtime":       {l.Runtime(), letters + "_"},
			"endpoint":      {l.Endpoint(), letters + "_"},
			"policy engine": {l.Engine(), letters + "_"},
			"gateway":       {l.Gateway(), letters + "-"},
			"stack":         {l.Stack(), letters + "-"},
			"repository":    {l.Repository(), letters + "-/"},
			"bucket":        {l.AssetBucket(), letters + "-"},
		} {
			if strings.Trim(c.name, c.allowed) != "" {
				t.Fatalf("AWS refuses the %s %q in the middle of a deployment", what, c.name)
			}
		}
	})
}

const letters = "abcdefghijklmnopqrstuvwxyz0123456789"

func TestPlacesFallBackToWhatContainsThem(t *testing.T) {
	p := platform.Places{"tools": {Line: 1}, "tools.x": {Line: 2}, "tools.x.callers[0]": {Line: 3}}
	for path, line := range map[string]int{"tools.x.callers[0]": 3, "tools.x.callers[1]": 2, "tools.x.reach.account": 2, "tools.y": 1, "agents.z": 0, "": 0} {
		if got := p.Of(path).Line; got != line {
			t.Errorf("a finding about %s points at line %d, want %d", path, got, line)
		}
	}
	if fmt.Sprint(platform.Places(nil).Of("x").Line) != "0" {
		t.Error("the zero Places knows a place")
	}
}

func TestEveryDifferentThingOfALaneHasADifferentRole(t *testing.T) {
	l := lane("acme", "prod", "a", "b", "us-east-1")
	roles := []string{l.Role("execution"), l.Role("gateway"), l.Role("request"), l.Role("response"), l.Role("memory"), l.Role("reach"), l.Role("reached"), l.Site.Role("entry")}
	slices.Sort(roles)
	if len(slices.Compact(roles)) != 8 {
		t.Errorf("two kinds of role would be one role with the grants of both: %v", roles)
	}
}
