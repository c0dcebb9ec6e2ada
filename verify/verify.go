// Package verify judges a synthesized world against what was declared, for all requests.
// It reads templates and the declaration, never the grants that made them; it calls no AWS
// and starts no solver. Start with [Judge], or [Check] for the findings alone; the rules
// are in [Rules], one file each, and in RULES.md for people.
//
// A rule that cannot decide says so with a finding: what nobody proved is not clean.
package verify

import (
	"cmp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"remit/iam"
	"remit/platform"
	"remit/terms"
)

// Case is what is judged. Without a Platform the rules that compare with a declaration are
// not judged, and the [Report] lists them. The zero Case holds no role and is no proof.
type Case struct {
	World      iam.World
	Platform   *platform.Platform
	Unreadable []Unreadable
	Assumes    []string   // what reading the world took for granted, for people
	Today      terms.Date // waivers end after their last day; zero ends all of them
}

// Unreadable is a part of a template that may hold permissions and could not be read.
type Unreadable struct{ Stack, LogicalID, What, Why string }

// Report is the verdict with the world it holds for: a yes is worth what it looked at.
type Report struct {
	Findings []Finding `json:"findings"` // not waived, by rule and place
	Waived   []Finding `json:"waived"`
	World    Seen      `json:"world"`
}

// Clean reports whether everything was judged and nothing was found.
func (r Report) Clean() bool { return len(r.Findings) == 0 }

// Check returns every finding that no waiver accepts; none means proven.
func Check(w iam.World, p *platform.Platform) []Finding {
	return Judge(Case{World: w, Platform: p}).Findings
}

// Judge runs every rule over the case. rules, if any are named, replaces [Rules].
func Judge(c Case, rules ...Rule) Report {
	if rules == nil {
		rules = Rules
	}
	court := open(c)
	var judged []Rule
	for _, r := range rules {
		if r.Declared && c.Platform == nil {
			court.seen.NotJudged = append(court.seen.NotJudged, r.ID)
			continue
		}
		judged = append(judged, r)
	}
	court.seen.Rules = len(judged)
	found := unique(court.all(judged))
	open, waived, idle := waive(found, c)
	return Report{Findings: sortFindings(append(open, idle...)), Waived: sortFindings(waived), World: court.seen}
}

// all runs the rules, as many at a time as there are processors; rules only read the court.
func (c *court) all(rules []Rule) []Finding {
	found := make([][]Finding, len(rules))
	var next atomic.Int64
	var done sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		done.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(rules); i = int(next.Add(1)) - 1 {
				for _, f := range rules[i].judge(c) {
					found[i] = append(found[i], c.complete(f, rules[i]))
				}
			}
		})
	}
	done.Wait()
	return slices.Concat(found...)
}

// court is a case made ready for questions.
type court struct {
	Case
	roster  map[iam.ARN]duty
	sites   map[string]place // by account
	actors  []*actor
	byARN   map[iam.ARN]*actor
	managed map[iam.ARN]iam.Document
	graph   *graph
	once    sync.Once
	seen    Seen
	lookup
}

// actor is a role with everything that holds it.
type actor struct {
	iam.Role
	duty   duty
	within []iam.Document // its own policies, and its boundary where the text is known
	unseen []iam.ARN      // attached policies whose text is not in the world
	held   bool           // the boundary's text is known
	words  index          // what its policies may allow, for quick refusals
}

func open(c Case) *court {
	c.World = c.World.Canonical()
	court := &court{Case: c, byARN: map[iam.ARN]*actor{}, managed: map[iam.ARN]iam.Document{}}
	court.roster, court.sites = roster(c.Platform)
	for _, p := range c.World.Policies {
		if p.Kind == "managed" {
			court.managed[p.ARN] = p.Document
		}
	}
	for _, r := range c.World.Roles {
		a := court.actor(r)
		court.actors = append(court.actors, a)
		court.byARN[r.ARN] = a
	}
	court.index()
	court.see()
	return court
}

// administrator is the one AWS-managed policy whose text everyone knows.
var administrator = iam.Doc(iam.Statement{Sid: "AdministratorAccess", Effect: iam.Allow, Actions: iam.Of("*"), Resources: iam.Of("*")})

// text is a managed policy's document, if it is in the world or everyone's.
func (c *court) text(arn iam.ARN) (iam.Document, bool) {
	if arn.Account() == "aws" && arn.Part(5) == "policy/AdministratorAccess" {
		return administrator, true
	}
	d, ok := c.managed[arn]
	return d, ok
}

func (c *court) actor(r iam.Role) *actor {
	a := &actor{Role: r, duty: c.roster[r.ARN]}
	own := r.Policy
	own.Statements = slices.Clone(own.Statements)
	for _, arn := range r.Managed {
		d, known := c.text(arn)
		if !known {
			a.unseen = append(a.unseen, arn)
		}
		own.Statements = append(own.Statements, d.Statements...)
	}
	a.within, a.words = []iam.Document{own}, indexOf(own)
	if d, known := c.text(r.Boundary); known {
		a.within, a.held = append(a.within, d), true
	}
	return a
}

func unique(found []Finding) []Finding {
	seen := map[string]bool{}
	return slices.DeleteFunc(found, func(f Finding) bool {
		key := strings.Join([]string{f.Rule, string(f.Role), f.Sid, f.Sentence}, "\x00")
		twice := seen[key]
		seen[key] = true
		return twice
	})
}

func sortFindings(list []Finding) []Finding {
	slices.SortStableFunc(list, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Rule, b.Rule), a.Declared.Compare(b.Declared), cmp.Compare(a.Role, b.Role), cmp.Compare(a.Sid, b.Sid), cmp.Compare(a.Sentence, b.Sentence))
	})
	if list == nil {
		return []Finding{}
	}
	return list
}
