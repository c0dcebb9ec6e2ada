package verify

import (
	"testing"

	"pgregory.net/rapid"

	"remit/iam"
	"remit/iam/proof"
)

func TestWhatIsReadOffTheTextTheProverSaysToo(t *testing.T) {
	action := rapid.SampledFrom([]string{"s3:GetObject", "s3:Get*", "S3:getobject", "s3:*", "s3:Put?bject"})
	resource := rapid.SampledFrom([]string{"*", "arn:aws:s3:::b", "arn:aws:s3:::b/*", "arn:aws:s3:::b/x", "arn:aws:s3:::b/*/x", "arn:aws:s3:::b*", "arn:aws:s3:::b/${aws:PrincipalTag/t}/*"})
	statement := rapid.Custom(func(t *rapid.T) iam.Statement {
		s := iam.Statement{Effect: iam.Effect(rapid.Bool().Draw(t, "effect")), Actions: iam.Of(rapid.SliceOfN(action, 1, 2).Draw(t, "actions")...), Resources: iam.Of(rapid.SliceOfN(resource, 1, 2).Draw(t, "resources")...)}
		if rapid.Bool().Draw(t, "conditioned") {
			s.When = []iam.Condition{iam.When("StringEquals", "aws:PrincipalTag/t", "a")}
		}
		return s
	})
	yes := 0
	rapid.Check(t, func(t *rapid.T) {
		s, d := statement.Draw(t, "s"), iam.Doc(rapid.SliceOfN(statement, 0, 3).Draw(t, "d")...)
		s.Effect = iam.Allow
		if rapid.Bool().Draw(t, "within") { // chance alone seldom finds one that is
			d.Statements = append(d.Statements, s)
		}
		if !plainly(s, d) {
			return
		}
		yes++
		if answer := proof.Subset(iam.Doc(s), d, 0); answer.Witness != nil {
			t.Errorf("read as within, and it is not: %v of %s\nbeyond %s", answer.Witness, iam.Doc(s).JSON(), d.JSON())
		}
	})
	if yes == 0 {
		t.Error("nothing was read off, so nothing was compared")
	}
}
