package ledger_test

import (
	"testing"

	"remit/ledger"
	"remit/ledger/ledgertest"
)

func TestMemory(t *testing.T) {
	ledgertest.Run(t, func(*testing.T) ledger.Store { return &ledger.Memory{} })
}
