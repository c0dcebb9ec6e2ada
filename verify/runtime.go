package verify

import (
	"fmt"
	"slices"
	"strings"

	"remit/iam"
	"remit/iam/proof"
)

var invoking = []string{
	"bedrock-agentcore:InvokeAgentRuntime", "bedrock-agentcore:InvokeAgentRuntimeCommand", "bedrock-agentcore:InvokeAgentRuntimeCommandShell", "bedrock-agentcore:InvokeAgentRuntimeForUser",
	"bedrock-agentcore:InvokeAgentRuntimeWithWebSocketStream", "bedrock-agentcore:InvokeAgentRuntimeWithWebSocketStreamForUser", "bedrock-agentcore:StopRuntimeSession",
}

var runtimeRule = Rule{
	ID:       "runtime",
	Sentence: "Every runtime and endpoint refuses everyone but the one role that starts agents.",
	Why:      "Past the front door there is no user, no limit and no record; inside an account an allow alone restricts nothing.",
	Source:   "AgentCore developer guide, resource-based-policies; agentcore-facts §1.5",
	judge: func(c *court) []Finding {
		var out []Finding
		for _, kind := range []string{"AWS::BedrockAgentCore::Runtime", "AWS::BedrockAgentCore::RuntimeEndpoint"} {
			for _, r := range c.World.Of(kind) {
				if !slices.ContainsFunc(c.World.Policies, func(p iam.Policy) bool { return p.ARN == r.ARN && p.Kind != "managed" }) {
					out = append(out, Finding{Role: r.ARN, Sentence: "no resource policy closes it", At: r.From})
				}
			}
			out = append(out, c.unclosed(kind)...)
		}
		for _, p := range c.World.Policies {
			if p.Kind == "AWS::BedrockAgentCore::Runtime" || p.Kind == "AWS::BedrockAgentCore::RuntimeEndpoint" {
				out = append(out, c.lets(p)...)
			}
		}
		return out
	},
}

// unclosed are declared lanes without a policy of the kind. What CloudFormation will name bears
// the stack's symbol.
func (c *court) unclosed(kind string) []Finding {
	if c.Platform == nil {
		return nil
	}
	closedBy := map[string]bool{} // account, and the stack or runtime whose policy it is
	for _, p := range c.World.Policies {
		if p.Kind == kind {
			name := strings.TrimPrefix(p.ARN.Part(5), "runtime/")
			stack, _, symbolic := strings.Cut(strings.TrimPrefix(name, "<"), ".")
			if !symbolic {
				stack, _, _ = strings.Cut(name, "/")
				stack = stack[:max(0, strings.LastIndexByte(stack, '-'))]
			}
			closedBy[p.ARN.Account()+" "+stack] = true
		}
	}
	var out []Finding
	for _, e := range c.Platform.Environments {
		for _, lane := range c.lanes[e.Name] {
			if _, here := c.byARN[iam.ARN(lane.Role("execution"))]; !here {
				continue // the lane itself was not read
			}
			account := string(lane.Account) + " "
			closed := closedBy[account+lane.LaneSite.Stack()] || closedBy[account+lane.Runtime()]
			if !closed {
				path := "environments." + e.Name + ".lanes." + lane.Agent + "." + lane.Lane
				out = append(out, Finding{Role: iam.ARN(lane.RuntimePattern()), Declared: c.Platform.Places.Of(path),
					Sentence: fmt.Sprintf("no resource policy closes the %s of lane %s", strings.ToLower(strings.TrimPrefix(kind, "AWS::BedrockAgentCore::")), lane.LaneSite.Stack())})
			}
		}
	}
	return out
}

// lets looks for somebody a runtime's policy does not refuse: anyone but the entry, or without
// a declaration anyone but whom its own refusals spare.
func (c *court) lets(p iam.Policy) []Finding {
	refused := refusing(p)
	spared := c.starters(p)
	on := []string{string(p.ARN)}
	var where []iam.Statement
	if spared != nil {
		where = []iam.Statement{{When: []iam.Condition{iam.When("ArnNotEquals", "aws:PrincipalArn", spared...)}}}
	}
	answer := proof.Search{Within: []iam.Document{want(invoking, on)}, Beyond: []iam.Document{refused}, Where: where}.Run()
	f := Finding{Role: p.ARN, At: p.From, Sentence: "it does not refuse everyone but the role that starts agents"}
	switch {
	case answer.Yes:
		return nil
	case answer.Witness == nil:
		f.Unproven = answer.Why
	case c.Platform != nil:
		f.Witness = c.insider(p)
	}
	return []Finding{f}
}

// insider makes the witness somebody of this world: a role whose own policies allow it. Where
// nobody here has such a policy yet, the finding stands without a witness.
func (c *court) insider(p iam.Policy) iam.Request {
	for _, a := range c.inAccount[p.ARN.Account()] {
		if f, found := c.can(a, want(invoking, []string{string(p.ARN)})); found && isRequest(f.Witness) && a.duty.kind != "entry" {
			return f.Witness
		}
	}
	return iam.Request{}
}

// refusing is a policy's denials of everyone, as a document of what they refuse.
func refusing(p iam.Policy) iam.Document {
	out := iam.Document{Version: p.Document.Version}
	for _, s := range p.Document.Statements {
		if s.Effect == iam.Deny && !s.Principals.Not && slices.Contains(s.Principals.AWS, "*") {
			s.Effect, s.Principals = iam.Allow, iam.Principals{}
			out.Statements = append(out.Statements, s)
		}
	}
	return out
}

// starters are the roles that may start agents: the declared entry of the account, or whom the
// policy's own refusals spare by name.
func (c *court) starters(p iam.Policy) []string {
	if c.Platform != nil {
		if entry, declared := c.entries[p.ARN.Account()]; declared {
			return []string{string(entry)}
		}
		return nil
	}
	var out []string
	for _, s := range p.Document.Statements {
		for _, w := range s.When {
			if s.Effect == iam.Deny && strings.EqualFold(w.Key, "aws:PrincipalArn") && (w.Op == "ArnNotEquals" || w.Op == "StringNotEquals") {
				out = append(out, w.Values...)
			}
		}
	}
	return out
}
