package verify

import (
	"testing"

	"remit/iam"
	"remit/platform"
)

func TestAWorldWithoutRolesIsNoProof(t *testing.T) {
	for name, c := range map[string]Case{"nothing": {}, "a declaration and nothing else": {Platform: &platform.Platform{}}} {
		if report := Judge(c); report.Clean() {
			t.Errorf("%s: a world in which nobody does anything was called proved", name)
		}
	}
	if len(Check(iam.World{}, nil)) == 0 {
		t.Error("an empty list reads as proven, and nothing was looked at")
	}
}
