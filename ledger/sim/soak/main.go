// Command soak plays many seeds of the ledger's simulator and prints what it saw. It exits
// 1 at the first violation, with the seed that shows it again.
package main

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync"

	"remit/ledger/sim"
)

func main() {
	seeds := flag.Uint64("seeds", 10_000, "how many seeds to play")
	first := flag.Uint64("from", 0, "the first seed")
	flag.Parse()
	steps, conflicts, violations := play(*first, *first+*seeds)
	fmt.Printf("seeds %d   steps %d   conflicts %d   violations %d\n", *seeds, steps, conflicts, violations)
	if violations > 0 {
		os.Exit(1)
	}
}

// play shares seeds among the processors; each seed is a world of its own.
func play(from, to uint64) (steps, conflicts, violations int) {
	var wait sync.WaitGroup
	var mu sync.Mutex
	next := from
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for {
				mu.Lock()
				seed := next
				next++
				mu.Unlock()
				if seed >= to {
					return
				}
				r := sim.Run(seed)
				mu.Lock()
				steps, conflicts = steps+r.Steps, conflicts+r.Conflicts
				if r.Violation != "" {
					violations++
					fmt.Printf("seed %d, step %d: %s\n", seed, r.Steps, r.Violation)
				}
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	return steps, conflicts, violations
}
