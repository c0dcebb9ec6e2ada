// Package watch looks every five minutes at what each lane did and compares it with the weeks
// before: it says so in metrics, alerts, and where that is declared throttles a lane. It knows
// counts and lanes; it sees no user, no call and no switch, and can stop nothing that is open.
// Start with [Watcher.Watch]; how a lane is judged is package anomaly's. The zero [Watcher]
// watches nothing.
package watch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"remit/anomaly"
	"remit/ledger"
	"remit/policy"
)

// Ledger is the counts of closed executions, their sums by the hour, and throttles; see
// package ledger.
type Ledger interface {
	Traffic(ctx context.Context, agent string, hour time.Time) ([]ledger.Ran, error)
	Hours(ctx context.Context, agent string) ([]ledger.Hour, error)
	KeepHour(ctx context.Context, agent string, h ledger.Hour, until time.Time) error
	Throttle(context.Context, ledger.Throttle) error
}

// Lanes answers the lanes that are registered now.
type Lanes interface {
	Lanes(ctx context.Context) ([]policy.Registration, error)
}

// Watcher watches one environment. All fields are required.
type Watcher struct {
	Environment string // as metrics name it
	Declared    anomaly.Declared
	Ledger      Ledger
	Lanes       Lanes
	Metrics     io.Writer              // one line of CloudWatch's embedded metric format for each lane
	Note        func(lane, why string) // for operators: a lane that is not as usual
	Now         func() time.Time
}

// Hold is how long a throttle lasts after the judgement that renewed it last.
const Hold = 15 * time.Minute

// Watched is what one run came to, as it is logged.
type Watched struct {
	Lanes     int `json:"lanes"`
	Alerts    int `json:"alerts"`
	Throttled int `json:"throttled"`
}

// Watch judges every registered lane once. A lane that cannot be judged does not keep the
// others: its error is answered with what was.
func (w *Watcher) Watch(ctx context.Context) (Watched, error) {
	if w.Ledger == nil || w.Lanes == nil || w.Metrics == nil || w.Note == nil || w.Now == nil || w.Declared.Weeks == 0 {
		return Watched{}, errors.New("watch: it is not set up")
	}
	lanes, err := w.Lanes.Lanes(ctx)
	if err != nil {
		return Watched{}, fmt.Errorf("watch: %w", err)
	}
	var all Watched
	var failed error
	for agent, of := range byAgent(lanes) {
		err := w.agent(ctx, agent, of, &all)
		failed = errors.Join(failed, err)
	}
	return all, failed
}

func byAgent(lanes []policy.Registration) map[string][]policy.Registration {
	out := map[string][]policy.Registration{}
	for _, r := range lanes {
		out[r.Lane.Agent] = append(out[r.Lane.Agent], r)
	}
	return out
}

func (w *Watcher) agent(ctx context.Context, agent string, lanes []policy.Registration, all *Watched) error {
	now := w.Now()
	past, err := w.past(ctx, agent, now)
	if err != nil {
		return fmt.Errorf("watch: %s: %w", agent, err)
	}
	slices.SortFunc(lanes, func(a, b policy.Registration) int { return cmp.Compare(a.Lane.Name, b.Lane.Name) })
	var failed error
	for _, r := range lanes {
		v := anomaly.Verdict{Lane: r.Lane, Level: anomaly.Learning}
		if past.whole {
			v = anomaly.Judge(now, r.Lane, share(r, lanes), w.Declared, past.buckets)
		}
		all.count(v.Level)
		failed = errors.Join(failed, w.tell(ctx, now, v, past.lastHour(r.Lane, now)))
	}
	return failed
}

func (w *Watched) count(l anomaly.Level) {
	w.Lanes++
	switch l {
	case anomaly.Alert:
		w.Alerts++
	case anomaly.Throttle:
		w.Throttled++
	case anomaly.Learning, anomaly.OK:
	}
}

// share is the part of its agent's users that a lane serves: one lane has none declared and
// serves the rest ([policy.Choose]).
func share(r policy.Registration, lanes []policy.Registration) float64 {
	if r.Share > 0 {
		return float64(r.Share) / 100
	}
	rest := 100
	for _, other := range lanes {
		rest -= other.Share
	}
	return float64(max(0, rest)) / 100
}

// tell throttles what is to be, writes the lane's metrics and notes what is not as usual. A
// throttle that could not be put does not keep the metrics, which are what wakes people.
func (w *Watcher) tell(ctx context.Context, now time.Time, v anomaly.Verdict, hour hour) error {
	var failed error
	if v.Level == anomaly.Throttle {
		if err := w.Ledger.Throttle(ctx, ledger.Throttle{Lane: v.Lane, Until: now.Add(Hold), Why: v.Why(), At: now}); err != nil {
			failed = fmt.Errorf("watch: %s is not throttled: %w", v.Lane, err)
		}
	}
	if v.Level == anomaly.Alert || v.Level == anomaly.Throttle {
		w.Note(v.Lane.String(), v.Why())
	}
	return errors.Join(failed, writeMetrics(w.Metrics, w.Environment, now, v, hour))
}

// hour is what a lane did in the last hour.
type hour struct{ executions, calls, refused int64 }
