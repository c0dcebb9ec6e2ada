package verify

import (
	"slices"
	"strings"

	"remit/iam"
	"remit/iam/proof"
	"remit/platform"
)

var promotion = Rule{
	ID: "promotion", Declared: true,
	Sentence: "Only the gate answers where the pipeline waits; only declared approvers reach it, through an address that AWS signs them in at, each under their own name; and each part of what is said of a release has one role that writes it and one that signs it, which its key and its bucket hold to by themselves.",
	Why:      "Whoever can answer for the gate, come under a colleague's name or sign for the judge deploys what nobody agreed to.",
	Source:   "design §9; CodePipeline User Guide, approvals-iam-permissions; Lambda developer guide, urls-auth",
	judge: func(c *court) []Finding {
		site := c.Platform.SharedSite(platform.Pipeline)
		if c.Platform.Shared == nil || c.Platform.Shared.Pipeline == nil {
			return nil
		}
		out := c.namedPeople(site.Role(platform.Pipeline, "approver"), c.Platform.Shared.Pipeline.Approvers)
		out = append(out, c.addresses(site, site.Named("gate"))...)
		out = append(out, c.answerers(site)...)
		return append(out, c.sayers(site)...)
	},
}

// answerers: who but the gate answers the pipeline, and who but approvers reaches the gate, and
// how.
func (c *court) answerers(site platform.Site) []Finding {
	gate := site.ARN("lambda", "function:"+site.Named("gate"))
	reached := list(gate, gate+":*")
	waiting := list(site.ARN("codepipeline", site.Named()), site.ARN("codepipeline", site.Named()+"/*"))
	out := c.besides(site, "it answers where the pipeline waits for people", want(list("codepipeline:PutApprovalResult"), waiting), "gate")
	out = append(out, c.besides(site, "it reaches the gate", want(list("lambda:InvokeFunction", "lambda:InvokeFunctionUrl"), reached), "approver")...)
	out = append(out, c.besides(site, "it calls the gate past its address, and states its own caller", want(list("lambda:InvokeFunction"), reached, iam.When("BoolIfExists", "lambda:InvokedViaFunctionUrl", "false")))...)
	for _, p := range c.World.Policies {
		if string(p.ARN) != gate && !strings.HasPrefix(string(p.ARN), gate+":") {
			continue
		}
		for _, s := range p.Document.Statements {
			if s.Effect == iam.Allow && !slices.Equal(s.Principals.Service, list("sns.amazonaws.com")) {
				out = append(out, Finding{Role: p.ARN, Sid: s.Sid, Sentence: "it lets in somebody else than the topic on which the pipeline says that it waits", At: p.From})
			}
		}
	}
	return out
}

// sayers: who signs in another's name, or writes another's part, and which key or bucket would
// leave that to the IAM of its account.
func (c *court) sayers(site platform.Site) []Finding {
	shelf := "arn:" + site.Partition() + ":s3:::" + site.ShelfBucket()
	var out []Finding
	for _, part := range []struct{ signer, role string }{{"judge", "judge"}, {"evaluator", "evaluate"}, {"gate", "gate"}} {
		key := site.KeyARN(platform.SignerKeyID(part.signer))
		signs := want(list("kms:Sign"), list(key))
		out = append(out, c.besides(site, "it signs in the "+part.signer+"'s name", signs, pipelineKinds[part.role])...)
		out = append(out, c.leaves(key, "it lets somebody else sign in the "+part.signer+"'s name", site.Role(platform.Pipeline, part.role), func(p iam.Policy) proof.Search {
			return proof.Search{Within: []iam.Document{signs, whoAsks(p.Document, p.ARN)}}
		})...)
	}
	for _, part := range []struct{ of, role string }{{"releases", "judge"}, {"attestations", "judge"}, {"evaluations", "evaluate"}, {"approvals", "gate"}, {"admissions", "gate"}, {"deployed", "deploy"}} {
		writes := want(list("s3:PutObject"), list(shelf+"/"+part.of+"/*"))
		out = append(out, c.besides(site, "it writes "+part.of+" of releases", writes, pipelineKinds[part.role])...)
		out = append(out, c.leaves(shelf, "it lets somebody else write "+part.of+" of releases", site.Role(platform.Pipeline, part.role), func(p iam.Policy) proof.Search {
			return proof.Search{Within: []iam.Document{writes}, Beyond: denialsOf([]iam.Document{whoAsks(p.Document, p.ARN)})}
		})...)
	}
	return out
}

// leaves looks for a request of another than one role that a resource's own policy, where there
// is one to read, would leave to IAM.
func (c *court) leaves(resource, sentence, role string, ask func(iam.Policy) proof.Search) []Finding {
	var out []Finding
	for _, p := range c.World.Policies {
		if string(p.ARN) != resource {
			continue
		}
		search := ask(p)
		search.Where = []iam.Statement{{When: []iam.Condition{iam.When("ArnNotEquals", "aws:PrincipalArn", role)}}}
		if answer := search.Run(); !answer.Yes {
			f := Finding{Role: p.ARN, Sentence: sentence, At: p.From}
			if answer.Witness == nil {
				f.Unproven = answer.Why
			}
			out = append(out, f)
		}
	}
	return out
}
