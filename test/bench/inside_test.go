package main

import "testing"

// TestWhatIsMeasuredInsideRuns: the sides check their own answers, so one round shows that
// no figure is of a refusal.
func TestWhatIsMeasuredInsideRuns(t *testing.T) {
	for name, measure := range map[string]func(int) ([]row, error){"the decision core": decided, "the interceptor": intercepted} {
		rows, err := measure(1)
		if err != nil || len(rows) == 0 {
			t.Errorf("%s: %d rows, %v", name, len(rows), err)
		}
		t.Log("\n" + table(rows))
	}
}
