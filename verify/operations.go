package verify

import (
	"slices"
	"strings"

	"remit/iam"
	"remit/iam/proof"
	"remit/platform"
)

// ownName lets a person take a role only under the name they come with.
var ownName = iam.When("StringLike", "aws:userid", "*:${sts:RoleSessionName}")

var operations = Rule{
	ID: "operations", Declared: true,
	Sentence: "Only the function where people intervene writes switches and widenings; only the two roles of people reach it, through an address that AWS signs them in at; and only declared people take those, each under their own name.",
	Why:      "Whoever writes a switch can lift it, and whoever comes under a colleague's name is two people.",
	Source:   "docs/decisions/0011; IAM User Guide, reference_policies_variables (aws:userid), reference_policies_iam-condition-keys (sts:RoleSessionName); Lambda developer guide, urls-auth",
	judge: func(c *court) []Finding {
		var out []Finding
		for _, e := range c.Platform.Environments {
			site := c.Platform.Site(e, platform.PlatformAccount)
			out = append(out, c.switchers(site)...)
			if e.Operations != nil {
				out = append(out, c.visitors(site)...)
				out = append(out, c.addresses(site, site.Function("operate"))...)
				out = append(out, c.namedPeople(site.Role("operator"), e.Operations.Operators)...)
				out = append(out, c.namedPeople(site.Role("breakglass"), e.Operations.Breakglass)...)
			}
		}
		return out
	},
}

// switchers: who but the function may write a switch, or what waits to lift one.
func (c *court) switchers(site platform.Site) []Finding {
	table := c.base[site].fill(list("{ledger}", "{ledger}/*"))
	return c.besides(site, "it writes switches or widenings, so it lifts alone what takes two people", want(itemWrites, table, keyedBy("SWITCHES", "WIDEN#x")...), "operate")
}

// visitors: who but people may call the function. Past its address, whoever calls would say
// themselves who they are.
func (c *court) visitors(site platform.Site) []Finding {
	function := site.ARN("lambda", "function:"+site.Function("operate"))
	reached := list(function, function+":*") // under any alias or version
	out := c.besides(site, "it reaches the function where people intervene", want(list("lambda:InvokeFunction", "lambda:InvokeFunctionUrl"), reached), "operator", "breakglass")
	past := want(list("lambda:InvokeFunction"), reached, iam.When("BoolIfExists", "lambda:InvokedViaFunctionUrl", "false"))
	for _, p := range c.World.Policies {
		if string(p.ARN) == function || strings.HasPrefix(string(p.ARN), function+":") {
			out = append(out, Finding{Role: p.ARN, Sentence: "it has a policy of its own, and whoever that admits needs no role of people", At: p.From})
		}
	}
	return append(out, c.besides(site, "it calls the function past its address, and states its own caller", past)...)
}

// besides asks a question of every role of the account but those of some kinds.
func (c *court) besides(site platform.Site, sentence string, wanted iam.Document, but ...string) []Finding {
	var out []Finding
	for _, a := range c.inAccount[string(site.Account)] {
		if slices.Contains(but, a.duty.kind) || !a.words.mayBe(wanted.Statements[0].Actions.Of) {
			continue
		}
		if f, found := c.can(a, wanted); found {
			f.Sentence = sentence
			out = append(out, f)
		}
	}
	return out
}

// addresses: a function's address asks for a signature, where templates say what it asks for.
func (c *court) addresses(site platform.Site, function string) []Finding {
	var out []Finding
	for _, r := range c.World.Of("AWS::Lambda::Url") {
		if target := r.Setting("TargetFunctionArn"); r.Account != string(site.Account) || target != function && target != site.ARN("lambda", "function:"+function) {
			continue
		}
		if r.Setting("AuthType") != "AWS_IAM" {
			out = append(out, Finding{Role: r.ARN, Sentence: "its address asks for no signature, so nobody is known there", At: r.From})
		}
	}
	return out
}

// namedPeople: a role's trust admits nobody but the declared people, under their own names.
func (c *court) namedPeople(role string, people []string) []Finding {
	a, exists := c.byARN[iam.ARN(role)]
	if !exists {
		return nil
	}
	most := iam.Document{Version: a.Trust.Version}
	for _, who := range people {
		most.Statements = append(most.Statements, iam.Statement{Sid: "Named", Effect: iam.Allow, Principals: iam.Principals{AWS: list("arn:" + iam.ARN(who).Part(1) + ":iam::" + iam.ARN(who).Account() + ":root")},
			Actions: iam.Of("sts:AssumeRole"), When: []iam.Condition{iam.When("ArnEquals", "aws:PrincipalArn", who), ownName}})
	}
	answer := proof.Subset(a.Trust, most, 0)
	if answer.Yes {
		return nil
	}
	f := Finding{Role: a.ARN, Sentence: "its trust admits somebody who is not declared, or under a colleague's name"}
	if answer.Witness == nil {
		f.Unproven = answer.Why
	}
	return []Finding{f}
}
