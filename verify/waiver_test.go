package verify

import (
	"testing"

	"remit/iam"
	"remit/platform"
)

func TestAWaiverHidesNothingThatIsWrittenLater(t *testing.T) {
	c := waived("")
	digest := Judge(c).Findings[0].Digest
	for name, step := range map[string]struct {
		change func(*Case)
		clean  bool
	}{
		"as it was": {func(*Case) {}, true},
		"its trust is widened": {func(c *Case) {
			c.World.Roles[0].Trust = iam.Doc(iam.Statement{Sid: "X", Effect: iam.Allow, Principals: iam.Principals{AWS: []string{"arn:aws:iam::111111111111:role/other"}}, Actions: iam.Of("sts:AssumeRole")})
		}, false},
		"its policy is widened": {func(c *Case) {
			c.World.Roles[0].Policy = iam.Doc(iam.Statement{Sid: "X", Effect: iam.Allow, Actions: iam.Of("s3:GetObject"), Resources: iam.Of("arn:aws:s3:::b/*")})
		}, false},
		"its last day is over":        {func(c *Case) { c.Today = "2027-02-01" }, false},
		"nobody says which day it is": {func(c *Case) { c.Today = "" }, false},
		"what it was for is gone":     {func(c *Case) { c.World.Roles[0].Boundary = "arn:aws:iam::111111111111:policy/b" }, false},
	} {
		c := waived(digest)
		step.change(&c)
		if report := Judge(c, boundary); report.Clean() != step.clean {
			t.Errorf("%s: clean is %v, want %v\n%s", name, report.Clean(), step.clean, report.Text(nil))
		}
	}
}

// waived is a role without a boundary, accepted for a while under a digest.
func waived(digest string) Case {
	c := Case{World: iam.World{Roles: []iam.Role{{ARN: "arn:aws:iam::111111111111:role/r"}}, Policies: []iam.Policy{{ARN: "arn:aws:iam::111111111111:policy/b", Kind: "managed"}}}, Platform: &platform.Platform{}, Today: "2026-11-24"}
	if digest != "" {
		c.Platform.Waivers = []platform.Waiver{{Rule: "boundary", Role: "r", Digest: digest, Why: "until the move", Owner: "security", Until: "2027-01-31"}}
	}
	return c
}
