package main

import (
	"os"
	"testing"

	"remit/ledger/dynamo/local"
	"remit/test/absent"
)

// TestWhatIsMeasuredInsideRuns: the sides check their own answers, so one round shows that
// no figure is of a refusal.
func TestWhatIsMeasuredInsideRuns(t *testing.T) {
	for name, measure := range map[string]func(int) ([]row, error){"the decision core": decided, "the interceptor": intercepted, "the broker": brokered} {
		rows, err := measure(1)
		if err != nil || len(rows) == 0 {
			t.Errorf("%s: %d rows, %v", name, len(rows), err)
		}
		t.Log("\n" + table(rows))
	}
}

func TestTheLedgerIsMeasuredOverDynamoDBLocal(t *testing.T) {
	t.Chdir("../..")
	if _, err := os.Stat(local.Dir); err != nil {
		absent.Skip(t, "nothing was measured over the DynamoDB API", err)
	}
	rows, err := inDynamoDB(1)
	if err != nil || len(rows) != 4 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	if rows[0].Median != 2 {
		t.Errorf("an allowed call makes %v requests, one before the tool and one after: %s", rows[0].Median, rows[0].Measured)
	}
	t.Log("\n" + table(rows))
}
