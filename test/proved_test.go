package test

import (
	"testing"

	"remit/assembly"
	"remit/verify"
)

// TestWhatIsSynthesizedIsProvedToKeepWithinItsRemit judges the templates themselves, every
// environment of a company together and the bootstrap with them: what the CDK made of the
// grants, and not only the grants.
func TestWhatIsSynthesizedIsProvedToKeepWithinItsRemit(t *testing.T) {
	for _, company := range companies(t) {
		p, in := declared(t, company), stacksOf(t, company)
		for _, e := range p.Environments {
			in = append(in, bootstrapStacks(t, p, e)...)
		}
		w, unreadable := assembly.World(in)
		of := verify.Case{World: w, Platform: p, Today: today}
		for _, u := range unreadable {
			of.Unreadable = append(of.Unreadable, verify.Unreadable{Stack: u.Stack, LogicalID: u.LogicalID, What: u.What, Why: u.Why})
		}
		report := verify.Judge(of)
		if len(w.Roles) == 0 || len(w.Resources) == 0 {
			t.Errorf("%s: a world without roles or resources was judged, so nothing was", company)
		}
		if !report.Clean() {
			t.Errorf("%s: what was synthesized can do more than was declared\n%s", company, report.Text(p.AccountNames(p.Environments[0])))
		}
	}
}

// TestAnAddressThatIsDeployedWithoutSignaturesIsSeen: the templates, not the grants, say what
// an address asks for.
func TestAnAddressThatIsDeployedWithoutSignaturesIsSeen(t *testing.T) {
	p := declared(t, "meridian")
	w, _ := assembly.World(stacksOf(t, "meridian"))
	flipped := 0
	for _, r := range w.Of("AWS::Lambda::Url") {
		if r.Setting("AuthType") == "AWS_IAM" {
			r.Settings["AuthType"] = []string{"NONE"}
			flipped++
		}
	}
	seen := 0
	for _, f := range verify.Judge(verify.Case{World: w, Platform: p, Today: today}).Findings {
		if f.Rule == "operations" || f.Rule == "promotion" {
			seen++
		}
	}
	if flipped != len(p.Environments)+1 || seen != flipped {
		t.Errorf("of %d addresses that ask for a signature, without it %d are seen; %d environments and the gate have one", flipped, seen, len(p.Environments))
	}
}
