package policy_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"remit/policy"
	"remit/terms"
)

// grown is a lane with n tools, every second of which writes, and a constraint of each kind.
func grown(t testing.TB, n int) *policy.Bundle {
	b := policy.Bundle{
		Format: policy.Format, Lane: lane, Day: "America/New_York", Callers: []string{"clerk", "lead"}, Purposes: []string{"ordering"},
		Tools: map[string]*policy.Tool{},
		Constraints: []policy.Constraint{
			{ID: "canary", When: policy.When{Lane: "canary"}, Forbid: policy.Forbid{Access: terms.Write}},
			{ID: "trainees", When: policy.When{UserRole: "trainee", UserRoles: []string{"trainee"}}, Forbid: policy.Forbid{DataClass: "SECRET"}},
			{ID: "night", When: policy.When{Hours: terms.Hours{From: "22:00", To: "06:00"}}, Forbid: policy.Forbid{Access: terms.Write}},
			{ID: "audits", When: policy.When{Purpose: "auditing"}, Forbid: policy.Forbid{Tools: []string{"tool_1", "tool_2"}}},
		},
	}
	for i := range n {
		name := fmt.Sprintf("tool_%d", i)
		b.Tools[name] = &policy.Tool{
			Target: fmt.Sprintf("tool-%d", i), Access: []terms.Access{terms.Read, terms.Write}[i%2], DataClass: "OPEN", Callers: []string{"lead"}, Input: json.RawMessage(`{}`),
			Datum: &policy.Datum{Directory: "orders", Argument: "order", Relation: "assigned"}, Allow: []string{"$.state"}, Never: []string{"card", "cvv"}, PerUserDay: 5,
		}
	}
	return loaded(t, b)
}

func callOf(tool string, hour int) policy.Request {
	return policy.Request{
		User: terms.User{ID: "ana", Tenant: "north", Roles: []string{"clerk", "lead"}}, Lane: lane, Purpose: "ordering", Tool: tool,
		Args: map[string]any{"order": "O-1", "Note": "Ask the Customer", "lines": []any{1.0, 2.0}}, At: time.Date(2026, 11, 23, hour, 0, 0, 0, time.UTC),
	}
}

var sink policy.Decision

// BenchmarkDecide holds (design.md §12): p50 at 10,000 tools at most 1.2 times that at 10,
// at most 2 allocations, at most 5 µs. p50 is the median of batches, because one call is
// near the clock's own cost. Batches of both sizes take turns, so that a noisy machine is
// noisy for both; "of-10" is their ratio. "spread" calls a thousand tools one after the
// other, which measures the processor's cache too.
func BenchmarkDecide(b *testing.B) {
	for _, n := range []int{10, 100, 10_000} {
		large, small := grown(b, n), grown(b, 10)
		b.Run(fmt.Sprintf("tools=%d/one", n), func(b *testing.B) { compare(b, small, large, 1) })
		b.Run(fmt.Sprintf("tools=%d/spread", n), func(b *testing.B) { compare(b, small, large, 1000) })
	}
}

func compare(b *testing.B, small, large *policy.Bundle, spread int) {
	const batch = 64
	bundles, took := [2]*policy.Bundle{small, large}, [2][]time.Duration{}
	var calls [2][]policy.Request
	for side, bundle := range bundles {
		for i := range spread {
			call := callOf(fmt.Sprintf("tool_%d", (i*7+1)%len(bundle.Tools)), 16) // by day, when writes are allowed
			if d := bundle.Decide(call); !d.Allowed() {
				b.Fatalf("the benchmark measures a refusal: %+v", d)
			}
			calls[side] = append(calls[side], call)
		}
	}
	next := 0
	b.ResetTimer()
	for range b.N/batch + 1 {
		for side, bundle := range bundles {
			start := time.Now()
			for i := range batch {
				sink = bundle.Decide(calls[side][(next+i)%spread])
			}
			took[side] = append(took[side], time.Since(start)/batch)
		}
		next += batch
	}
	p50 := func(side int) float64 {
		slices.Sort(took[side])
		return float64(took[side][len(took[side])/2])
	}
	b.ReportMetric(p50(1), "p50-ns")
	b.ReportMetric(p50(1)/p50(0), "of-10")
	b.ReportMetric(testing.AllocsPerRun(100, func() { sink = large.Decide(calls[1][0]) }), "allocs")
	b.ReportMetric(0, "ns/op") // two sizes ran
}

func TestADecisionAllocatesAtMostTwice(t *testing.T) {
	b := grown(t, 100)
	for name, c := range map[string]struct {
		call policy.Request
		most float64
	}{
		"an allowed write by day":  {callOf("tool_1", 16), 2},
		"an allowed read":          {callOf("tool_0", 16), 2},
		"a tool that is not there": {callOf("ghost", 16), 2},
		"a write by night":         {callOf("tool_1", 4), 3}, // two, and one in terms.Hours, which prints the clock
	} {
		if got := testing.AllocsPerRun(200, func() { sink = b.Decide(c.call) }); got > c.most {
			t.Errorf("%s: the decision core slows every call: got %.0f allocations, want at most %.0f", name, got, c.most)
		}
	}
}
