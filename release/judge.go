package release

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"remit/assembly"
	"remit/attest"
	"remit/change"
	"remit/grants"
	"remit/platform"
	"remit/terms"
	"remit/verify"
)

// Life is how long an attestation holds: as long as people have to agree in.
const Life = 7 * 24 * time.Hour

// Case is one release that asks to be deployed to an environment, and what it is judged by.
type Case struct {
	Release     Release
	Environment string
	Execution   string
	Authors     []string // of every change since what runs there

	Running  attest.Run          // what runs there, zero for nothing
	Standing *attest.Attestation // what was said of that; nil for nothing
	Deployed *platform.Platform  // what that declares; nil for nothing

	From       attest.Run         // what runs in the environment that a release has to have passed
	Evaluation *attest.Evaluation // what was measured there, nil for nothing
	Now        time.Time
}

// Judge says what a release means for an environment, or why it cannot be deployed there at all:
// it is no more than it declares, it has passed where it has to come from, it is evaluated as
// what runs asks for, and each change has its class. Warnings are for people.
func Judge(c Case) (a attest.Attestation, warnings []string, err error) {
	p, err := c.Release.Declaration(today(c.Now))
	if err != nil {
		return a, nil, err
	}
	e, found := p.Environment(c.Environment)
	if !found {
		return a, nil, fmt.Errorf("release %.12s declares no environment %s", c.Release.Digest, c.Environment)
	}
	a = attest.Attestation{
		Platform: p.Name, Environment: e.Name, Release: c.Release.Digest, Tool: c.Release.Tool, Execution: c.Execution, Revision: c.Release.Revision,
		Authors: c.Authors, Made: c.Now.UTC().Truncate(time.Second), Expires: c.Now.UTC().Truncate(time.Second).Add(Life), Deployed: c.Running, Rules: RulesOf(e),
	}
	if a.Subjects, err = c.Release.Subjects(p, e.Name); err != nil {
		return a, nil, err
	}
	if a.From, err = c.passed(p, e); err != nil {
		return a, nil, err
	}
	if a.Evaluation, warnings, err = c.evaluated(e); err != nil {
		return a, nil, err
	}
	if a.Checks, err = c.proven(p); err != nil {
		return a, nil, err
	}
	a.Verdict = c.verdict(p, e)
	return a, warnings, nil
}

func today(now time.Time) terms.Date { return terms.Date(now.UTC().Format(time.DateOnly)) }

// proven runs the proof over what was synthesized.
func (c Case) proven(p *platform.Platform) ([]attest.Check, error) {
	stacks, err := assembly.Stacks(c.Release.Assembly())
	if err != nil {
		return nil, err
	}
	deployers, err := Bootstraps(p)
	if err != nil {
		return nil, err
	}
	world, unread := assembly.World(append(deployers, stacks...))
	var unreadable []verify.Unreadable
	for _, u := range unread {
		unreadable = append(unreadable, verify.Unreadable(u))
	}
	report := verify.Judge(verify.Case{World: world, Platform: p, Unreadable: unreadable, Today: today(c.Now)})
	text := report.Text(nil)
	if !report.Clean() {
		return nil, fmt.Errorf("what was synthesized is more than what was declared:\n%s", text)
	}
	first, _, _ := strings.Cut(text, "\n")
	return []attest.Check{
		{Name: "declaration", By: attest.Judge, Says: "no problem"},
		{Name: "proof", By: attest.Judge, Says: first},
		{Name: "tests", By: "the run's own order", Says: "the tests of revision " + c.Release.Revision + " ended well before this was made"},
	}, nil
}

// passed: the same release ran where it has to come from, and still does.
func (c Case) passed(p *platform.Platform, e platform.Environment) (attest.Run, error) {
	from, found := p.Environment(e.Deploy.From)
	if e.Deploy.From == "" || !found || !from.Deploy.ByPipeline() {
		return attest.Run{}, nil
	}
	if c.From.Release != c.Release.Digest {
		return attest.Run{}, fmt.Errorf("release %.12s does not run in %s, and %s takes only what has passed there (%s runs there); deploy it to %s first", c.Release.Digest, e.Deploy.From, e.Name, orNone(c.From.Release), e.Deploy.From)
	}
	return c.From, nil
}

