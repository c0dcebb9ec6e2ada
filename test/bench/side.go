package main

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// side is one thing to measure inside this process. It runs n times; what must not be timed
// happens in before.
type side struct {
	before func() error
	run    func(n int) error
	batch  int // runs per reading of the clock, so that one run is not near the clock's own cost
}

// readings is how often each side's clock is read in a round.
const readings = 25

// within measures sides in turn, batch by batch, so that whatever else the machine does
// falls on all of them. It answers for each side the median cost of one run, in ns, of each
// round. A round before the first warms caches and is not kept.
func within(rounds int, sides ...side) ([][]float64, error) {
	kept := make([][]float64, len(sides))
	for round := range rounds + 1 {
		took := make([][]float64, len(sides))
		for range readings {
			for i, s := range sides {
				one, err := s.time()
				if err != nil {
					return nil, err
				}
				took[i] = append(took[i], one)
			}
		}
		for i := range sides {
			if round > 0 {
				kept[i] = append(kept[i], median(took[i]))
			}
		}
	}
	return kept, nil
}

func (s side) time() (float64, error) {
	if s.before != nil {
		if err := s.before(); err != nil {
			return 0, err
		}
	}
	start := time.Now()
	err := s.run(s.batch)
	return float64(time.Since(start)) / float64(s.batch), err
}

// costRatio is how many times as much the other side costs, round by round.
func costRatio(what string, base, other []float64, hold float64, more string) row {
	var ratios []float64
	for i := range base {
		ratios = append(ratios, other[i]/base[i])
	}
	return newRow(what, "×", ratios, hold, microseconds(median(other))+" : "+microseconds(median(base))+more)
}

// cost is what one run takes.
func cost(what string, took []float64, hold float64, more string) row {
	var in []float64
	for _, ns := range took {
		in = append(in, ns/1e3)
	}
	return newRow(what, "µs", in, hold, microseconds(median(took))+more)
}

func microseconds(ns float64) string { return fmt.Sprintf("%.2f µs", ns/1e3) }

// allocations of one run, which no busy machine changes.
func allocations(what string, hold float64, run func()) row {
	n := testing.AllocsPerRun(100, run)
	return newRow(what, "", slices.Repeat([]float64{n}, 1), hold, fmt.Sprintf("%.0f allocations", n))
}
