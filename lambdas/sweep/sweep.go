// Package sweep ends what is due, each minute: calls whose lease ran out, executions past
// their deadline, confirmations that nobody used; and it gives back what they held. It
// knows one port and a clock. It stops no session: a runtime's own lifetime is its
// execution's. Start with [Sweeper.Sweep]. The zero [Sweeper] ends nothing.
package sweep

import (
	"context"
	"errors"
	"fmt"
	"time"

	"remit/ledger"
)

// Ledger ends what is due; see package ledger.
type Ledger interface {
	Sweep(ctx context.Context, at time.Time, limit int) ([]ledger.Ended, error)
}

// Sweeper sweeps one environment. Both fields are required.
type Sweeper struct {
	Ledger Ledger
	Now    func() time.Time
}

// atOnce is how many things one reading of the index may name.
const atOnce = 100

// Swept is what one run ended, as it is logged.
type Swept struct {
	Executions    int `json:"executions"`
	Calls         int `json:"calls"`
	Confirmations int `json:"confirmations"`
}

// Sweep ends everything that is due, until nothing is or the context ends. What could not
// be ended stays due, and its error is answered with what was: the next run tries again.
func (s *Sweeper) Sweep(ctx context.Context) (Swept, error) {
	if s.Ledger == nil || s.Now == nil {
		return Swept{}, errors.New("sweep: there is no ledger")
	}
	var all Swept
	for ctx.Err() == nil {
		ended, err := s.Ledger.Sweep(ctx, s.Now(), atOnce)
		all.count(ended)
		if err != nil {
			return all, fmt.Errorf("sweep: %w", err)
		}
		if len(ended) < atOnce {
			return all, nil
		}
	}
	return all, fmt.Errorf("sweep: out of time, and more is due: %w", ctx.Err())
}

func (s *Swept) count(ended []ledger.Ended) {
	for _, e := range ended {
		switch {
		case e.Call != "":
			s.Calls++
		case e.Confirmation != "":
			s.Confirmations++
		default:
			s.Executions++
		}
	}
}
