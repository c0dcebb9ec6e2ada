package verify

import (
	"fmt"
	"slices"

	"remit/iam"
	"remit/platform"
)

var boundary = Rule{
	ID:       "boundary",
	Sentence: "Every role stands in a permissions boundary whose text is known; a declared role in that of its kind.",
	Why:      "A role without one can be given anything by whoever may write its policy.",
	Source:   "requirements R2; IAM User Guide, access_policies_boundaries",
	judge: func(c *court) []Finding {
		var out []Finding
		for _, a := range c.actors {
			if sentence := c.unbounded(a); sentence != "" {
				out = append(out, Finding{Role: a.ARN, Sentence: sentence})
			}
		}
		return out
	},
}

func (c *court) unbounded(a *actor) string {
	switch {
	case a.Boundary == "":
		return "it stands in no boundary"
	case a.duty.boundary != "" && a.duty.boundary != a.Boundary:
		return fmt.Sprintf("it stands in %s, not in the boundary of its kind, %s", a.Boundary.Name(), a.duty.boundary.Name())
	case !a.held:
		return fmt.Sprintf("nothing read here says what its boundary %s allows", a.Boundary)
	}
	return ""
}

var shed = Rule{
	ID:       "boundary-shed",
	Sentence: "No role takes a boundary off a role, exchanges one, or makes a role or user outside the known boundaries.",
	Why:      "Whoever can shed a boundary has none.",
	Source:   "iam-semantics §2; service authorization reference, iam:PermissionsBoundary; aws-cdk CLI, bootstrap-template.yaml",
	judge: func(c *court) []Finding {
		known := c.fences()
		outside := want([]string{"iam:CreateRole", "iam:CreateUser"}, anything)
		if known != nil {
			outside.Statements[0].When = []iam.Condition{iam.When("ArnNotEquals", "iam:PermissionsBoundary", known...)}
		}
		return c.everyone("takes off or exchanges a boundary", want([]string{"iam:DeleteRolePermissionsBoundary", "iam:DeleteUserPermissionsBoundary", "iam:PutRolePermissionsBoundary", "iam:PutUserPermissionsBoundary"}, anything),
			"makes a role or user outside the known boundaries", outside)
	},
}

// fences are the boundaries that limit: those that roles stand in, and the declared ones that
// wait for a role. Every one is held to its ceiling.
func (c *court) fences() []string {
	var out []string
	for _, a := range c.actors {
		if a.held {
			out = append(out, string(a.Boundary))
		}
	}
	for arn := range c.declaredBoundaries() {
		out = append(out, string(arn)) // one that does not exist yet, only the fence can make
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// everyone asks several questions of every role: sentence, wanted, sentence, wanted, …
func (c *court) everyone(questions ...any) []Finding {
	var out []Finding
	for _, a := range c.actors {
		for i := 0; i+1 < len(questions); i += 2 {
			if f, found := c.can(a, questions[i+1].(iam.Document)); found {
				f.Sentence = questions[i].(string)
				out = append(out, f)
			}
		}
	}
	return out
}

var fence = Rule{
	ID:       "fence",
	Sentence: "Only the fence's own roles change a boundary, its stack, its templates or the hand that deploys it.",
	Why:      "A deploy role that edits the fence decides its own limits.",
	Source:   "design §8; IAM User Guide, access_policies_boundaries (delegating)",
	judge: func(c *court) []Finding {
		boundaries := c.boundaries()
		var out []Finding
		for _, a := range c.actors {
			if f, found := c.can(a, want([]string{"iam:CreatePolicyVersion", "iam:DeletePolicy", "iam:DeletePolicyVersion", "iam:SetDefaultPolicyVersion", "iam:CreatePolicy"}, boundaries)); found && len(boundaries) > 0 && a.duty.kind != "execution of the fence" {
				f.Sentence = "it changes a boundary that roles stand in"
				out = append(out, f)
			}
			out = append(out, c.movesFence(a)...)
		}
		return out
	},
}

func (c *court) boundaries() []string {
	var out []string
	for _, a := range c.actors {
		if a.Boundary != "" {
			out = append(out, string(a.Boundary))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// movesFence is about the declared fence: its stacks, what is deployed from, and its roles.
func (c *court) movesFence(a *actor) []Finding {
	if c.Platform == nil || slices.Contains([]string{"fence-deploy", "fence-assets", "execution of the fence"}, a.duty.kind) {
		return nil
	}
	var out []Finding
	for _, e := range c.Platform.Environments {
		for _, site := range c.lookup.sites[e.Name] {
			if string(site.Account) != a.ARN.Account() {
				continue
			}
			for _, q := range fenceQuestions(site) {
				if f, found := c.can(a, q.wanted); found {
					f.Sentence = q.sentence
					out = append(out, f)
				}
			}
		}
	}
	return out
}

type question struct {
	sentence string
	wanted   iam.Document
}

func fenceQuestions(site platform.Site) []question {
	return []question{
		{"it changes the fence's stack", want([]string{"cloudformation:CreateStack", "cloudformation:UpdateStack", "cloudformation:DeleteStack", "cloudformation:CreateChangeSet", "cloudformation:ExecuteChangeSet"},
			[]string{site.ARN("cloudformation", "stack/"+site.Named("fence-*")+"/*"), site.ARN("cloudformation", "stack/"+site.BootstrapStack()+"/*")})},
		{"it hands CloudFormation the fence's role", want([]string{"iam:PassRole"}, []string{site.BootstrapRole("fence-execution")})},
		{"it takes a role that deploys the fence", want([]string{"sts:AssumeRole"}, []string{site.BootstrapRole("fence-deploy"), site.BootstrapRole("fence-assets"), site.BootstrapRole("fence-execution")})},
		{"it changes a role that deploys", want([]string{"iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:DeleteRolePolicy", "iam:DeleteRole"}, []string{site.BootstrapRole("*")})},
		{"it writes templates that the fence deploys", want([]string{"s3:PutObject", "s3:DeleteObject"}, []string{"arn:" + site.Partition() + ":s3:::" + site.AssetBucket() + "/" + platform.FenceAssets + "*"})},
	}
}
