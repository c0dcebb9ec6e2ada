package anomaly

import (
	"maps"
	"slices"
	"sort"
	"time"

	"remit/terms"
)

// counts is a sum of buckets.
type counts struct{ executions, calls, squares float64 }

func (a counts) plus(b counts) counts {
	return counts{a.executions + b.executions, a.calls + b.calls, a.squares + b.squares}
}

func (a counts) minus(b counts) counts {
	return counts{a.executions - b.executions, a.calls - b.calls, a.squares - b.squares}
}

// line is sums from the beginning of a series up to each step, so that a window is one
// subtraction. Steps are counted from the series' first; those outside of it are empty.
type line []counts

func (l line) upTo(step int) counts {
	if len(l) == 0 {
		return counts{}
	}
	return l[min(max(step, 0), len(l)-1)]
}

// sum is from one step up to, and without, another.
func (l line) sum(from, to int) counts { return l.upTo(to).minus(l.upTo(from)) }

// first is the first step at or after from in which something ran, and whether one before to
// is that.
func (l line) first(from, to int) (int, bool) {
	had := l.upTo(from).executions
	step := from + sort.Search(max(0, to-from), func(n int) bool { return l.upTo(from+n+1).executions > had })
	return step, step < to
}

type runs struct {
	lane    terms.Lane
	version string
}

// series is the history of an agent: a line for each version of each lane, and their sums.
type series struct {
	origin   time.Time
	length   int
	versions map[runs]line
	lanes    map[terms.Lane]line
	agent    line
}

func newSeries(history []Bucket) *series {
	s := &series{versions: map[runs]line{}, lanes: map[terms.Lane]line{}}
	for _, b := range history {
		if s.origin.IsZero() || b.Start.Before(s.origin) {
			s.origin = b.Start.Truncate(Step)
		}
	}
	for _, b := range history {
		s.length = max(s.length, s.step(b.Start)+1)
	}
	for _, b := range history {
		k, at, c := runs{b.Lane, b.Version}, s.step(b.Start)+1, counts{float64(b.Executions), float64(b.Calls), float64(b.Squares)}
		if s.versions[k] == nil {
			s.versions[k] = make(line, s.length+1)
		}
		if s.lanes[b.Lane] == nil {
			s.lanes[b.Lane] = make(line, s.length+1)
		}
		if s.agent == nil {
			s.agent = make(line, s.length+1)
		}
		for _, l := range []line{s.versions[k], s.lanes[b.Lane], s.agent} {
			l[at] = l[at].plus(c)
		}
	}
	s.add()
	return s
}

// add turns what each step holds into what all up to it hold.
func (s *series) add() {
	for _, l := range slices.Concat(slices.Collect(maps.Values(s.versions)), slices.Collect(maps.Values(s.lanes)), []line{s.agent}) {
		for n := 1; n < len(l); n++ {
			l[n] = l[n].plus(l[n-1])
		}
	}
}

func (s *series) step(t time.Time) int { return steps(t.Truncate(Step).Sub(s.origin)) }

func steps(d time.Duration) int { return int(d / Step) }

// court is a series seen from one moment, for one lane. Steps before from are forgotten.
type court struct {
	Declared
	*series
	self        terms.Lane
	lane, whole trail // of the lane, and of its agent
	share       float64
	now, from   int     // steps
	scatter     float64 // variance of a count of calls over its mean
	perRun      float64 // calls
}

// trail is what a line did so far: since when, and how much in a step on average.
type trail struct {
	line
	began   int
	average float64 // calls, over the week before the windows
}

func (s *series) at(now time.Time, lane terms.Lane, share float64, d Declared) court {
	c := court{Declared: d, series: s, self: lane, share: share, now: s.step(now), scatter: 1, perRun: 1}
	c.from = c.now - steps(d.History())
	c.lane, c.whole = c.trail(s.lanes[lane]), c.trail(s.agent)
	if before := s.agent.sum(c.from, c.now-steps(longest)); before.calls > 0 {
		c.scatter, c.perRun = Visits*before.squares/before.calls, before.calls/before.executions
	}
	return c
}

