package verify

import (
	"fmt"
	"slices"
	"strings"

	"remit/iam"
	"remit/iam/catalog"
	"remit/iam/proof"
)

// said is a statement and where it stands.
type said struct {
	where   iam.ARN
	in      string // "policy", "trust", "boundary", or a CloudFormation type
	version string
	s       iam.Statement
}

// statements is everything said in the world, each once.
func (c *court) statements() []said {
	var out []said
	add := func(where iam.ARN, in string, d iam.Document) {
		for _, s := range d.Statements {
			out = append(out, said{where, in, d.Version, s})
		}
	}
	for _, a := range c.actors {
		add(a.ARN, "trust", a.Trust)
		add(a.ARN, "policy", a.Policy)
	}
	for _, p := range c.World.Policies {
		add(p.ARN, p.Kind, p.Document)
	}
	return out
}

// each makes a finding of every statement that a complaint is made about.
func (c *court) each(complaint func(said) string) []Finding {
	var out []Finding
	for _, s := range c.statements() {
		if sentence := complaint(s); sentence != "" {
			out = append(out, Finding{Role: s.where, Sid: s.s.Sid, Sentence: sentence})
		}
	}
	return out
}

var deadAction = Rule{
	ID:       "dead-action",
	Sentence: "Every action that is named exists.",
	Why:      "A misspelt grant does nothing and a misspelt refusal refuses nothing, both in silence.",
	Source:   "AWS service authorization reference",
	judge: func(c *court) []Finding {
		known := map[string]bool{}
		return c.each(func(s said) string {
			for _, action := range s.s.Actions.Of {
				exists, asked := known[action]
				if !asked {
					exists = len(catalog.Expand(action)) > 0 || strings.EqualFold(action, "sts:SetContext")
					known[action] = exists
				}
				if !exists {
					return fmt.Sprintf("AWS knows no action %s", action)
				}
			}
			return ""
		})
	},
}

var never = Rule{
	ID:       "never",
	Sentence: "Every statement can match some request.",
	Why:      "A grant that can never match hides what is missing; a refusal that can never match protects nothing.",
	Source:   "IAM User Guide, reference_policies_elements_condition_operators",
	judge: func(c *court) []Finding {
		var out []Finding
		for _, s := range c.statements() {
			if len(s.s.When) == 0 {
				continue
			}
			alone := iam.Document{Version: s.version, Statements: []iam.Statement{s.s}}
			alone.Statements[0].Effect, alone.Statements[0].Principals = iam.Allow, iam.Principals{}
			if who := s.s.Principals; len(who.Service)+len(who.Federated)+len(who.Other) == 0 && len(who.AWS) > 0 && !who.Not {
				alone = whoAsks(iam.Document{Version: s.version, Statements: []iam.Statement{s.s}}, s.where) // a pin on a principal of another account never holds
				for i := range alone.Statements {
					alone.Statements[i].Effect = iam.Allow
				}
			} else if len(s.s.Resources.Of) == 0 {
				alone.Statements[0].Resources = iam.Of(string(s.where))
			}
			answer := proof.Search{Within: []iam.Document{alone}}.Run()
			if answer.Yes {
				out = append(out, Finding{Role: s.where, Sid: s.s.Sid, Sentence: "no request meets all its conditions"})
			}
		}
		return out
	},
}

var wildcard = Rule{
	ID:       "wildcard",
	Sentence: "A grant says * only where AWS takes nothing narrower.",
	Why:      "What is named by * grows by itself.",
	Source:   "AWS service authorization reference; requirements R1",
	judge: func(c *court) []Finding {
		return c.each(func(s said) string {
			if s.s.Effect != iam.Allow || s.in != "policy" {
				return ""
			}
			if s.s.Actions.Not || s.s.Resources.Not {
				return "it allows everything but a list, also what AWS adds later"
			}
			for _, action := range s.s.Actions.Of {
				if strings.ContainsAny(action, "*?") {
					return fmt.Sprintf("it allows %s, also what AWS adds to it later", action)
				}
			}
			if !slices.Contains(s.s.Resources.Of, "*") {
				return ""
			}
			if wide := narrower(s.s); wide != "" {
				return fmt.Sprintf("it allows %s on everything, and AWS lets it name a resource", wide)
			}
			return ""
		})
	},
}

// optional are actions whose one resource type is no limit on what they do (the service
// authorization reference lists it as optional).
var optional = []string{"cloudwatch:PutMetricData"}

func narrower(s iam.Statement) string {
	for _, action := range s.Actions.Of {
		a, known := catalog.Lookup(action)
		if known && !a.WildcardOnly() && !slices.Contains(optional, a.String()) {
			return a.String()
		}
	}
	return ""
}

var forAllValues = Rule{
	ID:       "for-all-values",
	Sentence: "An Allow with ForAllValues also demands that the key is there.",
	Why:      "ForAllValues holds when the request carries no such key at all, and then everything is allowed.",
	Source:   "IAM User Guide, reference_policies_condition-single-vs-multi-valued-context-keys",
	judge: func(c *court) []Finding {
		return c.each(func(s said) string {
			if s.s.Effect != iam.Allow {
				return ""
			}
			for _, w := range s.s.When {
				key := w.Key
				if strings.HasPrefix(w.Op, "ForAllValues:") && !strings.EqualFold(key, "aws:TagKeys") && !guarded(s.s, key) {
					return fmt.Sprintf("ForAllValues on %s holds for a request without it", key)
				}
			}
			return ""
		})
	},
}

// guarded: Null false, or a ForAnyValue on the same key. aws:TagKeys needs neither: a request
// without tags sets none (IAM User Guide, access_tags).
func guarded(s iam.Statement, key string) bool {
	return slices.ContainsFunc(s.When, func(w iam.Condition) bool {
		return strings.EqualFold(w.Key, key) && (w.Op == "Null" && slices.Equal(w.Values, []string{"false"}) || strings.HasPrefix(w.Op, "ForAnyValue:") && !strings.Contains(w.Op, "Not"))
	})
}
