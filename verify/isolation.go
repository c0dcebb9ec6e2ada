package verify

import (
	"fmt"
	"slices"
	"strings"

	"remit/iam"
	"remit/iam/catalog"
)

var isolation = Rule{
	ID: "isolation", Declared: true,
	Sentence: "No role of one environment reaches a role or resource of another, through any chain.",
	Why:      "What is tried out in one environment would act on another's data.",
	Source:   "requirements R20, R21; IAM User Guide, reference_policies_evaluation-logic_policy-eval-cross-account",
	judge:    (*court).isolated,
}

func (c *court) isolated() []Finding {
	var out []Finding
	crossed := map[[2]string]bool{} // origin environment and the crossing, told once
	for _, a := range c.actors {
		if c.sites[a.ARN.Account()].environment == "" {
			continue
		}
		home := a.ARN.Account()
		for _, r := range c.from(a.ARN, func(on iam.ARN) bool { return !c.apart(home, c.account(on)) }) {
			if !c.apart(home, c.account(r.to)) {
				continue
			}
			last := r.chain[len(r.chain)-1]
			key := [2]string{c.sites[home].environment, string(last.Of) + string(r.to)}
			if crossed[key] && len(r.chain) > 1 {
				continue
			}
			crossed[key] = true
			f := r.last
			f.Role, f.Chain = a.ARN, append(r.chain, Hop{Of: r.to})
			f.Sentence = fmt.Sprintf("a role of %s reaches %s of %s", c.called(home), r.to.Name(), c.called(c.account(r.to)))
			out = append(out, f)
		}
	}
	return out
}

// account is whose a name is, also where the ARN states none.
func (c *court) account(of iam.ARN) string {
	if account := of.Account(); account != "" {
		return account
	}
	for _, p := range c.World.Policies {
		if p.ARN == of {
			return p.Account
		}
	}
	return ""
}

var reference = Rule{
	ID: "isolation-reference", Declared: true,
	Sentence: "No role of one environment is given anything that another environment owns.",
	Why:      "One half of a way into another environment is there, and the other is for others to keep closed: AWS's stock bootstrap is such a half.",
	Source:   "requirements R21; aws-cdk CLI, bootstrap-template.yaml (DeploymentActionRole)",
	judge:    (*court).selfContained,
}

func (c *court) selfContained() []Finding {
	var out []Finding
	for _, a := range c.actors {
		home := a.ARN.Account()
		var accounts []string
		for account := range c.sites {
			if c.apart(home, account) {
				accounts = append(accounts, account)
			}
		}
		slices.Sort(accounts)
		for _, s := range a.within[0].Statements {
			if s.Effect != iam.Allow || len(accounts) == 0 {
				continue
			}
			if f, found := c.givesAway(a, s, accounts); found {
				out = append(out, f)
			}
		}
	}
	return out
}

// givesAway looks for a request of one statement on another environment's things.
func (c *court) givesAway(a *actor, s iam.Statement, accounts []string) (Finding, bool) {
	actions := narrowable(s.Actions)
	if len(actions) == 0 {
		return Finding{}, false
	}
	var patterns []string
	for _, resource := range spoken(s.Resources) {
		patterns = append(patterns, c.abroad(a, resource, actions, accounts)...)
	}
	if patterns != nil {
		if f, found := c.within(a, s, want(actions, patterns)); found {
			f.Sentence = fmt.Sprintf("%s gives a role of %s something of another environment", label(s), c.called(a.ARN.Account()))
			return f, true
		}
	}
	buckets := storage(actions)
	if len(buckets) == 0 || !mentionsService(s.Resources, "s3") {
		return Finding{}, false
	}
	f, found := c.within(a, s, want(buckets, c.bucketsOf(a), iam.When("StringEqualsIfExists", "aws:ResourceAccount", accounts...), iam.When("StringEqualsIfExists", "s3:ResourceAccount", accounts...)))
	if found {
		f.Sentence = fmt.Sprintf("%s gives a role of %s buckets that any other environment may own", label(s), c.called(a.ARN.Account()))
		if owner := f.Witness.Context["aws:ResourceAccount"]; len(owner) == 1 {
			f.Witness.ResourceAccount = owner[0]
		}
	}
	return f, found
}

