package verify

import (
	"slices"
	"strings"

	"remit/iam"
	"remit/platform"
)

var promotion = Rule{
	ID: "promotion", Declared: true,
	Sentence: "Only the gate answers where the pipeline waits; only declared approvers reach it, through an address that AWS signs them in at, each under their own name; and each part of what is said of a release has one role that writes it and one that signs it.",
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

// sayers: who signs in another's name, or writes another's part.
func (c *court) sayers(site platform.Site) []Finding {
	shelf := "arn:" + site.Partition() + ":s3:::" + site.ShelfBucket() + "/"
	var out []Finding
	for _, part := range []struct{ signer, kind string }{{"judge", "step-judge"}, {"evaluator", "step-evaluate"}, {"gate", "gate"}} {
		out = append(out, c.besides(site, "it signs in the "+part.signer+"'s name", want(list("kms:Sign"), list(site.KeyARN(platform.SignerKeyID(part.signer)))), part.kind)...)
	}
	for _, part := range []struct{ of, kind string }{{"releases", "step-judge"}, {"attestations", "step-judge"}, {"evaluations", "step-evaluate"}, {"approvals", "gate"}, {"admissions", "gate"}, {"deployed", "step-deploy"}} {
		out = append(out, c.besides(site, "it writes "+part.of+" of releases", want(list("s3:PutObject"), list(shelf+part.of+"/*")), part.kind)...)
	}
	return out
}