func (c court) trail(l line) trail {
	began, _ := l.first(c.from, c.now)
	to := c.now - steps(longest)
	from := max(to-steps(week), began)
	return trail{l, began, l.sum(from, to).calls / float64(max(1, to-from))}
}

// aWeek reports whether the agent has run for a week: until then the days that are known may
// be the quiet ones, and nothing throttles.
func (c court) aWeek() bool { return c.now-c.whole.began >= steps(week) }

// usual is what the lane is expected to call in a window of this length that ends now: the
// larger of what its own past says and of its share of its agent's. peak is the largest of the
// same windows of the days of a week: what a throttle compares with.
func (c court) usual(over time.Duration) (usual, peak expected, known bool) {
	usual, peak, known = c.past(c.lane, over)
	ofAgent, agentPeak, has := c.past(c.whole, over)
	if !has || c.share <= 0 {
		return usual, peak, known
	}
	return larger(usual, ofAgent.times(c.share)), larger(peak, agentPeak.times(c.share)), true
}

// past is what a trail says of a window: the same window of each week of the baseline, raised
// by what the trail has grown since, and the largest of them; in its first week, the largest
// of the same windows of the days there are.
func (c court) past(t trail, over time.Duration) (usual, peak expected, known bool) {
	for ago := week; ago <= time.Duration(c.Weeks)*week; ago += week {
		if e, has := c.window(t, over, ago); has {
			usual, known = larger(usual, e.times(c.growth(t, ago))), true
		}
	}
	peak = usual
	for ago := day; ago < week; ago += day {
		if e, has := c.window(t, over, ago); has {
			peak = larger(peak, e)
		}
	}
	if known {
		return usual, peak, true
	}
	return peak, peak, peak != expected{}
}

// window is what was done in a window some time ago, with an hour more on either side, for the
// window alone; and at the least [Quiet] of the average. One execution more than was counted
// is taken for the scatter of the estimate: a window in which nothing ran is not known for
// certain.
func (c court) window(t trail, over, ago time.Duration) (expected, bool) {
	to := c.now - steps(ago) + steps(smooth)
	from := to - steps(over+2*smooth)
	if from < t.began {
		return expected{}, false
	}
	got, part := t.sum(from, to), float64(over)/float64(over+2*smooth)
	return expected{max(got.calls*part, Quiet*t.average*float64(steps(over))), (got.calls + c.perRun) * c.scatter * part * part}, true
}

// growth is what was done in the last day before the windows, over the same day some time ago:
// never below 1, for after a holiday the usual comes back.
func (c court) growth(t trail, ago time.Duration) float64 {
	to := c.now - steps(longest)
	from := to - steps(day)
	if from-steps(ago) < t.began {
		return 1
	}
	was := t.sum(from-steps(ago), to-steps(ago)).calls
	if was == 0 {
		return 1
	}
	return min(max(t.sum(from, to).calls/was, 1), MostGrowth)
}

func (c court) of(lane terms.Lane, version string) line {
	return c.series.versions[runs{lane, version}]
}

// versions is what ran in the lane in the longest window, in order of name.
func (c court) versions() []string {
	var out []string
	for r, l := range c.series.versions {
		if r.lane == c.self && l.sum(c.now-steps(longest), c.now).executions > 0 {
			out = append(out, r.version)
		}
	}
	slices.Sort(out)
	return out
}

// before is what a version is compared with: what ran before it first did; once that is
// forgotten, its own past but for the last day; and else the agent's other versions.
func (c court) before(version string) counts {
	began, own, others := c.now, counts{}, []line(nil)
	for r, l := range c.series.versions {
		if r.version != version {
			others = append(others, l)
			continue
		}
		first, _ := l.first(c.from, c.now)
		began = min(began, first)
		own = own.plus(l.sum(c.from, c.now-steps(day)))
	}
	if was := sumOf(others, c.from, began); was.executions >= ToCompare {
		return was
	}
	if own.executions >= ToCompare {
		return own
	}
	return sumOf(others, c.from, c.now)
}

func sumOf(lines []line, from, to int) counts {
	var out counts
	for _, l := range lines {
		out = out.plus(l.sum(from, to))
	}
	return out
}
