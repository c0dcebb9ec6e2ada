package main

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"
)

// side is one thing to measure inside this process. It runs n times; what must not be timed
// happens in before.
type side struct {
	before func() error
	run    func(n int) error
	batch  int  // runs per reading of the CPU time, whose unit is a microsecond
	waits  bool // what takes the time is another process: the clock on the wall counts, not this one's CPU
}

// readings is how often each side's clock is read in a round.
const readings = 25

// within measures sides in turn, batch by batch. It answers for each side the median cost of
// one run, in ns of this process's CPU, of each round: on a busy machine the clock on the wall
// favours whoever is done before its turn ends, and the CPU of a collector that runs beside
// counts as well. A round before the first warms caches and is not kept.
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
	clock := used
	if s.waits {
		start := time.Now()
		clock = func() (time.Duration, error) { return time.Since(start), nil }
	}
	before, err := clock()
	if err != nil {
		return 0, err
	}
	if err := s.run(s.batch); err != nil {
		return 0, err
	}
	after, err := clock()
	return float64(after-before) / float64(s.batch), err
}

// used is the CPU time of this process so far, of all its threads.
func used() (time.Duration, error) {
	var u syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), err
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
