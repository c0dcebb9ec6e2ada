package anomaly

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"remit/terms"
)

// Traffic as it might be, by seed. A lane's day has a working shape and a quiet night, its
// week a quiet end; every day and every hour is a little more or less than it should be
// (log-normal, 10 % each); users come by chance, run an agent one or more times within half
// an hour (two on average), and each calls tools in a way of their own, six times per
// execution on average and at most twenty, which is the cap.
const (
	runsPerVisit = 2
	callsPerRun  = 6
	capPerRun    = 20
	perDay       = int(day / Step)
	perWeek      = int(week / Step)
	weeks        = 8
)

var (
	epoch  = time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC) // a Monday
	stable = terms.Lane{Platform: "p", Environment: "e", Agent: "a", Name: "stable"}
	canary = terms.Lane{Platform: "p", Environment: "e", Agent: "a", Name: "canary"}
	judged = Declared{Weeks: 1, AlertAbove: 1.5, ThrottleAbove: 10}
)

// scenario is something that happens to a lane and is no anomaly.
type scenario struct {
	name    string
	from    int                        // the first week that is judged
	level   func(step int) float64     // times what it would be
	shift   func(step int) int         // steps by which the clock is off
	version func(step int) string      // of stable
	canary  func(step int) (share int) // percent
	known   Declared
}

func since(weekOf int, f float64) func(int) float64 {
	return func(step int) float64 {
		if step >= weekOf*perWeek {
			return f
		}
		return 1
	}
}

func scenarios() []scenario {
	holiday := func(step int) float64 {
		if d := step / perDay; d == 4*7+3 { // a Thursday
			return 0.15
		}
		return 1
	}
	fortnight := judged
	fortnight.Weeks = 2
	return []scenario{
		{name: "ordinary weeks", from: 2},
		{name: "growth of 5 % a week", from: 2, level: func(step int) float64 { return math.Pow(1.05, float64(step)/float64(perWeek)) }},
		{name: "a launch: 1.4 times, to stay", from: 2, level: since(4, 1.4)},
		{name: "a launch: 3 times, which should alert", from: 2, level: since(4, 3)},
		{name: "a holiday", from: 2, level: holiday},
		{name: "a holiday, baseline 14d", from: 3, level: holiday, known: fortnight},
		{name: "clocks change by an hour", from: 2, shift: func(step int) int {
			if step >= 4*perWeek+6*perDay {
				return int(time.Hour / Step)
			}
			return 0
		}},
		{name: "a new version in place", from: 2, version: func(step int) string { return fmt.Sprint("v", step/(3*perWeek/2)) }},
		{name: "a canary of 5 %", from: 2, canary: func(step int) int {
			if step >= 4*perWeek+10*12 {
				return 5
			}
			return 0
		}},
		{name: "the first week of an agent", from: 0},
	}
}

// size is executions in an hour of the working day.
var sizes = []int{2, 60, 600}

// shape is how much of its peak a lane does at a step of the week.
func shape(step int) float64 {
	hour, weekday := float64(step%perDay)/12, (step/perDay)%7
	at := 0.03 + 0.97*math.Exp(-math.Pow((hour-13)/4.2, 4)) // 9 to 17, with soft edges
	return at * []float64{1, 1.05, 1.05, 1, 0.9, 0.3, 0.2}[weekday]
}

type world struct {
	random *rand.Rand
	days   []float64
	hours  []float64
	peak   float64
	scenario
}

func newWorld(seed uint64, size int, s scenario) *world {
	w := &world{random: rand.New(rand.NewPCG(seed, uint64(size))), peak: float64(size), scenario: s}
	for range weeks*7 + 1 {
		w.days = append(w.days, w.wobble())
	}
	for range weeks*7*24 + 24 {
		w.hours = append(w.hours, w.wobble())
	}
	return w
}

func (w *world) wobble() float64 { return math.Exp(0.1*w.random.NormFloat64() - 0.005) }

// rate is the executions expected in a step.
func (w *world) rate(step int) float64 {
	at := step
	if w.shift != nil {
		at += w.shift(step)
	}
	out := w.peak / 12 * shape(at) * w.days[step/perDay] * w.hours[step/12]
	if w.level != nil {
		out *= w.level(step)
	}
	return out
}

func (w *world) poisson(mean float64) int {
	if mean > 30 {
		return max(0, int(math.Round(mean+math.Sqrt(mean)*w.random.NormFloat64())))
	}
	n, p, limit := 0, 1.0, math.Exp(-mean)
	for {
		if p *= w.random.Float64(); p <= limit {
			return n
		}
		n++
	}
}

// tally is executions, calls and squares.
type tally [3]int64

func (t *tally) run(calls int) {
	t[0]++
	t[1] += int64(calls)
	t[2] += int64(calls * calls)
}

