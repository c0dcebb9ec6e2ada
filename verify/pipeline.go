package verify

import (
	"remit/iam"
	"remit/iam/proof"
	"remit/platform"
)

var pipelineStep = Rule{
	ID: "compromise-pipeline", Declared: true,
	Sentence: "Each deploying role admits its own step of the pipeline, or the people the declaration names, and nobody else.",
	Why:      "The step that deploys stacks would deploy the fence too, and one compromised step would be all of them.",
	Source:   "design §6, §9; requirements R23, R24",
	judge: func(c *court) []Finding {
		var out []Finding
		for _, a := range c.actors {
			allowed, deploys := c.mayDeploy(a)
			if !deploys {
				continue
			}
			if f, found := c.admitsOthers(a, allowed); found {
				f.Sentence = "it admits somebody whom the declaration does not let deploy this"
				out = append(out, f)
			}
		}
		return out
	},
}

// mayDeploy is who may take a bootstrap role: the step of its own set, or named people.
func (c *court) mayDeploy(a *actor) (who []string, deploys bool) {
	steps, ok := map[string][]string{"deploy": {"deploy"}, "assets": {"deploy"}, "lookup": {"deploy", "fence"}, "fence-deploy": {"fence"}, "fence-assets": {"fence"}, "execution of stacks": {}, "execution of the fence": {}}[a.duty.kind]
	if !ok {
		return nil, false
	}
	e, _ := c.Platform.Environment(a.duty.site.Environment)
	if len(steps) == 0 {
		return nil, true
	}
	if e.Deploy.ByPipeline() {
		for _, step := range steps {
			who = append(who, c.Platform.SharedSite(platform.Pipeline).Role(platform.Pipeline, step))
		}
	}
	return append(who, e.Deploy.People()...), true
}

// admitsOthers looks for a principal that a trust admits beside those.
func (c *court) admitsOthers(a *actor, allowed []string) (Finding, bool) {
	var where []iam.Statement
	if len(allowed) > 0 {
		where = []iam.Statement{{When: []iam.Condition{iam.When("ArnNotEquals", "aws:PrincipalArn", allowed...)}}}
	}
	answer := proof.Search{Within: []iam.Document{whoAsks(a.Trust, a.ARN), want([]string{"sts:*"}, []string{string(a.ARN)})}, Where: where}.Run()
	f := Finding{Role: a.ARN}
	switch {
	case answer.Yes:
		return f, false
	case answer.Witness == nil:
		f.Unproven = answer.Why
	default:
		f.Chain = []Hop{{iam.ARN(stranger(*answer.Witness)), "is trusted by"}, {Of: a.ARN}}
	}
	return f, true
}

// stranger is who a witness without a principal stands for.
func stranger(r iam.Request) string {
	for _, key := range []string{"aws:PrincipalArn", "aws:PrincipalAccount"} {
		if v := r.Context[key]; len(v) == 1 {
			return v[0]
		}
	}
	if r.Principal != "" {
		return string(r.Principal)
	}
	return "anyone"
}
