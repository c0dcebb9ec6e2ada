package shelf_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"remit/attest"
	"remit/attest/attesttest"
	"remit/shelf"
	"remit/shelf/shelftest"
)

func TestADirectoryIsAStore(t *testing.T) { shelftest.Run(t, shelf.Dir(t.TempDir())) }

func TestWhatRunsIsBelievedOnlyWithTheJudgesSignature(t *testing.T) {
	signers, keys := attesttest.Everybody(t)
	s := shelf.Shelf{Store: shelf.Dir(t.TempDir())}
	ctx := t.Context()
	if run, standing, err := s.Standing(ctx, "prod", keys); run != (attest.Run{}) || standing != nil || err != nil {
		t.Errorf("where nothing runs: %+v, %+v, %v", run, standing, err)
	}
	note := attest.Run{Environment: "prod", Release: "r1", Execution: "run-1"}
	if err := s.Run(ctx, note); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Standing(ctx, "prod", keys); !errors.Is(err, shelf.ErrAbsent) {
		t.Errorf("a note without an attestation: %v", err)
	}
	if err := s.Attest(ctx, "prod", "run-1", attesttest.Seal(t, signers, attest.Attestation{Release: "r1"}.Statement(), attest.Gate)); err != nil {
		t.Fatal(err)
	}
	if _, standing, err := s.Standing(ctx, "prod", keys); standing != nil || err == nil || !strings.Contains(err.Error(), "the judge has not signed this") {
		t.Errorf("an attestation that the judge did not sign: %+v, %v", standing, err)
	}
}

func TestANoteThatCannotBeReadIsNoRelease(t *testing.T) {
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "deployed"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "{}", `{"environment":"stage","release":"r1"}`, "nonsense"} {
		if err := os.WriteFile(filepath.Join(dir, "deployed", "prod"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if run, err := (shelf.Shelf{Store: shelf.Dir(dir)}).Running(t.Context(), "prod"); err == nil {
			t.Errorf("%q is taken for %+v", text, run)
		}
	}
}
