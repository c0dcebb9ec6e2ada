package watch

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"remit/anomaly"
	"remit/ledger"
	"remit/terms"
)

// late is how many hours before this one are read execution by execution, because some that
// closed in them may not have been counted: a call in flight lasts a lease at most
// ([ledger.MaxLease]). Older ones are added up once and kept.
const late = 1

// atOnce bounds how many hours of an agent one run adds up. A new environment, or one that
// was not watched for a while, is not judged until all are there: a missing hour would make
// the next look like a rise.
const atOnce = 48

// past is what an agent did.
type past struct {
	buckets []anomaly.Bucket
	lately  []ledger.Ran // of the hours that are read execution by execution
	whole   bool         // no hour is missing
}

func (w *Watcher) past(ctx context.Context, agent string, now time.Time) (past, error) {
	kept, err := w.kept(ctx, agent)
	if err != nil {
		return past{}, err
	}
	this := now.UTC().Truncate(time.Hour)
	missing, err := w.fold(ctx, agent, this, kept)
	if err != nil {
		return past{}, err
	}
	out := past{whole: missing == 0}
	for _, buckets := range kept {
		out.buckets = append(out.buckets, buckets...)
	}
	for ago := range late + 1 {
		ran, err := w.Ledger.Traffic(ctx, agent, this.Add(-time.Duration(ago)*time.Hour))
		if err != nil {
			return past{}, err
		}
		out.lately = append(out.lately, ran...)
		out.buckets = append(out.buckets, added(ran)...)
	}
	return out, nil
}

// kept is the hours that are added up. One that cannot be read is added up again.
func (w *Watcher) kept(ctx context.Context, agent string) (map[time.Time][]anomaly.Bucket, error) {
	hours, err := w.Ledger.Hours(ctx, agent)
	if err != nil {
		return nil, err
	}
	out := map[time.Time][]anomaly.Bucket{}
	for _, h := range hours {
		buckets, err := unpack(agent, h)
		if err != nil {
			w.Note(agent, fmt.Sprintf("the hour from %s is added up again: %v", h.From.Format(time.RFC3339), err))
			continue
		}
		out[h.From] = buckets
	}
	return out, nil
}

// fold adds up hours that are over and not kept, the last first, and answers how many are
// still missing.
func (w *Watcher) fold(ctx context.Context, agent string, this time.Time, kept map[time.Time][]anomaly.Bucket) (missing int, err error) {
	back := int(w.Declared.History()/time.Hour) + 1
	for ago := late + 1; ago <= back; ago++ {
		from := this.Add(-time.Duration(ago) * time.Hour)
		if _, has := kept[from]; has {
			continue
		}
		if missing++; missing > atOnce {
			continue
		}
		ran, err := w.Ledger.Traffic(ctx, agent, from)
		if err != nil {
			return missing, err
		}
		buckets := added(ran)
		if err := w.Ledger.KeepHour(ctx, agent, ledger.Hour{From: from, Body: pack(from, buckets)}, from.Add(w.Declared.History()+24*time.Hour)); err != nil {
			return missing, err
		}
		kept[from] = buckets
	}
	return max(0, missing-atOnce), nil
}

// added is executions as buckets, in order.
func added(ran []ledger.Ran) []anomaly.Bucket {
	sums := map[anomaly.Bucket]anomaly.Bucket{}
	for _, r := range ran {
		k := anomaly.Bucket{Start: r.Closed.UTC().Truncate(anomaly.Step), Lane: r.Lane, Version: r.Version}
		b, has := sums[k]
		if !has {
			b = k
		}
		b.Executions++
		b.Calls += r.Calls
		b.Squares += r.Calls * r.Calls
		sums[k] = b
	}
	return slices.SortedFunc(maps.Values(sums), func(a, b anomaly.Bucket) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Lane.String(), b.Lane.String()), cmp.Compare(a.Version, b.Version))
	})
}

// row is one bucket of a kept hour.
type row struct {
	Lane       terms.Lane `json:"lane"`
	Version    string     `json:"version,omitempty"`
	Minute     int        `json:"minute"`
	Executions int64      `json:"executions"`
	Calls      int64      `json:"calls"`
	Squares    int64      `json:"squares"`
}

func pack(from time.Time, buckets []anomaly.Bucket) []byte {
	rows := []row{}
	for _, b := range buckets {
		rows = append(rows, row{b.Lane, b.Version, int(b.Start.Sub(from) / time.Minute), b.Executions, b.Calls, b.Squares})
	}
	text, _ := json.Marshal(rows) // texts and numbers
	return text
}

func unpack(agent string, h ledger.Hour) ([]anomaly.Bucket, error) {
	var rows []row
	if err := json.Unmarshal(h.Body, &rows); err != nil {
		return nil, err
	}
	var out []anomaly.Bucket
	for _, r := range rows {
		if r.Lane.Agent != agent || r.Minute < 0 || r.Minute >= 60 || r.Executions < 0 || r.Calls < 0 || r.Squares < 0 {
			return nil, errors.New("it holds what is not of that hour")
		}
		out = append(out, anomaly.Bucket{Start: h.From.Add(time.Duration(r.Minute) * time.Minute), Lane: r.Lane, Version: r.Version, Executions: r.Executions, Calls: r.Calls, Squares: r.Squares})
	}
	return out, nil
}

// lastHour is what a lane did in the hour before the last whole step.
func (p past) lastHour(lane terms.Lane, now time.Time) (out hour) {
	to := now.Truncate(anomaly.Step)
	for _, r := range p.lately {
		if r.Lane == lane && r.Closed.Before(to) && !r.Closed.Before(to.Add(-time.Hour)) {
			out.executions++
			out.calls += r.Calls
			out.refused += r.Refused
		}
	}
	return out
}
