package anomaly

import (
	"flag"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"remit/terms"
)

var update = flag.Bool("update", false, "measure the operating point anew, with many seeds: minutes")

// TestTheOperatingPointIsWhatWasMeasured plays a few seeds of the table: what changes how
// lanes are judged changes it. The one with many seeds is what people read.
func TestTheOperatingPointIsWhatWasMeasured(t *testing.T) {
	got := table(2, 4)
	if *update {
		for path, text := range map[string]string{"testdata/operating-point.txt": table(24, 8), "testdata/few-seeds.txt": got} {
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	want, err := os.ReadFile("testdata/few-seeds.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("lanes are judged otherwise than when the operating point was measured; measure it anew with -update\ngot\n%s\nwant\n%s", got, want)
	}
}

func TestTheReadmeQuotesWhatWasMeasured(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	table, err := os.ReadFile("testdata/operating-point.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, quoted, found := strings.Cut(string(readme), "\n```\nnothing is wrong")
	quoted, _, closed := strings.Cut("nothing is wrong"+quoted, "\n```")
	if !found || !closed {
		t.Fatal("the README quotes no operating point")
	}
	for line := range strings.SplitSeq(quoted, "\n") {
		if !strings.Contains(string(table), line) {
			t.Errorf("the README says what was not measured: %s", line)
		}
	}
}

// past is an agent's ordinary fortnight of one lane and version: so many executions a step,
// of so many calls.
func past(days int, executions, calls int64) []Bucket {
	var out []Bucket
	for step := range days * perDay {
		out = append(out, ran(step, stable, "v1", executions, calls))
	}
	return out
}

func ran(step int, lane terms.Lane, version string, executions, calls int64) Bucket {
	return Bucket{Start: at(step), Lane: lane, Version: version, Executions: executions, Calls: executions * calls, Squares: executions * calls * calls}
}

// lately is the same past with what the last hour was instead.
func lately(days int, executions, calls, nowExecutions, nowCalls int64) (time.Time, []Bucket) {
	h := past(days, executions, calls)
	for n := len(h) - 12; n < len(h); n++ {
		h[n] = ran(n, stable, "v1", nowExecutions, nowCalls)
	}
	return at(len(h)), h
}

func TestALaneIsHeldToWhatItDidAWeekBefore(t *testing.T) {
	for name, c := range map[string]struct {
		executions, calls int64 // each five minutes of the last hour, where 10 of 6 are usual
		want              Level
	}{
		"as ever":                         {10, 6, OK},
		"half as many":                    {5, 6, OK},
		"nothing at all":                  {0, 6, OK},
		"a little more":                   {12, 6, OK},
		"three times as many":             {30, 6, Alert},
		"three times the calls for each":  {10, 18, Alert},
		"thirty times as many":            {300, 6, Throttle},
		"fifteen times the calls of each": {10, 90, Throttle},
	} {
		now, h := lately(9, 10, 6, c.executions, c.calls)
		if v := Judge(now, stable, 1, judged, h); v.Level != c.want {
			t.Errorf("%s is %s, want %s: %s", name, v.Level, c.want, v.Why())
		}
	}
}

func TestAVerdictSaysWhatWasSeenAndWhatIsUsual(t *testing.T) {
	now, h := lately(9, 10, 6, 30, 6)
	v := Judge(now, stable, 1, judged, h)
	if got, want := v.Why(), "p.e.a.stable: alert; 2160 calls in 1 h, where 720 are usual and more than 1787 are too many"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if v := Judge(now.Add(-time.Hour), stable, 1, judged, h); v.Why() != "p.e.a.stable: ok" {
		t.Errorf("an ordinary hour is told as %q", v.Why())
	}
}

func TestNothingThrottlesThatIsNotDeclaredTo(t *testing.T) {
	now, h := lately(9, 10, 6, 3000, 60)
	only := judged
	only.ThrottleAbove = 0
	for d, want := range map[Declared]Level{judged: Throttle, only: Alert, {Weeks: 1}: OK} {
		if got := Judge(now, stable, 1, d, h).Level; got != want {
			t.Errorf("declared %+v, three hundred times the usual is %s, want %s", d, got, want)
		}
	}
}

func TestALaneOfWhichNothingIsKnownIsLearning(t *testing.T) {
	if v := Judge(at(perDay), stable, 1, judged, nil); !reflect.DeepEqual(v, Verdict{Lane: stable, Level: Learning}) {
		t.Errorf("a history of nothing is %+v", v)
	}
	now, h := lately(1, 10, 6, 3000, 6)
	if v := Judge(now, stable, 1, judged, h); v.Level != Learning {
		t.Errorf("a lane of one day is %s", v.Level)
	}
	now, h = lately(5, 10, 6, 3000, 6)
	if v := Judge(now, stable, 1, judged, h); v.Level != Alert {
		t.Errorf("in its first week a lane alerts and does not throttle: the days that are known may be the quiet ones. It is %s", v.Level)
	}
}

func TestANewLaneIsExpectedItsShareOfItsAgent(t *testing.T) {
	h := past(9, 100, 6)
	for n := range h[len(h)-12:] {
		n += 9*perDay - 12
		h[n].Executions, h[n].Calls, h[n].Squares = 50, 300, 1800
		h = append(h, ran(n, canary, "v2", 50, 6))
	}
	now := at(9 * perDay)
	for share, want := range map[float64]Level{0.5: OK, 0.05: Alert, 0.01: Throttle} {
		if v := Judge(now, canary, share, judged, h); v.Level != want {
			t.Errorf("a canary declared to serve %v that serves half is %s, want %s: %s", share, v.Level, want, v.Why())
		}
	}
	if v := Judge(now, canary, 0, judged, h); v.Level != OK {
		t.Errorf("of a lane without a share only its calls per execution are known, and it is %s", v.Level)
	}
}

func TestAVersionIsComparedWithItsPredecessor(t *testing.T) {
	for name, c := range map[string]struct {
		calls int64
		ago   int // days since it began
		want  Level
	}{
		"one that calls alike":                      {6, 1, OK},
		"one that calls twice as much":              {12, 1, Alert},
		"one that did so for days":                  {12, 5, Alert},
		"one whose predecessor is forgotten":        {12, 10, OK},
		"one that calls twenty times as much":       {120, 1, Throttle},
		"one that began an hour ago, of few so far": {12, 0, Alert},
	} {
		h := past(20-c.ago, 2, 6)
		for step := len(h) - 12; step < 20*perDay; step++ {
			h = append(h, ran(step, stable, "v2", 2, c.calls))
		}
		per := Level(OK)
		for _, m := range Judge(at(20*perDay), stable, 1, judged, h).Measures {
			if m.Of == PerExecution && m.Level.above(per) {
				per = m.Level
			}
		}
		if per != c.want {
			t.Errorf("%s is %s, want %s", name, per, c.want)
		}
	}
}

// drawn is a history of some weeks by chance.
func drawn(t *rapid.T) []Bucket {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	days, gap, most, per := rapid.IntRange(0, 16).Draw(t, "days"), rapid.IntRange(1, 40).Draw(t, "gap"), rapid.Int64Range(1, 40).Draw(t, "most"), rapid.Int64Range(1, 20).Draw(t, "calls")
	lanes, versions := []terms.Lane{stable, stable, canary}, []string{"v1", "v1", "v2"}
	var out []Bucket
	for step := 0; step < days*perDay; step += 1 + r.IntN(gap) {
		out = append(out, ran(step, lanes[r.IntN(3)], versions[r.IntN(3)], r.Int64N(most+1), r.Int64N(per+1)))
	}
	return out
}

func nowOf(h []Bucket) int {
	if len(h) == 0 {
		return 0
	}
	return steps(h[len(h)-1].Start.Sub(epoch)) + 1
}

func callsLevel(v Verdict) Level { return highest(v, "") }

// highest is the level that the calls of the lane, and those of a version's executions, come to.
func highest(v Verdict, version string) Level {
	out := Learning
	for _, m := range v.Measures {
		if (m.Of == Calls || m.Version == version) && m.Level.above(out) {
			out = m.Level
		}
	}
	return out
}

func TestMoreTrafficNeverLowersWhatIsSaidOfIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawn(t)
		now, share := nowOf(h), rapid.Float64Range(0, 1).Draw(t, "share")
		before := Judge(at(now), stable, share, judged, h)
		more := ran(now-1-rapid.IntRange(0, steps(longest)-1).Draw(t, "ago"), stable, "v1", rapid.Int64Range(0, 5000).Draw(t, "executions"), rapid.Int64Range(0, 20).Draw(t, "calls"))
		after := Judge(at(now), stable, share, judged, append(h, more))
		if callsLevel(before).above(callsLevel(after)) {
			t.Fatalf("with %+v more, calls went from %s to %s", more, callsLevel(before), callsLevel(after))
		}
	})
}

