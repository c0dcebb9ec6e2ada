package verify

import (
	"fmt"
	"slices"
	"strings"

	"remit/iam"
	"remit/platform"
)

var escalation = Rule{
	ID:       "escalation",
	Sentence: "No role has all the permissions of a known way to more.",
	Why:      "Some permissions, each harmless on a list, together are everyone's permissions.",
	Source:   "pathfinding.cloud; iam-semantics §2; Sonrai, AWS AgentCore privilege escalation (2025)",
	judge: func(c *court) []Finding {
		var out []Finding
		for _, a := range c.actors {
			if f, found := c.administers(a); found {
				out = append(out, f) // one finding; every path would be another line of the same
				continue
			}
			w := walker{c, a, c.work(a), map[step]answer{}}
			for _, p := range paths {
				if f, found := w.walks(p); found {
					out = append(out, f)
				}
			}
		}
		return out
	},
}

// administers finds a role that may do everything: each of its documents has a statement that
// allows all and none that denies anything.
func (c *court) administers(a *actor) (Finding, bool) {
	for _, d := range a.within {
		all := slices.ContainsFunc(d.Statements, func(s iam.Statement) bool {
			return s.Effect == iam.Allow && len(s.When) == 0 && slices.Contains(s.Actions.Of, "*") && slices.Contains(s.Resources.Of, "*") && !s.Actions.Not && !s.Resources.Not
		})
		if !all || slices.ContainsFunc(d.Statements, func(s iam.Statement) bool { return s.Effect == iam.Deny }) {
			return Finding{}, false
		}
	}
	f, found := c.can(a, want([]string{"iam:CreateUser"}, anything))
	f.Sentence = "administrator: it may do everything, so every way to more is open to it"
	return f, found
}

// walker asks each step of the paths once for a role.
type walker struct {
	*court
	a     *actor
	work  []iam.Document
	known map[step]answer
}

type answer struct {
	f     Finding
	found bool
}

func (w walker) takes(s step) (Finding, bool) {
	if known, ok := w.known[s]; ok {
		return known.f, known.found
	}
	resources := anything
	if s.on == own {
		resources = []string{string(w.a.ARN)}
	}
	f, found := w.can(w.a, want([]string{s.action}, resources), w.work...)
	w.known[s] = answer{f, found}
	return f, found
}

// walks asks every step of a path; a path short of one step is none.
func (w walker) walks(p path) (Finding, bool) {
	var shown Finding
	for _, s := range p.needs {
		if !w.a.words.mayBe([]string{s.action}) {
			return Finding{}, false
		}
	}
	for _, s := range p.needs {
		f, found := w.takes(s)
		if !found {
			return Finding{}, false
		}
		if shown.Role == "" || f.Unproven != "" {
			shown = f
		}
	}
	if p.id == "sts-001" {
		return w.assumesAnyone(w.a)
	}
	var actions []string
	for _, s := range p.needs {
		actions = append(actions, s.action)
	}
	shown.Sentence = fmt.Sprintf("%s: it may %s", p.id, strings.Join(actions, ", "))
	return shown, true
}

// assumesAnyone: assuming a role is a way to more where the role is not one it was given by
// name.
func (c *court) assumesAnyone(a *actor) (Finding, bool) {
	stranger := want(assuming, []string{"arn:*:iam::*:role/*"})
	var named []string
	for _, s := range a.within[0].Statements {
		for _, r := range s.Resources.Of {
			if s.Effect == iam.Allow && meet(openVariables(r), "arn:*:iam::*:role/*") && narrowRole(r) {
				named = append(named, r)
			}
		}
	}
	var but []iam.Document
	if named != nil {
		but = append(but, want(assuming, named))
	}
	f, found := c.can(a, stranger, but...)
	f.Sentence = "sts-001: it may sts:AssumeRole of roles nobody named"
	return f, found
}

