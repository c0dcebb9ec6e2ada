package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// sample is what one run of a program cost.
type sample struct {
	wall time.Duration
	cpu  time.Duration // of the program and those it waited for, which no busy machine stretches as it does wall
	peak float64       // MB of the largest process among the program and those it waited for
}

// program is something to measure. It runs in the checkout.
type program struct {
	command     []string
	environment []string
}

func (p program) run() (sample, error) {
	run := exec.Command(p.command[0], p.command[1:]...)
	run.Env = append(os.Environ(), p.environment...)
	start := time.Now()
	out, err := run.CombinedOutput()
	wall := time.Since(start)
	if err != nil {
		return sample{}, fmt.Errorf("%s: %w\n%s", strings.Join(p.command, " "), err, out)
	}
	return sample{wall, run.ProcessState.UserTime() + run.ProcessState.SystemTime(), peakOf(run.ProcessState)}, nil
}

func peakOf(state *os.ProcessState) float64 {
	usage, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return float64(usage.Maxrss) / 1e6 // bytes
	}
	return float64(usage.Maxrss) / 1e3 // kilobytes
}

// sideBySide runs the programs in turn, A B A B, so that whatever else the machine does
// falls on all of them. A round before the first warms caches and is not kept. It answers
// the samples of each program, in the order of the rounds.
func sideBySide(rounds int, programs ...program) ([][]sample, error) {
	kept := make([][]sample, len(programs))
	for round := range rounds + 1 {
		for i, p := range programs {
			s, err := p.run()
			if err != nil {
				return nil, err
			}
			if round > 0 {
				kept[i] = append(kept[i], s)
			}
		}
	}
	return kept, nil
}
