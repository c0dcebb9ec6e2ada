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

func TestTheEnlargedCompanyIsAsLargeAsItSaysAndClean(t *testing.T) {
	p, err := load.Dir(declaration, today)
	if err != nil {
		t.Fatal(err)
	}
	before := len(p.Tools)
	p = enlarged(p, 5)
	if added := 5 - 2; len(p.Agents) != 5 || len(p.Tools) != before+added*toolsEach || len(p.Lanes(p.Environments[2])) < 5 {
		t.Errorf("%d agents, %d tools, %d lanes in the last environment", len(p.Agents), len(p.Tools), len(p.Lanes(p.Environments[2])))
	}
	t.Chdir("../..")
	if err := judge(5); err != nil {
		t.Error(err)
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
