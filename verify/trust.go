package verify

import (
	"fmt"
	"slices"
	"strings"

	"remit/iam"
	"remit/platform"
)

// trusts makes a finding of every allowing trust statement a complaint is made about.
func (c *court) trusts(complaint func(*actor, iam.Statement) string) []Finding {
	var out []Finding
	for _, a := range c.actors {
		for _, s := range a.Trust.Statements {
			if s.Effect != iam.Allow {
				continue
			}
			if sentence := complaint(a, s); sentence != "" {
				out = append(out, Finding{Role: a.ARN, Sid: s.Sid, Sentence: sentence})
			}
		}
	}
	return out
}

// conditioned returns the values that positive conditions on a key demand, and whether any does.
func conditioned(s iam.Statement, keys ...string) (values []string, found bool) {
	for _, w := range s.When {
		op := strings.TrimPrefix(w.Op, "ForAnyValue:")
		if slices.ContainsFunc(keys, func(k string) bool { return strings.EqualFold(k, w.Key) }) && (slices.Contains(positive, op) || op == "StringEqualsIgnoreCase") {
			values, found = append(values, w.Values...), true
		}
	}
	return values, found
}

var trustAccount = Rule{
	ID:       "trust-account",
	Sentence: "A trust that names an account or everyone pins the role that may come.",
	Why:      "Whoever administers that account decides who comes, today and later.",
	Source:   "IAM User Guide, id_roles_create_for-user_externalid; requirements R27",
	judge: func(c *court) []Finding {
		return c.trusts(func(_ *actor, s iam.Statement) string {
			if s.Principals.Not {
				return "it trusts everyone but a list"
			}
			for _, who := range s.Principals.AWS {
				if who != "*" && !isRoot(who) {
					continue
				}
				pins, pinned := conditioned(s, "aws:PrincipalArn")
				switch {
				case !pinned:
					return fmt.Sprintf("it trusts %s without naming a role by aws:PrincipalArn", who)
				case slices.ContainsFunc(pins, wild):
					return fmt.Sprintf("it trusts %s and any role like %s", who, pins[slices.IndexFunc(pins, wild)])
				}
			}
			return ""
		})
	},
}

// wild reports whether a pin admits names that somebody may still choose.
func wild(pin string) bool { return strings.ContainsAny(pin, "*?") }

var trustForeign = Rule{
	ID:       "trust-foreign",
	Sentence: "No trust names an account that is not in this world.",
	Why:      "What happens in that account is out of reach of every proof here.",
	Source:   "IAM User Guide, reference_policies_evaluation-logic_policy-eval-cross-account",
	judge: func(c *court) []Finding {
		return c.trusts(func(a *actor, s iam.Statement) string {
			for _, who := range s.Principals.AWS {
				if account := accountOf(who); account != "" && !c.knows(a, account) {
					return "it trusts account " + account + ", which is nobody's here"
				}
			}
			return ""
		})
	},
}

// knows: declared accounts are known; without a declaration those with roles in the world;
// and people whom the declaration lets deploy or operate.
func (c *court) knows(a *actor, account string) bool {
	if account == a.ARN.Account() {
		return true
	}
	if c.Platform == nil {
		return c.reads(account)
	}
	if _, known := c.sites[account]; known {
		return true
	}
	if slices.ContainsFunc(approversOf(c.Platform), func(arn string) bool { return iam.ARN(arn).Account() == account }) {
		return true
	}
	for _, e := range c.Platform.Environments {
		if slices.ContainsFunc(peopleOf(e), func(arn string) bool { return iam.ARN(arn).Account() == account }) {
			return true
		}
	}
	return false
}

// calling are services that say on whose behalf they call when they take a role, and the keys
// they send. Others, such as Lambda and CloudFormation, send none, and a condition would lock
// them out.
var calling = []string{"bedrock-agentcore.amazonaws.com", "bedrock.amazonaws.com", "events.amazonaws.com", "scheduler.amazonaws.com", "states.amazonaws.com", "sns.amazonaws.com", "apigateway.amazonaws.com", "logs.amazonaws.com", "cloudtrail.amazonaws.com", "codebuild.amazonaws.com", "config.amazonaws.com"}

var sources = []string{"aws:SourceArn", "aws:SourceAccount", "aws:SourceOrgID", "aws:SourceOrgPaths"}

