package verify

import (
	"slices"

	"remit/iam"
	"remit/terms"
)

var ledgerRule = Rule{
	ID: "ledger", Declared: true,
	Sentence: "An interceptor or broker touches nothing of the ledger but its own lane's executions, records and confirmations, and its own tools' keys and days; closing events, nothing but the keys of tools that have one; the meter, nothing but the executions, records and days of lanes that use models directly; the watch, nothing but counts, their sums, throttles and the record of those.",
	Why:      "A compromised one would spend, stop or approve for other agents, or have another tool run twice.",
	Source:   "design §6, §7; ledger/dynamo; service authorization reference, dynamodb:LeadingKeys",
	judge: func(c *court) []Finding {
		var out []Finding
		for _, a := range c.actors {
			own := c.ownItems(a.duty)
			if own == nil || !a.words.mayBe(itemReads) {
				continue
			}
			table := c.shapes(a.duty).fill(list("{ledger}", "{ledger}/*"))
			mine := want(slices.Concat(keyed, list("dynamodb:ConditionCheckItem")), table,
				iam.When("Null", "dynamodb:LeadingKeys", "false"), iam.When("ForAllValues:StringLike", "dynamodb:LeadingKeys", own...))
			if f, found := c.can(a, want(itemReads, table), mine); found {
				f.Sentence = "it touches items of the ledger that are not its own"
				out = append(out, f)
			}
		}
		return out
	},
}

// ownItems is what of the ledger is a role's own, by the layout of its keys (ledger/dynamo);
// nil for roles that work for all lanes.
func (c *court) ownItems(d duty) []string {
	var out []string
	switch d.kind {
	case "request", "response":
		lane := d.lane.Term()
		out = list("EXEC#"+lane.Own("*"), "RECORD#"+lane.Own("*"), "CONFIRM#"+lane.Key()+"#*")
		for _, t := range d.lane.Tools {
			out = append(out, "ONCE#"+t.Name+"/*", "USER#"+terms.DailyLimit(t.Name)+"#*")
		}
	case "broker":
		lane := d.lane.Term()
		out = list("EXEC#"+lane.Own("*"), "RECORD#"+lane.Own("*"))
	case "watch":
		out = list("COUNT#*", "RECORD#THROTTLES", "THROTTLE#*", "WATCH#*")
	case "meter":
		for _, lane := range c.lanes[d.site.Environment] {
			if lane.Metered() {
				out = append(out, "EXEC#"+lane.Term().Own("*"), "RECORD#"+lane.Term().Own("*"), "LANE#"+lane.Term().Key())
			}
		}
	case "closing":
		for _, t := range c.Platform.Tools {
			if t.Dedup != nil {
				out = append(out, "ONCE#"+t.Name+"/*")
			}
		}
	}
	return out
}
