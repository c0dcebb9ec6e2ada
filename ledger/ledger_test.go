package ledger

import (
	"context"
	"errors"
	"testing"
)

func TestALedgerWithoutAStoreRefusesEverything(t *testing.T) {
	var l Ledger
	if e, err := l.Open(context.Background(), Admission{}); e.Open || !errors.Is(err, ErrUnavailable) {
		t.Errorf("an execution was opened without a store: %v, %v", e, err)
	}
	if _, err := l.Reserve(context.Background(), Claim{}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a call was reserved without a store: %v", err)
	}
	if err := l.Settle(context.Background(), "", Outcome{}); !errors.Is(err, ErrUnavailable) {
		t.Errorf("a call was settled without a store: %v", err)
	}
}
