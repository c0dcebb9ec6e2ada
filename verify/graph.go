package verify

import (
	"maps"
	"slices"
	"strings"

	"remit/iam"
)

// graph is who becomes whom: roles, and the ways from one to the next. An edge exists where
// the prover found a request, and where it could not decide.
type graph struct{ edges map[iam.ARN][]edge }

// edge is one way from a role to a role or resource.
type edge struct {
	to  iam.ARN
	how string
	why Finding // the request that shows it
}

var assuming = []string{"sts:AssumeRole"}

// ways makes the graph once, for whoever asks first.
func (c *court) ways() *graph {
	c.once.Do(c.explore)
	return c.graph
}

func (c *court) explore() {
	c.graph = &graph{edges: map[iam.ARN][]edge{}}
	for _, to := range c.actors {
		c.assumed(to)
		c.passed(to)
	}
	for _, r := range c.World.Resources {
		c.run(r)
	}
	for _, p := range c.World.Policies {
		c.opened(p)
	}
}

func (c *court) add(from iam.ARN, e edge) {
	if from != e.to {
		c.graph.edges[from] = append(c.graph.edges[from], e)
	}
}

// assumed: both halves of sts:AssumeRole hold.
func (c *court) assumed(to *actor) {
	wanted := want(assuming, []string{string(to.ARN)})
	for _, a := range c.candidates(to.Trust) {
		if f, found := c.admits(a, to.ARN, to.Trust, wanted); found {
			c.add(a.ARN, edge{to.ARN, "assumes", f})
		}
	}
}

// candidates are the roles a policy may admit: those it names, or whose account it names and
// no pin excludes.
func (c *court) candidates(d iam.Document) []*actor {
	found := map[*actor]bool{}
	for _, s := range d.Statements {
		if s.Effect != iam.Allow {
			continue
		}
		alone := iam.Doc(s)
		for _, a := range c.perhaps(s) {
			if !found[a] && pinAdmits(s, a.ARN) && names(alone, a) != unnamed {
				found[a] = true
			}
		}
	}
	return slices.SortedFunc(maps.Keys(found), func(a, b *actor) int { return strings.Compare(string(a.ARN), string(b.ARN)) })
}

// perhaps narrows whom a statement may name, before each is looked at: the roles it pins by
// exact name, else those of the accounts it names.
func (c *court) perhaps(s iam.Statement) []*actor {
	for _, w := range s.When {
		if strings.EqualFold(w.Key, "aws:PrincipalArn") && slices.Contains(positive, w.Op) && !slices.ContainsFunc(w.Values, wild) && !slices.ContainsFunc(w.Values, variable) {
			return c.known(w.Values)
		}
	}
	if s.Principals.Not || slices.Contains(s.Principals.AWS, "*") {
		return c.actors
	}
	var out []*actor
	for _, who := range s.Principals.AWS {
		if isRoot(who) || strings.Contains(who, "assumed-role/") {
			out = append(out, c.inAccount[accountOf(who)]...)
			continue
		}
		out = append(out, c.known([]string{who})...)
	}
	return out
}

func variable(text string) bool { return strings.Contains(text, "${") }

func (c *court) known(arns []string) []*actor {
	var out []*actor
	for _, arn := range arns {
		if a, ok := c.byARN[iam.ARN(arn)]; ok {
			out = append(out, a)
		}
	}
	return out
}

// pinAdmits is a quick refusal: a positive condition on the caller's ARN that it cannot meet.
func pinAdmits(s iam.Statement, who iam.ARN) bool {
	for _, c := range s.When {
		if strings.EqualFold(c.Key, "aws:PrincipalArn") && slices.Contains(positive, c.Op) &&
			!slices.ContainsFunc(c.Values, func(v string) bool { return meet(openVariables(v), string(who)) }) {
			return false
		}
	}
	return true
}

var positive = []string{"ArnEquals", "ArnLike", "StringEquals", "StringLike"}

// openVariables reads a policy variable as anything.
func openVariables(text string) string {
	for {
		before, rest, found := strings.Cut(text, "${")
		if !found {
			return text
		}
		_, after, _ := strings.Cut(rest, "}")
		text = before + "*" + after
	}
}

// passed: a role hands another to a service that trusts it, and the service acts as it.
func (c *court) passed(to *actor) {
	var services []string
	for _, s := range to.Trust.Statements {
		if s.Effect == iam.Allow {
			services = append(services, s.Principals.Service...)
		}
	}
	if services == nil {
		return
	}
	for _, a := range c.passers[to.ARN.Account()] { // iam:PassRole works in one account only (IAM User Guide, id_roles_use_passrole)
		if f, found := c.can(a, want([]string{"iam:PassRole"}, []string{string(to.ARN)}, iam.When("StringEqualsIfExists", "iam:PassedToService", services...))); found {
			c.add(a.ARN, edge{to.ARN, "passes to " + services[0], f})
		}
	}
}

