package main

import (
	"testing"

	"remit/platform/load"
)

const (
	today       = "2026-11-23"
	declaration = "../../environments/meridian"
)

func TestTheGrownDeclarationIsValidAndHasTheLanesItCounts(t *testing.T) {
	grown := t.TempDir()
	added, err := grow(declaration, grown, 3)
	if err != nil {
		t.Fatal(err)
	}
	if before, after := lanes(t, declaration), lanes(t, grown); after != before+added {
		t.Errorf("a slope would be divided by the wrong number: %d lanes became %d, and %d were counted", before, after, added)
	}
}

func lanes(t *testing.T, dir string) int {
	t.Helper()
	p, err := load.Dir(dir, today)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, e := range p.Environments {
		total += len(p.Lanes(e))
	}
	return total
}