type traffic map[runs][]tally

// visits has users come in a step, each on the lane and version that serve them.
func (w *world) visits(into traffic, step int, mean float64) {
	for range w.poisson(mean / runsPerVisit) {
		k := runs{stable, "v0"}
		if w.version != nil {
			k.version = w.version(step)
		}
		if w.canary != nil && w.random.IntN(100) < w.canary(step) {
			k = runs{canary, "v1"}
		}
		own := callsPerRun * math.Exp(0.4*w.random.NormFloat64()-0.08) // a user's own way
		for n := 0; n == 0 || w.random.IntN(runsPerVisit) > 0; n++ {
			at := step + w.random.IntN(7)
			if all := into.of(k); at < len(all) {
				all[at].run(min(capPerRun, 1+w.poisson(max(0.2, own-1))))
			}
		}
	}
}

func (t traffic) of(k runs) []tally {
	if t[k] == nil {
		t[k] = make([]tally, weeks*perWeek)
	}
	return t[k]
}

func (w *world) ordinary() traffic {
	out := traffic{}
	for step := range weeks * perWeek {
		w.visits(out, step, w.rate(step))
	}
	return out
}

func (t traffic) series() *series {
	var out []Bucket
	for k, all := range t {
		for step, c := range all {
			if c[0] > 0 {
				out = append(out, Bucket{Start: epoch.Add(time.Duration(step) * Step), Lane: k.lane, Version: k.version, Executions: c[0], Calls: c[1], Squares: c[2]})
			}
		}
	}
	out = append(out, Bucket{Start: epoch, Lane: stable}, Bucket{Start: epoch.Add((weeks*7 + 1) * day), Lane: stable}) // one origin and length for all
	return newSeries(out)
}

func at(step int) time.Time { return epoch.Add(time.Duration(step) * Step) }

// episodes is how often a lane's level rose to an alert and to a throttle; what comes back
// within an hour is the same one.
type episodes struct {
	alerts, throttles int
	weeks             float64
}

func (w *world) episodes(s *series, lane terms.Lane, share func(int) float64) (e episodes) {
	d, until := w.declared(), weeks*perWeek
	if w.from == 0 {
		until = perWeek
	}
	alert, throttle := -perDay, -perDay // when it last was one
	for step := w.from * perWeek; step < until; step++ {
		l := s.judge(at(step), lane, share(step), d).Level
		if l == Alert || l == Throttle {
			if step-alert > 12 {
				e.alerts++
			}
			alert = step
		}
		if l == Throttle {
			if step-throttle > 12 {
				e.throttles++
			}
			throttle = step
		}
	}
	e.weeks = float64(until-w.from*perWeek) / float64(perWeek)
	return e
}

func (w *world) declared() Declared {
	if w.known.Weeks == 0 {
		return judged
	}
	return w.known
}

func (e episodes) plus(f episodes) episodes {
	return episodes{e.alerts + f.alerts, e.throttles + f.throttles, e.weeks + f.weeks}
}

// quiet is the false alarms of a scenario over some seeds.
func quiet(s scenario, size, seeds int) episodes {
	var all episodes
	for seed := range seeds {
		w := newWorld(uint64(seed), size, s)
		h := w.ordinary().series()
		whole := func(int) float64 { return 1 }
		if s.canary == nil {
			all = all.plus(w.episodes(h, stable, whole))
			continue
		}
		all = all.plus(w.episodes(h, stable, func(step int) float64 { return 1 - float64(s.canary(step))/100 }))
		all = all.plus(w.episodes(h, canary, func(step int) float64 { return float64(s.canary(step)) / 100 }))
	}
	return all
}

// attack is something that should be caught.
type attack struct {
	name   string
	more   float64 // executions beyond the ordinary, in multiples of it
	capped bool    // each makes as many calls as it may
	level  Level   // that catches it
}

var attacks = []attack{
	{"2 times the executions", 1, false, Alert},
	{"10 times the executions", 9, false, Alert},
	{"runaway: 20 calls each instead of 6", 0, true, Alert},
	{"30 times the executions, until throttled", 29, false, Throttle},
}

// caught is minutes from when an attack began until each was caught, in order; those not
// caught within a day are missing.
type caught struct {
	minutes []int
	tried   int
}

// catches begins attacks at times over the last weeks, by day on weekdays or at any hour.
func catches(a attack, size, seeds, each int, working bool) (out caught) {
	for seed := range seeds {
		w := newWorld(uint64(seed), size, scenario{})
		calm := w.ordinary()
		for range each {
			start := 3*perWeek + w.random.IntN(4*perWeek)
			for working && ((start/perDay)%7 > 4 || start%perDay < 9*12 || start%perDay >= 16*12) {
				start = 3*perWeek + w.random.IntN(4*perWeek)
			}
			out.tried++
			if m, ok := w.catch(calm, a, start); ok {
				out.minutes = append(out.minutes, m)
			}
		}
	}
	slices.Sort(out.minutes)
	return out
}

