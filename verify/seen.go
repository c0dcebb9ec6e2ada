package verify

import (
	"fmt"
	"maps"
	"slices"

	"remit/iam"
)

// Seen is the world a verdict holds for: what was looked at, what was not, and what was
// taken for granted.
type Seen struct {
	Accounts  []string `json:"accounts"`
	Roles     int      `json:"roles"`
	Policies  int      `json:"policies"`
	Resources int      `json:"resources"`
	Rules     int      `json:"rules"`
	NotJudged []string `json:"not_judged"` // rules that need a declaration
	NotSeen   []string `json:"not_seen"`
	Assumes   []string `json:"assumes"`
}

// always is what no reading of templates can know.
var always = []string{
	"only what these templates make exists: a role or a policy made by hand is not in this world",
	"service-linked roles do what AWS says, and AWS enforces IAM as its user guide says",
	"organization policies only narrow, so a world without them is the widest one",
}

func (c *court) see() {
	accounts := map[string]bool{}
	count := func(account string) {
		if account != "" {
			accounts[account] = true
		}
	}
	missing := map[iam.ARN]bool{}
	for _, a := range c.actors {
		count(a.ARN.Account())
		for _, arn := range a.unseen {
			missing[arn] = true
		}
	}
	for _, p := range c.World.Policies {
		count(p.ARN.Account())
		count(p.Account)
	}
	c.seen = Seen{Roles: len(c.World.Roles), Policies: len(c.World.Policies), Resources: len(c.World.Resources), NotJudged: []string{}, NotSeen: []string{}, Assumes: append(slices.Clone(c.Assumes), always...)}
	for _, account := range slices.Sorted(maps.Keys(accounts)) {
		name := c.called(account)
		if name != account {
			name = fmt.Sprintf("%s (%s)", account, name)
		}
		c.seen.Accounts = append(c.seen.Accounts, name)
	}
	for _, arn := range slices.Sorted(maps.Keys(missing)) {
		c.seen.NotSeen = append(c.seen.NotSeen, "the text of "+string(arn))
	}
	for _, s := range slices.Sorted(maps.Keys(c.sites)) {
		if !accounts[s] {
			c.seen.NotSeen = append(c.seen.NotSeen, fmt.Sprintf("account %s (%s): nothing of it was read", s, c.called(s)))
		}
	}
	if len(c.World.Resources) == 0 {
		c.seen.NotSeen = append(c.seen.NotSeen, "gateways, runtimes, policy engines, functions and trails: this world holds roles and policies only")
	}
}
