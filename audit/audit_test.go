package audit

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"remit/terms"
)

func TestTheZeroRecordIsADenialWithoutOutcome(t *testing.T) {
	if r := (Record{}); r.Allowed || r.Outcome != nil {
		t.Error("a zero record claims that something happened")
	}
}

func TestARecordReadsBackAsItWasWritten(t *testing.T) {
	r := Record{
		Call: "c1", Execution: "e1", Lane: terms.Lane{Platform: "p", Environment: "e", Agent: "a", Name: "stable"},
		User: terms.User{ID: "u", Tenant: "t", Roles: []string{"r"}}, Tool: "tool", At: time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC),
		Allowed: true, Checks: []Check{{Name: "role", Allowed: true, Reason: "declared", Rule: "tools.t.callers"}},
		Input:     Content{Digest: terms.Digest("sha256:" + strings.Repeat("0", 64)), Sealed: []byte{1, 2}, Key: "k"},
		Rationale: "because <it> & that",
		Outcome:   &Outcome{At: time.Date(2026, 11, 23, 18, 0, 1, 0, time.UTC), Status: "done", Withheld: 3, Cost: 350000},
	}
	text, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	back, err := Decode(text)
	if err != nil || !reflect.DeepEqual(back, r) {
		t.Errorf("got %+v, %v\nwant %+v", back, err, r)
	}
}

func TestTheSameMomentInAnotherZoneIsTheSameRecord(t *testing.T) {
	at := time.Date(2026, 11, 23, 18, 0, 0, 0, time.UTC)
	a, _ := Record{At: at, Outcome: &Outcome{At: at}}.Encode()
	b, _ := Record{At: at.In(time.FixedZone("x", 3600)), Outcome: &Outcome{At: at.In(time.FixedZone("x", 3600))}}.Encode()
	if !bytes.Equal(a, b) {
		t.Errorf("%s\n%s", a, b)
	}
}

func TestEvidenceIsNotGuessedAt(t *testing.T) {
	for name, text := range map[string]string{
		"unknown key":    `{"cal":"c"}`,
		"trailing bytes": `{} {}`,
		"closed twice":   `{}}`,
		"not JSON":       `{`,
		"too large":      `{"tool":"` + string(make([]byte, MaxRecord)) + `"}`,
	} {
		if r, err := Decode([]byte(text)); err == nil {
			t.Errorf("%s was read as %+v", name, r)
		}
	}
}
