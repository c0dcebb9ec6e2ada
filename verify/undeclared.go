package verify

import (
	"fmt"

	"remit/iam"
)

var undeclared = Rule{
	ID: "undeclared", Declared: true,
	Sentence: "Every role in a declared account exists because of the declaration.",
	Why:      "A role that nobody declared is one that nobody reviewed.",
	Source:   "requirements R40",
	judge: func(c *court) []Finding {
		var out []Finding
		for _, a := range c.actors {
			if _, known := c.sites[a.ARN.Account()]; a.duty.kind == "" && known {
				out = append(out, Finding{Role: a.ARN, Sentence: "no line of the declaration makes this role"})
			}
		}
		return out
	},
}

var unreadable = Rule{
	ID:       "unreadable",
	Sentence: "Everything that may hold a permission was read.",
	Why:      "A proof over a part says nothing of the rest.",
	Source:   "design §8",
	judge: func(c *court) []Finding {
		var out []Finding
		if len(c.actors)+len(c.World.Policies)+len(c.World.Resources) == 0 {
			out = append(out, Finding{Sentence: "this world holds nothing, so nothing was proved", Unproven: "nothing was read"})
		}
		for _, u := range c.Unreadable {
			out = append(out, Finding{Role: iam.ARN(u.Stack + "/" + u.LogicalID), Sentence: fmt.Sprintf("UNREADABLE %s: %s", u.What, u.Why), Unproven: u.Why})
		}
		return out
	},
}

var unseen = Rule{
	ID:       "unseen",
	Sentence: "The text of every attached policy is known.",
	Why:      "AWS changes its managed policies when it likes, and this proof with them.",
	Source:   "IAM User Guide, access_policies_managed-versioning",
	judge: func(c *court) []Finding {
		var out []Finding
		for _, a := range c.actors {
			for _, arn := range a.unseen {
				out = append(out, Finding{Role: a.ARN, Sid: arn.Name(), Sentence: "what its attached policy " + string(arn) + " allows is not known here", Unproven: "a managed policy without its text"})
			}
		}
		return out
	},
}