// narrowRole reports whether a pattern names roles of one account by more than their kind.
func narrowRole(pattern string) bool {
	arn := iam.ARN(pattern)
	name, isRole := strings.CutPrefix(arn.Part(5), "role/")
	return isRole && !wild(arn.Account()) && arn.Account() != "" && strings.Trim(name, "*?/") != ""
}

// work is what a declared deployer is for: making and changing what the fence holds, the code
// and gateways of its own environment included. It is no way past the fence, because whatever
// it makes stands in it; who may deploy, and what was reviewed before, is the pipeline's.
func (c *court) work(a *actor) []iam.Document {
	site := a.duty.site
	switch a.duty.kind {
	case "execution of stacks":
		return []iam.Document{
			want([]string{"iam:*"}, []string{site.Role("*")}),
			want([]string{"bedrock-agentcore:UpdateAgentRuntime", "bedrock-agentcore:CreateAgentRuntime", "bedrock-agentcore:PutResourcePolicy"}, anything),
			want([]string{"lambda:AddPermission", "lambda:CreateFunction", "lambda:UpdateFunctionCode", "lambda:UpdateFunctionConfiguration"}, []string{site.ARN("lambda", "function:"+site.Named("*"))}),
			want([]string{"bedrock-agentcore:CreateGatewayTarget", "bedrock-agentcore:UpdateGateway", "bedrock-agentcore:UpdateGatewayTarget"}, []string{site.ARN("bedrock-agentcore", "gateway/"+site.Named("*"))}),
			want([]string{"bedrock-agentcore:DeletePolicy", "bedrock-agentcore:DeletePolicyEngine", "bedrock-agentcore:UpdatePolicy"}, []string{site.ARN("bedrock-agentcore", "policy-engine/"+platform.EnginePrefix(site)+"*")}),
		}
	case "execution of the fence":
		return []iam.Document{want([]string{"iam:CreatePolicyVersion"}, []string{site.Boundary("*")})}
	case "deploy":
		return []iam.Document{
			want([]string{"iam:PassRole"}, []string{site.BootstrapRole("execution")}, iam.When("StringEquals", "iam:PassedToService", "cloudformation.amazonaws.com")),
			want([]string{"cloudformation:*"}, []string{site.ARN("cloudformation", "stack/"+site.Named("*")+"/*")}),
		}
	case "pipeline":
		return []iam.Document{want([]string{"codebuild:StartBuild"}, []string{site.ARN("codebuild", "project/"+site.Named("*"))})}
	case "step-test":
		return []iam.Document{want([]string{"ecr:PutImage"}, []string{site.ARN("ecr", "repository/"+site.Platform+"/*")})}
	case "fence-deploy":
		return []iam.Document{
			want([]string{"iam:PassRole"}, []string{site.BootstrapRole("fence-execution")}, iam.When("StringEquals", "iam:PassedToService", "cloudformation.amazonaws.com")),
			want([]string{"cloudformation:*"}, []string{site.ARN("cloudformation", "stack/"+site.Named("fence-*")+"/*")}),
		}
	}
	return nil
}

var passRole = Rule{
	ID:       "pass-role",
	Sentence: "A role is handed to a named service, and only roles that are named.",
	Why:      "PassRole on everything is every permission that any role in the account has.",
	Source:   "IAM User Guide, id_roles_use_passrole; requirements R1",
	judge: func(c *court) []Finding {
		var out []Finding
		for _, a := range c.actors {
			for _, q := range passQuestions(a) {
				if f, found := c.can(a, q.wanted); found {
					f.Sentence = q.sentence
					out = append(out, f)
					break
				}
			}
		}
		return out
	},
}

func passQuestions(a *actor) []question {
	stranger := "arn:" + a.ARN.Part(1) + ":iam::" + a.ARN.Account() + ":role/"
	return []question{
		{"it hands over any role at all", want([]string{"iam:PassRole"}, []string{stranger + "a-role-nobody-named", stranger + "path/a-role-nobody-named"})},
		{"it hands roles to any service", want([]string{"iam:PassRole"}, anything, iam.When("Null", "iam:PassedToService", "true"))},
	}
}
