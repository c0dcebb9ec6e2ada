package verify

import (
	"testing"

	"remit/iam"
	"remit/platform"
)

func TestAWorldNobodyJudgedIsNotClean(t *testing.T) {
	if len(Check(iam.World{}, &platform.Platform{})) == 0 {
		t.Error("a world that no rule judged was called clean")
	}
}
