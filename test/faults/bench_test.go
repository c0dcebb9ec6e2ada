package faults

import (
	"fmt"
	"runtime"
	"slices"
	"testing"

	"remit/platform"
	"remit/verify"
)

// many is the worked company with as many agents as asked for in each environment, all alike but
// for their names.
func many(t testing.TB, agents int) *platform.Platform {
	p := declared(t, "../../environments/meridian")
	first := p.Agents[0]
	for i := len(p.Agents); i < agents; i++ {
		a := first
		a.Name = fmt.Sprintf("agent-%d", i)
		p.Agents = append(slices.Clone(p.Agents), a)
		for j := range p.Environments {
			e := &p.Environments[j]
			set := e.Lanes[slices.IndexFunc(e.Lanes, func(l platform.LaneSet) bool { return l.Agent == first.Name })]
			set.Agent, set.Lanes = a.Name, set.Lanes[:1]
			e.Lanes = append(slices.Clone(e.Lanes), set)
		}
	}
	return p
}

func BenchmarkVerifyThreeEnvironments(b *testing.B) {
	for _, agents := range []int{5, 50, 200} {
		b.Run(fmt.Sprintf("%dAgents", agents), func(b *testing.B) {
			p := many(b, agents)
			w := intendedOf(p)
			b.ReportMetric(float64(len(w.Roles)), "roles")
			b.ReportAllocs()
			for b.Loop() {
				if report := verify.Judge(verify.Case{World: w, Platform: p, Today: today}); !report.Clean() {
					b.Fatalf("what is measured is not what is promised: %s", report.Findings[0].Text(nil))
				}
			}
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			b.ReportMetric(float64(m.Sys)/1e6, "MB-sys")
			b.ReportMetric(float64(len(w.Roles)), "roles")
		})
	}
}
