package faults

import (
	"slices"

	"remit/iam"
	"remit/platform/load"
	"remit/verify"
)

// Names of the company that uses models directly, in its prod.
const (
	meteredAccount = "666666666663"
	meterRole      = "lumen-prod-meter"
	meteredAgent   = "lumen-prod-progress-report-stable-execution"
)

// metering is faults of a meter and of an agent that is metered.
func metering() []fault {
	ledger := words("arn:aws:dynamodb:us-east-1:" + meteredAccount + ":table/lumen-prod-ledger")
	keyed := func(leading string) []iam.Condition {
		return []iam.Condition{iam.When("ForAllValues:StringLike", "dynamodb:LeadingKeys", leading), iam.When("Null", "dynamodb:LeadingKeys", "false")}
	}
	return inLumen(
		fault{"the meter charges any lane", "ledger", edit(meterRole, "policy", "ChargeExecutions", instead("dynamodb:LeadingKeys", "EXEC#*"))},
		fault{"the meter counts on any lane's day", "ledger", edit(meterRole, "policy", "ChargeLanes", instead("dynamodb:LeadingKeys", "LANE#*"))},
		fault{"the meter takes from a user's day", "compromise-meter ledger", loose(meterRole, grant("Take", words("dynamodb:UpdateItem"), ledger, keyed("USER#*")...))},
		fault{"the meter stops a lane", "compromise-meter ledger operations", loose(meterRole, grant("Stop", words("dynamodb:UpdateItem"), ledger, keyed("SWITCHES")...))},
		fault{"the meter frees a key", "ceiling ceiling-of-boundary compromise-meter ledger", loose(meterRole, grant("Free", words("dynamodb:DeleteItem"), ledger, keyed("ONCE#*")...))},
		fault{"the meter rewrites what it recorded", "compromise-meter ledger", loose(meterRole, grant("Rewrite", words("dynamodb:UpdateItem"), ledger, keyed("RECORD#*")...))},
		fault{"the meter reads what was said", "ceiling ceiling-of-boundary compromise-meter", loose(meterRole, grant("Read", words("logs:GetLogEvents"), words("arn:aws:logs:us-east-1:"+meteredAccount+":log-group:/aws/bedrock/modelinvocations:*")))},
		fault{"the agent charges itself", "ceiling ceiling-of-boundary compromise-agent", loose(meteredAgent, grant("Charge", words("dynamodb:UpdateItem"), ledger, keyed("EXEC#*")...))},
		fault{"the agent turns its log off", "audit ceiling ceiling-of-boundary compromise-agent", loose(meteredAgent, grant("Silence", words("bedrock:DeleteModelInvocationLoggingConfiguration"), words("*")))},
		fault{"any log group starts the meter", "resource-open", func(c *verify.Case) {
			d := &policyOf(c, "arn:aws:lambda:us-east-1:"+meteredAccount+":function:lumen-prod-meter:live").Document
			d.Statements = slices.Clone(d.Statements)
			d.Statements[0].When = nil
		}},
	)
}

// inLumen plants faults in the other company, whose world is as clean.
func inLumen(all ...fault) []fault {
	for i, f := range all {
		all[i].plant = func(c *verify.Case) {
			p, err := load.Dir("../../environments/lumen", today)
			if err != nil {
				panic(err) // the worked companies load, which other tests show
			}
			*c = verify.Case{World: intendedOf(p), Platform: p, Today: today}
			f.plant(c)
		}
	}
	return all
}
