package proof

import (
	"testing"

	"remit/iam"
)

func TestTheZeroAnswerIsUnknown(t *testing.T) {
	if a := (Answer{}); a.Yes || a.Witness != nil {
		t.Errorf("got %+v", a)
	}
}

func TestNothingIsWithinNothing(t *testing.T) {
	if a := Subset(iam.Document{}, iam.Document{}, 0); !a.Yes {
		t.Errorf("got %+v", a)
	}
}

func allow(sid string, action, resource string, when ...iam.Condition) iam.Statement {
	return iam.Statement{Sid: sid, Effect: iam.Allow, Actions: iam.Of(action), Resources: iam.Of(resource), When: when}
}

func deny(sid string, action, resource string, when ...iam.Condition) iam.Statement {
	s := allow(sid, action, resource, when...)
	s.Effect = iam.Deny
	return s
}
