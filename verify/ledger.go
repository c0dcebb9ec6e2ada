package verify

import (
	"slices"

	"remit/iam"
	"remit/terms"
)

var ledgerRule = Rule{
	ID: "ledger", Declared: true,
	Sentence: "An interceptor or broker touches nothing of the ledger but its own lane's executions, records and confirmations, and its own tools' keys and days.",
	Why:      "A compromised one would spend, stop or approve for other agents.",
	Source:   "design §6, §7; ledger/dynamo; service authorization reference, dynamodb:LeadingKeys",
	judge: func(c *court) []Finding {
		var out []Finding
		for _, a := range c.actors {
			if !slices.Contains([]string{"request", "response", "broker"}, a.duty.kind) || !a.words.mayBe(itemReads) {
				continue
			}
			table := c.shapes(a.duty).fill(list("{ledger}", "{ledger}/*"))
			if f, found := c.can(a, want(itemReads, table), laneItems(a.duty, table)); found {
				f.Sentence = "it touches items of the ledger that are not its lane's"
				out = append(out, f)
			}
		}
		return out
	},
}

// laneItems is what of the ledger is a lane's own, by the layout of its keys (ledger/dynamo).
func laneItems(d duty, table []string) iam.Document {
	lane := d.lane.Term()
	keys := list("EXEC#"+lane.Own("*"), "RECORD#"+lane.Own("*"), "CONFIRM#"+lane.Key()+"#*")
	for _, t := range d.lane.Tools {
		keys = append(keys, "ONCE#"+t.Name+"/*", "USER#"+terms.DailyLimit(t.Name)+"#*")
	}
	return want(slices.Concat(keyed, list("dynamodb:ConditionCheckItem")), table,
		iam.When("Null", "dynamodb:LeadingKeys", "false"), iam.When("ForAllValues:StringLike", "dynamodb:LeadingKeys", keys...))
}