func orNone(digest string) string {
	if digest == "" {
		return "nothing"
	}
	return digest[:min(12, len(digest))]
}

// rules are those of what runs. Where nothing runs the release's own are all there is.
func (c Case) rules(e platform.Environment) attest.Rules {
	if c.Standing != nil {
		return c.Standing.Rules
	}
	return RulesOf(e)
}

// evaluated holds the evaluation against the bar of what runs, and against that of the release
// where it asks for more: a bar that is raised holds at once, and one that is lowered not yet.
func (c Case) evaluated(e platform.Environment) (*attest.Evaluation, []string, error) {
	var warnings []string
	for _, rules := range []attest.Rules{c.rules(e), RulesOf(e)} {
		bar := rules.Evaluation
		if bar == nil {
			continue
		}
		if c.Evaluation == nil {
			return nil, nil, fmt.Errorf("release %.12s was not evaluated in %s, and %s asks for an evaluation", c.Release.Digest, e.Deploy.From, e.Name)
		}
		shown, err := bar.Judge(*c.Evaluation, c.Release.Digest, e.Deploy.From, c.Now)
		if err != nil {
			return nil, nil, err
		}
		warnings = append(warnings, shown.Warnings...)
	}
	return c.Evaluation, slices.Compact(warnings), nil
}

// verdict is the classes of all changes: of the declaration, of access, of what the evaluation
// shows, and of what synthesizes.
func (c Case) verdict(p *platform.Platform, e platform.Environment) attest.Verdict {
	if c.Standing == nil || c.Deployed == nil {
		return attest.Verdict{Class: attest.Named, Needs: slices.Sorted(maps.Keys(RulesOf(e).Approvers)),
			Changes: []attest.Finding{{Path: "environments." + e.Name, Class: attest.Named, Row: "first", Reason: "nothing runs here yet, so everything is new"}}}
	}
	v := change.Classify(c.Deployed, p, e.Name, verify.Compare(grants.Intended(c.Deployed, e.Name), grants.Intended(p, e.Name)))
	out := attest.Verdict{Class: v.Class.String(), Needs: slices.Sorted(maps.Keys(v.Approvers))}
	for _, found := range v.Changes {
		out.Changes = append(out.Changes, attest.Finding{Path: found.Path, Class: found.Class.String(), By: found.By, Row: found.Row, Reason: found.Reason, Was: found.Was, Is: found.Is})
	}
	return c.beyond(out)
}

// beyond adds what no declaration tells.
func (c Case) beyond(v attest.Verdict) attest.Verdict {
	if was := c.Standing.Tool; was != c.Release.Tool {
		v.Class = attest.Named
		if !slices.Contains(v.Needs, change.Security) {
			v.Needs = append(v.Needs, change.Security)
			slices.Sort(v.Needs)
		}
		v.Changes = append(v.Changes, attest.Finding{Path: "tool", Class: attest.Named, By: change.Security, Row: "tool", Reason: "another version of Remit made the templates and the functions", Was: was, Is: c.Release.Tool})
	}
	if c.Evaluation != nil && c.Standing.Evaluation != nil {
		regressed := c.Evaluation.Regressed(*c.Standing.Evaluation)
		v.Changes = append(v.Changes, regressed...)
		if len(regressed) > 0 && v.Class == attest.Automatic {
			v.Class = attest.Review
		}
	}
	return v
}

// RulesOf is what an environment asks of the next release.
func RulesOf(e platform.Environment) attest.Rules {
	out := attest.Rules{Approvers: map[string][]string{}}
	for _, a := range e.Deploy.Approvers {
		out.Approvers[a.Class] = a.People
	}
	if e.Evaluation == nil {
		return out
	}
	bar := attest.Bar{Scores: map[string]terms.Percent{}, MaxAge: e.Evaluation.MaxAge}
	for _, s := range e.Evaluation.Scores {
		bar.Scores[s.Metric] = s.AtLeast
	}
	if d := e.Evaluation.Drift; d != nil {
		bar.Drift = &attest.Drift{Measure: d.Measure, Warn: d.Warn, Block: d.Block}
	}
	out.Evaluation = &bar
	return out
}
