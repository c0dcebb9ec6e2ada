package proof

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"remit/iam"
	"remit/test/absent"
)

func TestQuackysPairsAreAllDecidedRight(t *testing.T) {
	dir := absent.Corpus(t, "../..", "quacky")
	text, err := os.ReadFile(filepath.Join(dir, "verdicts.json"))
	if err != nil {
		t.Fatal(err)
	}
	var pairs []struct {
		Before, After   string
		BeforeNotWithin bool `json:"before_not_within_after"`
		AfterNotWithin  bool `json:"after_not_within_before"`
	}
	if err := json.Unmarshal(text, &pairs); err != nil {
		t.Fatal(err)
	}
	if len(pairs) != 280 {
		t.Fatalf("%d pairs, want 280", len(pairs))
	}
	read := func(name string) iam.Document {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		d, err := iam.ParseDocument(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return d
	}
	var wrong, unknown int
	decide := func(question string, a Answer, exceeds bool) {
		switch {
		case !a.Yes && a.Witness == nil:
			unknown++
			t.Errorf("%s: unknown: %s", question, a.Why)
		case a.Yes == exceeds:
			wrong++
			t.Errorf("%s: got %+v, want exceeds = %v", question, a, exceeds)
		}
	}
	started := time.Now()
	for _, p := range pairs {
		before, after := read(p.Before), read(p.After)
		decide(p.Before+" within "+p.After, Subset(before, after, 0), p.BeforeNotWithin)
		decide(p.After+" within "+p.Before, Subset(after, before, 0), p.AfterNotWithin)
	}
	t.Logf("%d questions, %d wrong, %d unknown, %.3f s", 2*len(pairs), wrong, unknown, time.Since(started).Seconds())
}