var trustService = Rule{
	ID:       "trust-service",
	Sentence: "A trust in a service that acts for many customers says for whom, by a source that no sibling's name matches.",
	Why:      "Another customer, or another resource of a longer name, would have the service take the role (confused deputy).",
	Source:   "IAM User Guide, confused-deputy; AgentCore developer guide, runtime-permissions",
	judge: func(c *court) []Finding {
		return c.trusts(func(a *actor, s iam.Statement) string {
			for _, service := range s.Principals.Service {
				if !slices.Contains(calling, service) {
					continue
				}
				values, said := conditioned(s, sources...)
				if !said {
					return service + " may take it for any customer"
				}
				if account, ok := conditioned(s, "aws:SourceAccount"); ok && !slices.Equal(account, []string{a.ARN.Account()}) {
					return service + " may take it for account " + strings.Join(account, ", ")
				}
				for _, v := range values {
					if strings.HasSuffix(v, "*") && strings.HasPrefix(v, "arn:") && !strings.HasSuffix(v, "/*") && !strings.HasSuffix(v, ":*") {
						return v + " also matches resources whose names go on"
					}
				}
			}
			return ""
		})
	},
}

var trustFederated = Rule{
	ID:       "trust-federated",
	Sentence: "A trust in an identity provider pins audience and subject, the subject to one repository or workload.",
	Why:      "A public issuer signs tokens for everyone.",
	Source:   "IAM User Guide, id_roles_create_for-idp_oidc; subvectors OIDC trust vectors",
	judge: func(c *court) []Finding {
		return c.trusts(func(_ *actor, s iam.Statement) string {
			for _, provider := range s.Principals.Federated {
				if sentence := federated(provider, s); sentence != "" {
					return sentence
				}
			}
			return ""
		})
	},
}

func federated(provider string, s iam.Statement) string {
	_, issuer, isOIDC := strings.Cut(provider, ":oidc-provider/")
	if !isOIDC {
		if _, ok := conditioned(s, "SAML:aud"); !ok {
			return provider + " is trusted for any audience"
		}
		return ""
	}
	if _, ok := conditioned(s, issuer+":aud"); !ok {
		return issuer + " is trusted for any audience"
	}
	subjects, ok := conditioned(s, issuer+":sub")
	if !ok {
		return issuer + " is trusted for any subject"
	}
	for _, sub := range subjects {
		if loose := looseSubject(sub); loose != "" {
			return fmt.Sprintf("subject %s %s", sub, loose)
		}
	}
	return ""
}

// looseSubject says what is wrong with a subject pattern: a wildcard in the part that says who,
// or a whole repository's every branch and pull request.
func looseSubject(sub string) string {
	kind, rest, _ := strings.Cut(sub, ":")
	who, ref, _ := strings.Cut(rest, ":")
	switch {
	case wild(kind) || wild(who):
		return "leaves open who it is"
	case ref == "pull_request":
		return "is any pull request, a stranger's too"
	case wild(ref) && strings.Trim(ref, "*?") == "":
		return "is any branch, tag and pull request of it"
	case wild(ref) && !strings.HasPrefix(ref, "ref:refs/tags/"):
		return "also matches names that somebody may still choose"
	}
	return ""
}

var halves = Rule{
	ID:       "halves",
	Sentence: "A way across accounts has both halves, and each names the other exactly.",
	Why:      "Half a way does nothing until somebody makes the other half, and nobody reviews the two together.",
	Source:   "requirements R27; IAM User Guide, tutorial_cross-account-with-roles",
	judge: func(c *court) []Finding {
		return append(c.withoutTarget(), c.withoutCaller()...)
	},
}

// withoutTarget: a grant to assume a role of another account that is read here, and that does
// not exist or does not trust the role.
func (c *court) withoutTarget() []Finding {
	var out []Finding
	for _, a := range c.actors {
		for _, s := range a.within[0].Statements {
			if s.Effect != iam.Allow || !slices.Contains(s.Actions.Of, "sts:AssumeRole") {
				continue
			}
			for _, on := range s.Resources.Of {
				if account := iam.ARN(on).Account(); wild(on) || account == a.ARN.Account() || !c.reads(account) {
					continue
				}
				to, exists := c.byARN[iam.ARN(on)]
				admitted := false
				if exists {
					_, admitted = c.admits(a, to.ARN, to.Trust, want(assuming, []string{on}))
				}
				if !admitted {
					out = append(out, Finding{Role: a.ARN, Sid: s.Sid, Sentence: fmt.Sprintf("it may assume %s, which does not exist or does not trust it", on)})
				}
			}
		}
	}
	return out
}

func (c *court) reads(account string) bool {
	return len(c.inAccount[account]) > 0
}

// withoutCaller: a trust that pins a role of another account that is read here, and that does
// not exist or may not assume it.
func (c *court) withoutCaller() []Finding {
	return c.trusts(func(a *actor, s iam.Statement) string {
		if !slices.Contains(s.Actions.Of, "sts:AssumeRole") {
			return ""
		}
		pins, _ := conditioned(s, "aws:PrincipalArn")
		for _, pin := range append(pins, s.Principals.AWS...) {
			arn := iam.ARN(pin)
			if isRoot(pin) || pin == "*" || wild(pin) || arn.Account() == a.ARN.Account() || !c.reads(arn.Account()) {
				continue
			}
			b, exists := c.byARN[arn]
			if !exists && c.person(pin) {
				continue
			}
			if !exists {
				return "it trusts " + pin + ", which does not exist"
			}
			if _, ok := c.can(b, want(assuming, []string{string(a.ARN)})); !ok {
				return "it trusts " + pin + ", which may not assume it"
			}
		}
		return ""
	})
}