func TestMoreCallsOfTheSameExecutionsNeverLowerALevel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawn(t)
		now := nowOf(h)
		before := Judge(at(now), stable, 1, judged, h)
		more, by := slices.Clone(h), rapid.Int64Range(0, 20).Draw(t, "by")
		for n, b := range more {
			if !b.Start.Before(at(now).Add(-longest)) && b.Executions > 0 && b.Version == "v1" { // what others are compared with may rise
				more[n] = ran(steps(b.Start.Sub(epoch)), b.Lane, b.Version, b.Executions, b.Calls/b.Executions+by)
			}
		}
		if after := Judge(at(now), stable, 1, judged, more); highest(before, "v1").above(highest(after, "v1")) {
			t.Fatalf("went from %s to %s", before.Why(), after.Why())
		}
	})
}

// TestAJudgementDoesNotDependOnWhen: neither the hour that the clock of a time zone shows, nor
// what is too old, nor what has not happened yet.
func TestAJudgementDoesNotDependOnWhen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawn(t)
		now := nowOf(h)
		want := Judge(at(now), stable, 0.9, judged, h)
		by := time.Duration(rapid.IntRange(-2000, 2000).Draw(t, "by")) * Step
		var moved []Bucket
		for _, b := range h {
			b.Start = b.Start.Add(by).In(time.FixedZone("there", 3600))
			moved = append(moved, b)
		}
		if got := Judge(at(now).Add(by), stable, 0.9, judged, moved); !reflect.DeepEqual(got, want) {
			t.Fatalf("%v later\n got %+v\nwant %+v", by, got, want)
		}
		later := append(slices.Clone(h), ran(now+rapid.IntRange(0, 3000).Draw(t, "ahead"), stable, "v1", 1000, 20), ran(now-steps(judged.History())-1-rapid.IntRange(0, 300).Draw(t, "back"), stable, "v3", 1000, 20))
		if got := Judge(at(now), stable, 0.9, judged, later); !reflect.DeepEqual(got, want) {
			t.Fatalf("with what has not happened yet, and what is forgotten\n got %+v\nwant %+v", got, want)
		}
	})
}

// TestALargerLaneIsHeldToNoMore: what alerts alerts when everything is so many times as much.
func TestALargerLaneIsHeldToNoMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, times := drawn(t), rapid.Int64Range(1, 9).Draw(t, "times")
		now := nowOf(h)
		var larger []Bucket
		for _, b := range h {
			b.Executions, b.Calls, b.Squares = b.Executions*times, b.Calls*times, b.Squares*times
			larger = append(larger, b)
		}
		small, large := Judge(at(now), stable, 1, judged, h), Judge(at(now), stable, 1, judged, larger)
		if small.Level.above(large.Level) {
			t.Fatalf("%s; %d times as much: %s", small.Why(), times, large.Why())
		}
	})
}

func TestAThrottleIsAlwaysBeyondWhatAlerts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawn(t)
		only := judged
		only.ThrottleAbove = 0
		v, w := Judge(at(nowOf(h)), stable, 1, judged, h), Judge(at(nowOf(h)), stable, 1, only, h)
		if v.Level == Throttle && w.Level != Alert || w.Level == Throttle {
			t.Fatalf("%s, and with nothing declared to throttle %s", v.Why(), w.Why())
		}
	})
}