// running says how a thing acts as a role, and which actions make it act or change what it does.
type running struct {
	role          string
	use, rewrites []string
}

var runs = map[string]running{
	"AWS::Lambda::Function":                        {"Role", []string{"lambda:InvokeFunction", "lambda:InvokeFunctionUrl"}, []string{"lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration"}},
	"AWS::BedrockAgentCore::Runtime":               {"RoleArn", []string{"bedrock-agentcore:InvokeAgentRuntime*"}, []string{"bedrock-agentcore:UpdateAgentRuntime"}},
	"AWS::BedrockAgentCore::Gateway":               {"RoleArn", []string{"bedrock-agentcore:InvokeGateway"}, []string{"bedrock-agentcore:CreateGatewayTarget", "bedrock-agentcore:UpdateGateway", "bedrock-agentcore:UpdateGatewayTarget"}},
	"AWS::BedrockAgentCore::CodeInterpreterCustom": {"ExecutionRoleArn", []string{"bedrock-agentcore:InvokeCodeInterpreter"}, nil},
	"AWS::BedrockAgentCore::BrowserCustom":         {"ExecutionRoleArn", []string{"bedrock-agentcore:ConnectBrowserAutomationStream"}, nil},
}

// run: whoever makes a thing act, acts through the thing's role.
func (c *court) run(r iam.Resource) {
	how, ok := runs[r.Type]
	if !ok {
		return
	}
	role := iam.ARN(r.Setting(how.role))
	if _, known := c.byARN[role]; !known {
		return
	}
	for _, a := range c.actors {
		for _, way := range []struct {
			how     string
			actions []string
		}{{"rewrites", how.rewrites}, {"invokes", how.use}} {
			if f, found := c.can(a, want(way.actions, []string{string(r.ARN), string(r.ARN) + ":*", string(r.ARN) + "/*"})); found && len(way.actions) > 0 {
				c.add(a.ARN, edge{role, way.how + " " + r.ARN.Name() + ", which runs as", f})
				break
			}
		}
	}
}

// opened: a resource's policy admits a role of another account, and the role's own allow it.
func (c *court) opened(p iam.Policy) {
	if p.Kind == "managed" || !slices.ContainsFunc(p.Document.Statements, func(s iam.Statement) bool { return abroadOf(s, ownerOf(p)) }) {
		return
	}
	wanted := want(anything, []string{string(p.ARN), string(p.ARN) + "/*", string(p.ARN) + ":*"})
	for _, a := range c.candidates(p.Document) {
		if owner := ownerOf(p); owner == "" || owner == a.ARN.Account() || !mayAct(a, p.Document) {
			continue
		}
		if f, found := c.admits(a, p.ARN, p.Document, wanted); found {
			f.Witness.ResourceAccount = ownerOf(p)
			c.add(a.ARN, edge{p.ARN, "is admitted by the policy of", f})
		}
	}
}

// mayAct is a quick refusal: across accounts a role needs permissions of its own, so one whose
// policies hold none of the actions is admitted by nobody. Every address that is open to anyone
// is asked about every role of every other account.
func mayAct(a *actor, policy iam.Document) bool {
	return slices.ContainsFunc(policy.Statements, func(s iam.Statement) bool {
		return s.Effect == iam.Allow && (s.Actions.Not || a.words.mayBe(s.Actions.Of))
	})
}

// abroadOf reports whether an allow may name somebody of another account than the owner's.
func abroadOf(s iam.Statement, owner string) bool {
	return s.Effect == iam.Allow && (s.Principals.Not || slices.ContainsFunc(s.Principals.AWS, func(who string) bool { return accountOf(who) != owner || who == "*" }))
}

func ownerOf(p iam.Policy) string {
	if account := p.ARN.Account(); account != "" {
		return account
	}
	return p.Account
}

// reach is one end of a walk with the way there.
type reach struct {
	to    iam.ARN
	chain []Hop
	last  Finding
}

// from walks every way from a role, shortest first, as far as through lets it go on.
func (c *court) from(start iam.ARN, through func(iam.ARN) bool) []reach {
	g := c.ways()
	var out []reach
	seen := map[iam.ARN]bool{start: true}
	queue := []reach{{to: start}}
	for len(queue) > 0 {
		at := queue[0]
		queue = queue[1:]
		for _, e := range g.edges[at.to] {
			if seen[e.to] {
				continue
			}
			seen[e.to] = true
			next := reach{e.to, append(slices.Clone(at.chain), Hop{at.to, e.how}), e.why}
			out = append(out, next)
			if through(e.to) {
				queue = append(queue, next)
			}
		}
	}
	return out
}