// person reports whether the declaration lets somebody of that ARN deploy or operate: people's
// roles are made elsewhere.
func (c *court) person(arn string) bool {
	if c.Platform == nil {
		return false
	}
	return slices.Contains(approversOf(c.Platform), arn) || slices.ContainsFunc(c.Platform.Environments, func(e platform.Environment) bool { return slices.Contains(peopleOf(e), arn) })
}

// approversOf is the roles by which people come to approve.
func approversOf(p *platform.Platform) []string {
	if p.Shared == nil || p.Shared.Pipeline == nil {
		return nil
	}
	return p.Shared.Pipeline.Approvers
}

// peopleOf is the roles of people that an environment names.
func peopleOf(e platform.Environment) []string {
	if e.Operations == nil {
		return e.Deploy.People()
	}
	return slices.Concat(e.Deploy.People(), e.Operations.Operators, e.Operations.Breakglass)
}

var openResource = Rule{
	ID:       "resource-open",
	Sentence: "No resource policy admits everyone, an account out of this world, or a service on anyone's behalf.",
	Why:      "A table, key, queue, function or runtime that others may use is theirs too, whatever the roles here say.",
	Source:   "IAM User Guide, access_policies_identity-vs-resource; AgentCore developer guide, resource-based-policies",
	judge: func(c *court) []Finding {
		var out []Finding
		for _, p := range c.World.Policies {
			if p.Kind == "managed" {
				continue
			}
			for _, s := range p.Document.Statements {
				if sentence := c.opensTo(p, s); sentence != "" {
					out = append(out, Finding{Role: p.ARN, Sid: s.Sid, Sentence: sentence, At: p.From})
				}
			}
		}
		return out
	},
}

// pinning are keys that say who comes, well enough for a resource policy.
var pinning = []string{"aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalOrgID", "aws:PrincipalOrgPaths", "kms:CallerAccount", "aws:SourceVpc", "aws:SourceVpce", "aws:SourceArn", "aws:SourceAccount"}

// isDoor reports whether a statement opens the address of the front door, of the approvals or
// of a lane's broker, and the function only through it: what of Remit's anyone may knock at.
// All of them verify tokens.
func (c *court) isDoor(p iam.Policy, s iam.Statement) bool {
	if len(s.When) != 1 || c.Platform == nil {
		return false
	}
	said := s.When[0].Op + " " + s.When[0].Key + " " + strings.Join(s.When[0].Values, " ")
	opens := said == "StringEquals lambda:FunctionUrlAuthType NONE" && slices.Equal(s.Actions.Of, []string{"lambda:InvokeFunctionUrl"}) ||
		said == "Bool lambda:InvokedViaFunctionUrl true" && slices.Equal(s.Actions.Of, []string{"lambda:InvokeFunction"})
	if !opens {
		return false
	}
	return slices.ContainsFunc(c.Platform.Environments, func(e platform.Environment) bool {
		site := c.Platform.Site(e, platform.PlatformAccount)
		return slices.ContainsFunc([]string{"entry", "approve"}, func(kind string) bool {
			return string(p.ARN) == site.ARN("lambda", "function:"+site.Function(kind)+":"+platform.Live)
		}) || slices.ContainsFunc(c.lanes[e.Name], func(l platform.Running) bool { return l.Brokered() && string(p.ARN) == l.FunctionARN("broker") })
	})
}

func (c *court) opensTo(p iam.Policy, s iam.Statement) string {
	if s.Effect != iam.Allow {
		return ""
	}
	pins, pinned := conditioned(s, pinning...)
	home := &actor{Role: iam.Role{ARN: iam.ARN("arn:aws:iam::" + ownerOf(p) + ":root")}}
	if s.Principals.Not || slices.Contains(s.Principals.AWS, "*") {
		if !pinned && !c.isDoor(p, s) {
			return "it admits everyone"
		}
	}
	for _, who := range append(slices.Clone(s.Principals.AWS), pins...) {
		if account := accountOf(who); account != "" && !wild(account) && !c.knows(home, account) {
			return "it admits account " + account + ", which is nobody's here"
		}
	}
	if _, said := conditioned(s, sources...); len(s.Principals.Service) > 0 && !said && slices.ContainsFunc(s.Principals.Service, func(service string) bool { return slices.Contains(calling, service) }) {
		return "it admits " + strings.Join(s.Principals.Service, ", ") + " on anyone's behalf"
	}
	return ""
}