// catch plays one attack for a day over what would have been.
func (w *world) catch(calm traffic, a attack, start int) (int, bool) {
	mixed := traffic{}
	for k, all := range calm {
		mixed[k] = slices.Clone(all[:start+perDay])
		for step := start; a.capped && step < start+perDay; step++ {
			n := all[step][0]
			mixed[k][step] = tally{n, n * capPerRun, n * capPerRun * capPerRun}
		}
	}
	for step := start; step < start+perDay; step++ {
		w.visits(mixed, step, w.rate(step)*a.more)
	}
	s := mixed.series()
	for step := start + 1; step < start+perDay; step++ {
		if l := s.judge(at(step), stable, 1, judged).Level; l == a.level || l == Throttle {
			return (step - start) * int(Step/time.Minute), true
		}
	}
	return 0, false
}

func (c caught) text() string {
	if len(c.minutes) == 0 {
		return fmt.Sprintf("%3d %%      -      -", 0)
	}
	share := 100 * len(c.minutes) / c.tried
	after := func(p int) string {
		if i := (c.tried*p + 99) / 100; i <= len(c.minutes) {
			return fmt.Sprint(c.minutes[i-1])
		}
		return "-"
	}
	return fmt.Sprintf("%3d %% %6s %6s", share, after(50), after(95))
}

// cells computes what a table shows, in order, on every core.
func cells[T any](of []func() T) []T {
	out, next, wait := make([]T, len(of)), atomic.Int64{}, sync.WaitGroup{}
	for range runtime.NumCPU() {
		wait.Go(func() {
			for n := int(next.Add(1)) - 1; n < len(of); n = int(next.Add(1)) - 1 {
				out[n] = of[n]()
			}
		})
	}
	wait.Wait()
	return out
}

// table is the operating point, measured: with so many seeds for each row, and so many
// beginnings of each attack in each.
func table(seeds, each int) string {
	var out strings.Builder
	fmt.Fprintf(&out, "# made by: go test ./anomaly -run OperatingPoint -update      %d seeds of %d weeks\n", seeds, weeks)
	fmt.Fprintf(&out, "# alert_above 150%%, throttle_above 1000%%, baseline 7d; %v standard deviations; judged every 5 minutes\n", Sigmas)
	quietRows(&out, seeds)
	attackRows(&out, "it begins in working hours", seeds, each, true)
	attackRows(&out, "it begins at any hour of the week", seeds, each, false)
	return out.String()
}

func quietRows(out *strings.Builder, seeds int) {
	var of []func() episodes
	for _, s := range scenarios() {
		for _, size := range sizes {
			of = append(of, func() episodes { return quiet(s, size, seeds) })
		}
	}
	all := cells(of)
	fmt.Fprintf(out, "\n%-42s %-27s %s\n%-42s", "nothing is wrong", "alerts a week, per lane", "throttles a year, per lane", "executions in an hour of the working day")
	for range 2 {
		for _, size := range sizes {
			fmt.Fprintf(out, " %7d", size)
		}
		out.WriteString("    ")
	}
	for n, s := range scenarios() {
		fmt.Fprintf(out, "\n%-42s", s.name)
		row := all[n*len(sizes):][:len(sizes)]
		for _, e := range row {
			fmt.Fprintf(out, " %7.2f", float64(e.alerts)/e.weeks)
		}
		out.WriteString("    ")
		for _, e := range row {
			fmt.Fprintf(out, " %7.1f", float64(e.throttles)/e.weeks*52)
		}
	}
	out.WriteString("\n")
}

func attackRows(out *strings.Builder, when string, seeds, each int, working bool) {
	var of []func() caught
	for _, a := range attacks {
		for _, size := range sizes {
			of = append(of, func() caught { return catches(a, size, seeds, each, working) })
		}
	}
	all := cells(of)
	fmt.Fprintf(out, "\n%-42s", when)
	for _, size := range sizes {
		fmt.Fprintf(out, " %-22s", fmt.Sprint(size, " an hour"))
	}
	fmt.Fprintf(out, "\n%-42s", "caught within a day; minutes, half and 95 %")
	for range sizes {
		fmt.Fprintf(out, " %-22s", "caught   half   95 %")
	}
	for n, a := range attacks {
		fmt.Fprintf(out, "\n%-42s", a.name)
		for _, c := range all[n*len(sizes):][:len(sizes)] {
			fmt.Fprintf(out, " %-22s", c.text())
		}
	}
	out.WriteString("\n")
}