// bucketsOf is where a role finds what is not its own account's: a bucket of another
// environment that the world shows, or any name at all.
func (c *court) bucketsOf(a *actor) []string {
	var out []string
	for _, p := range c.World.Policies {
		if p.Kind == "AWS::S3::Bucket" && c.apart(a.ARN.Account(), p.Account) {
			out = append(out, string(p.ARN), string(p.ARN)+"/*")
		}
	}
	if out == nil {
		return []string{"arn:*:s3:::*"}
	}
	return out
}

func (c *court) within(a *actor, s iam.Statement, wanted iam.Document) (Finding, bool) {
	docs, possible := about(wanted, append([]iam.Document{iam.Doc(s)}, a.within...))
	if !possible {
		return Finding{}, false
	}
	f, found := c.search(a, append([]iam.Document{wanted}, docs...), nil)
	f.Sid, f.Half = s.Sid, true
	return f, found
}

// narrowable is what of an action list AWS lets name a resource: an action without one acts
// in its own account by nature.
func narrowable(m iam.Match) []string {
	if m.Not {
		return anything
	}
	var out []string
	for _, pattern := range m.Of {
		if strings.ContainsAny(pattern, "*?") {
			out = append(out, pattern)
			continue
		}
		if action, known := catalog.Lookup(pattern); !known || !action.WildcardOnly() {
			out = append(out, pattern)
		}
	}
	return out
}

func storage(actions []string) []string {
	return slices.DeleteFunc(slices.Clone(actions), func(a string) bool { return !meet(strings.ToLower(a), "s3:*") })
}

// spoken is what a resource element names, everything where it names all but a list.
func spoken(m iam.Match) []string {
	if m.Not {
		return anything
	}
	return m.Of
}

// abroad is the part of a resource pattern that lies in other accounts. A pattern that spells
// its first five parts out lies where it says, however its last part goes on.
func (c *court) abroad(a *actor, pattern string, actions, accounts []string) []string {
	parts := strings.SplitN(pattern, ":", 6)
	if len(parts) < 6 {
		var out []string
		for _, service := range servicesOf(actions) {
			for _, account := range accounts {
				out = append(out, strings.Join([]string{"arn", a.ARN.Part(1), service, c.region(account), account, "*"}, ":"))
			}
		}
		return out
	}
	if account := parts[4]; !wild(account) {
		if slices.Contains(accounts, account) || wild(strings.Join(parts[:4], ":")) {
			return only(pattern, slices.Contains(accounts, account))
		}
		return nil
	}
	var out []string
	for _, account := range accounts {
		if meet(parts[4], account) {
			parts[4] = account
			out = append(out, strings.Join(parts, ":"))
		}
	}
	return out
}

func only(pattern string, is bool) []string {
	if is {
		return []string{pattern}
	}
	return nil
}

// servicesOf is the services of some actions; everything is whatever has accounts in its names.
func servicesOf(actions []string) []string {
	var out []string
	for _, action := range actions {
		service, _, named := strings.Cut(strings.ToLower(action), ":")
		if !named || wild(service) {
			service = "secretsmanager" // of all services, the one whose things are worth most
		}
		if !slices.Contains(out, service) && service != "s3" && service != "iam" { // buckets state no account; IAM acts in its own
			out = append(out, service)
		}
	}
	return out
}

// region is where an account's things are: as declared, or the first of all regions.
func (c *court) region(account string) string {
	if r := c.sites[account].region; r != "" {
		return r
	}
	for _, r := range c.World.Resources {
		if r.Account == account {
			return r.Region
		}
	}
	return "us-east-1"
}

func mentionsService(m iam.Match, service string) bool {
	if m.Not {
		return true
	}
	return slices.ContainsFunc(m.Of, func(r string) bool { return meet(openVariables(r), "arn:*:"+service+":::*") })
}

func label(s iam.Statement) string {
	if s.Sid == "" {
		return "a statement without Sid"
	}
	return "statement " + s.Sid
}
