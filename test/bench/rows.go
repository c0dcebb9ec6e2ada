package main

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"time"
)

// row is one figure: the median over rounds of what each round measured side by side, with
// the least and most any round did, and the number to hold. Hold 0 is no number: the
// figure is shown for comparison with an earlier run.
type row struct {
	What     string  `json:"what"`
	Unit     string  `json:"unit"`
	Median   float64 `json:"median"`
	Least    float64 `json:"least"`
	Most     float64 `json:"most"`
	Hold     float64 `json:"hold,omitempty"`
	Holds    *bool   `json:"holds,omitempty"`
	Measured string  `json:"measured"` // medians of the two sides
}

func newRow(what, unit string, rounds []float64, hold float64, measured string) row {
	r := row{What: what, Unit: unit, Median: median(rounds), Least: slices.Min(rounds), Most: slices.Max(rounds), Hold: hold, Measured: measured}
	if hold > 0 {
		r.Holds = new(r.Median <= hold)
	}
	return r
}

func wallRatio(what string, base, other []sample, hold float64) row {
	measured := fmt.Sprintf("%.2f s : %.2f s", median(each(other, seconds)), median(each(base, seconds)))
	return newRow(what, "×", each2(base, other, func(b, o sample) float64 { return seconds(o) / seconds(b) }), hold, measured)
}

func peakRatio(what string, base, other []sample) row {
	megabytes := func(s sample) float64 { return s.peak }
	measured := fmt.Sprintf("%.0f MB : %.0f MB", median(each(other, megabytes)), median(each(base, megabytes)))
	return newRow(what, "×", each2(base, other, func(b, o sample) float64 { return o.peak / b.peak }), 0, measured)
}

// whole is what a program takes from its start to its end.
func whole(what string, took []sample, hold float64) row {
	cpu := median(each(took, func(s sample) float64 { return s.cpu.Seconds() }))
	peak := median(each(took, func(s sample) float64 { return s.peak }))
	return newRow(what, "s", each(took, seconds), hold, fmt.Sprintf("%.2f s of CPU, peak %.0f MB", cpu, peak))
}

func slope(what string, base, grown []sample, lanes int, hold float64) row {
	measured := fmt.Sprintf("%.2f s : %.2f s, %d lanes", median(each(grown, seconds)), median(each(base, seconds)), lanes)
	return newRow(what, "ms", each2(base, grown, func(b, g sample) float64 { return milliseconds(g.wall-b.wall) / float64(lanes) }), hold, measured)
}

func difference(what string, base, other []sample) row {
	inMS := func(s sample) float64 { return milliseconds(s.wall) }
	measured := fmt.Sprintf("%.1f ms : %.1f ms", median(each(other, inMS)), median(each(base, inMS)))
	return newRow(what, "ms", each2(base, other, func(b, o sample) float64 { return milliseconds(o.wall - b.wall) }), 0, measured)
}

func seconds(s sample) float64 { return s.wall.Seconds() }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func each(samples []sample, f func(sample) float64) []float64 {
	out := make([]float64, len(samples))
	for i, s := range samples {
		out[i] = f(s)
	}
	return out
}

func each2(a, b []sample, f func(a, b sample) float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = f(a[i], b[i])
	}
	return out
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

func table(rows []row) string {
	var out strings.Builder
	line := func(cells ...string) {
		fmt.Fprintf(&out, "%-50s %9s %16s %11s  %-14s %s\n", cells[0], cells[1], cells[2], cells[3], cells[4], cells[5])
	}
	fmt.Fprintf(&out, "side by side on %d cores, %s/%s, %s\n", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, runtime.Version())
	line("what", "median", "least to most", "to hold", "", "measured")
	for _, r := range rows {
		line(r.What, figure(r.Median, r.Unit), fmt.Sprintf("%.2f to %.2f", r.Least, r.Most), r.limit(), r.verdict(), r.Measured)
	}
	return out.String()
}

func figure(value float64, unit string) string { return fmt.Sprintf("%.2f %s", value, unit) }

func (r row) limit() string {
	if r.Hold == 0 {
		return "no number"
	}
	return "≤ " + figure(r.Hold, r.Unit)
}

func (r row) verdict() string {
	switch {
	case r.Holds == nil:
		return ""
	case *r.Holds:
		return "holds"
	}
	return "does not hold"
}
