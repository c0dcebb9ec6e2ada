// Package anomaly judges whether a lane's traffic is far from what it was: calls in a window
// against the same window of weeks before, and calls per execution of a version against its
// predecessor. It knows counts and a declaration; it knows no ledger, no AWS and no user.
// Start with [Judge]. The zero [Declared] alerts and throttles for nothing.
//
// What is usual is an estimate from a count, and a count scatters. So a limit is the declared
// multiple of what is expected, and [Sigmas] times the scatter of both on top: large lanes are
// held to their declared multiple, small ones to more. How often it is wrong, and how soon it
// is right, is measured in testdata/operating-point.txt.
package anomaly

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"remit/terms"
)

// Bucket is what one version of a lane did in five minutes: executions that closed, their
// calls, and the sum of the squares of each execution's calls, which tells how calls scatter.
type Bucket struct {
	Start      time.Time // a multiple of [Step]
	Lane       terms.Lane
	Version    string
	Executions int64
	Calls      int64
	Squares    int64
}

// Step is the length of a bucket.
const Step = 5 * time.Minute

// Declared is when traffic alerts and throttles, as multiples of what is expected; a zero
// multiple never does. Weeks is how many weeks before are compared with.
type Declared struct {
	Weeks         int     `json:"weeks"`
	AlertAbove    float64 `json:"alert_above"`
	ThrottleAbove float64 `json:"throttle_above"`
}

// History is how far back a judgement looks: the weeks before, the day from which growth since
// then is told, and the longest window.
func (d Declared) History() time.Duration {
	return time.Duration(d.Weeks)*week + day + longest + smooth
}

// The parameters. They were chosen on the simulation, whose table says what they cost.
const (
	// Sigmas is how many standard deviations beyond the declared multiple count.
	Sigmas = 3.5
	// Visits is how much more executions scatter than if each came by itself: who comes once
	// tends to run the agent a few times.
	Visits = 3
	// Wobble is how much of itself an hour differs from the same hour of another week when
	// nothing is wrong, however large the lane.
	Wobble = 0.1
	// Quiet is how much of its average a lane may do at any hour: one that sleeps at night is
	// not held to nothing.
	Quiet = 0.25
	// ToAlert and ToThrottle are how many executions a window needs: fewer are one user's.
	ToAlert, ToThrottle = 10, 20
	// MostGrowth is how much of a rise over the last day is taken for growth.
	MostGrowth = 2
	// ToMean and ToCompare are how many executions make a mean, and one to compare it with.
	ToMean, ToCompare = 5, 20
)

// The windows that end now. The long one sees what a small lane cannot show in an hour; it
// does not throttle, because it would hold a lane for hours after a burst.
var windows = []time.Duration{10 * time.Minute, time.Hour, longest}

const (
	longest  = 6 * time.Hour
	throttle = time.Hour // the longest window that throttles
	smooth   = time.Hour // on either side of a window before
	day      = 24 * time.Hour
	week     = 7 * day
)

// Level is what a judgement comes to.
type Level string

// The levels. Learning is a lane of which too little is known.
const (
	Learning Level = "learning"
	OK       Level = "ok"
	Alert    Level = "alert"
	Throttle Level = "throttle"
)

var levels = []Level{Learning, OK, Alert, Throttle}

// Number is the level as a metric: 0, 1 for an alert, 2 for a throttle.
func (l Level) Number() int { return max(0, slices.Index(levels, l)-1) }

func (l Level) above(m Level) bool { return slices.Index(levels, l) > slices.Index(levels, m) }

// Measured is what one measure is of.
type Measured string

// The measures.
const (
	Calls        Measured = "calls"
	PerExecution Measured = "calls per execution"
)

// Measure is one comparison.
type Measure struct {
	Of       Measured
	Over     time.Duration // a window that ends now
	Version  string        // of [PerExecution]
	Seen     float64
	Expected float64
	Limit    float64 // above which it alerts, or where Level is [Throttle], throttles
	Level    Level   // [OK], [Alert] or [Throttle]
}

// Verdict is a judgement of one lane and everything it rests on.
type Verdict struct {
	Lane     terms.Lane
	Level    Level
	Measures []Measure
}

// Why is the verdict in one sentence, for an operator.
func (v Verdict) Why() string {
	says := []string{v.Lane.String() + ": " + string(v.Level)}
	for _, m := range v.Measures {
		if m.Level != v.Level || m.Level == OK {
			continue
		}
		of := ""
		if m.Version != "" {
			of = " of version " + m.Version
		}
		says = append(says, fmt.Sprintf("%.4g %s%s in %s, where %.4g are usual and more than %.4g are too many", m.Seen, m.Of, of, long(m.Over), m.Expected, m.Limit))
	}
	return strings.Join(says, "; ")
}

