package proof

import (
	"testing"

	"remit/iam"
)

func TestAQuestionNobodyDecidedIsUnknown(t *testing.T) {
	if a := Subset(iam.Document{}, iam.Document{}, 0); a.Yes || a.Witness != nil || a.Why == "" {
		t.Errorf("got %+v", a)
	}
}