func long(d time.Duration) string {
	if d < time.Hour {
		return fmt.Sprint(int(d.Minutes()), " minutes")
	}
	return fmt.Sprint(int(d.Hours()), " h")
}

// Judge compares what a lane did in the windows before now with what its agent's history says
// is usual. share is the part of the agent's users that the lane is declared to serve, 0 to 1:
// at least that part of the agent's traffic is expected of it, so that a lane younger than its
// agent is judged too. history is the agent's buckets in any order, and those after now are not looked at.
//
// More traffic in a window never lowers what is said of its calls; a lane of which nothing is
// known is [Learning]; nothing throttles that is not declared to.
func Judge(now time.Time, lane terms.Lane, share float64, d Declared, history []Bucket) Verdict {
	return newSeries(history).judge(now, lane, share, d)
}

func (s *series) judge(now time.Time, lane terms.Lane, share float64, d Declared) Verdict {
	c := s.at(now, lane, share, d)
	v := Verdict{Lane: lane, Level: Learning}
	for _, over := range windows {
		if m, known := c.calls(over); known {
			v.Measures = append(v.Measures, m)
		}
		v.Measures = append(v.Measures, c.perExecution(over)...)
	}
	for _, m := range v.Measures {
		if m.Level.above(v.Level) {
			v.Level = m.Level
		}
	}
	return v
}

// expected is an estimate: of what, and its variance.
type expected struct{ mean, variance float64 }

func (e expected) times(f float64) expected { return expected{e.mean * f, e.variance * f * f} }

// larger is the one that expects more; the zero expected is none.
func larger(a, b expected) expected {
	if b.mean > a.mean || a == (expected{}) {
		return b
	}
	return a
}

// limit is a multiple of what is expected and the scatter on top: of what is seen, if it were
// that multiple (scatter is variance over mean), and of the estimate.
func (e expected) limit(multiple, scatter float64) float64 {
	m := e.times(multiple)
	return m.mean + Sigmas*math.Sqrt(m.mean*scatter+m.variance+m.mean*m.mean*Wobble*Wobble)
}

// calls judges the calls of the lane in a window.
func (c court) calls(over time.Duration) (Measure, bool) {
	usual, peak, known := c.usual(over)
	if !known {
		return Measure{}, false
	}
	seen, scatter := c.lane.sum(c.now-steps(over), c.now), c.scatter
	m := Measure{Of: Calls, Over: over, Seen: seen.calls, Expected: usual.mean, Limit: usual.limit(c.AlertAbove, scatter), Level: OK}
	if c.AlertAbove > 0 && seen.calls > m.Limit && seen.executions >= ToAlert {
		m.Level = Alert
	}
	if high := peak.limit(c.ThrottleAbove, scatter); c.ThrottleAbove > 0 && c.aWeek() && over <= throttle && seen.calls > max(high, m.Limit) && seen.executions >= ToThrottle {
		m.Limit, m.Level = max(high, m.Limit), Throttle
	}
	return m, true
}

// perExecution judges each version that ran in the lane in a window.
func (c court) perExecution(over time.Duration) []Measure {
	var out []Measure
	for _, version := range c.versions() {
		own := c.of(c.self, version)
		seen := own.sum(c.now-steps(over), c.now)
		before := c.before(version)
		if seen.executions < ToMean || before.executions < ToCompare {
			continue
		}
		mean := before.calls / before.executions
		one := max(before.squares/before.executions-mean*mean, mean, 1) // of one execution; calls scatter at least as if by chance
		usual := expected{mean, one / before.executions}
		m := Measure{Of: PerExecution, Over: over, Version: version, Seen: seen.calls / seen.executions, Expected: mean, Level: OK}
		bound := func(multiple float64) float64 {
			u := usual.times(multiple)
			return u.mean + Sigmas*math.Sqrt(one*multiple*multiple/seen.executions+u.variance)
		}
		if m.Limit = bound(c.AlertAbove); c.AlertAbove > 0 && m.Seen > m.Limit {
			m.Level = Alert
		}
		if high := bound(c.ThrottleAbove); c.ThrottleAbove > 0 && over <= throttle && m.Seen > high && seen.executions >= ToThrottle {
			m.Limit, m.Level = high, Throttle
		}
		out = append(out, m)
	}
	return out
}
