package dev

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"remit/audit"
	"remit/lambdas/entry"
	"remit/ledger"
	"remit/platform"
	"remit/policy"
	"remit/terms"
)

// own writes the declaration's invented owners into the directory.
func (s *Server) own(directories []platform.Directory) error {
	for _, directory := range directories {
		for _, datum := range directory.Datums {
			item := ledger.Item{"tenant": {S: datum.Tenant}}
			for _, relation := range datum.Relations {
				item["relation/"+relation.Name] = ledger.Value{SS: relation.Users}
			}
			op := ledger.Op{Key: ledger.OwnerKey(directory.Name, datum.ID), Put: item}
			if err := s.store.Apply(context.Background(), rand.Text(), []ledger.Op{op}); err != nil {
				return fmt.Errorf("owner of %s in %s: %w", datum.ID, directory.Name, err)
			}
		}
	}
	return nil
}

// laptop stands where AgentCore runs agents: here the developer's own process is the agent,
// and what would stop its session is printed.
type laptop struct{ log *journal }

// Invoke is never asked: the agent's process asks for its execution itself.
func (laptop) Invoke(context.Context, entry.Invocation) (entry.Answer, error) {
	return entry.Answer{}, fmt.Errorf("agents are not started here")
}

// Stop prints what AgentCore would be told.
func (l laptop) Stop(_ context.Context, lane policy.Registration, session terms.ExecutionID) error {
	l.log.print("%s: session %s is stopped\n", lane.Lane, session)
	return nil
}

// Sweep ends what is due now, as the sweep function does each minute, and stops the
// sessions of executions that it ended.
func (s *Server) Sweep(ctx context.Context) error {
	w := s.current()
	ended, err := w.ledger.Sweep(ctx, s.now(), sweepAtOnce)
	for _, e := range ended {
		if e.Execution == "" || e.Call != "" || e.Confirmation != "" {
			continue
		}
		s.log.print("%s: execution %s ended: %s\n", e.Lane, e.Execution, e.Why)
		if l := w.lanes[e.Lane.Agent+"/"+e.Lane.Name]; l != nil {
			_ = w.entry.Runtime.Stop(ctx, l.registration, e.Execution) // it only prints
		}
	}
	return err
}

// sweepAtOnce bounds one sweep.
const sweepAtOnce = 100

// journal prints what happens for the developer, one line each. It may be used by many
// goroutines.
type journal struct {
	mu  sync.Mutex
	out io.Writer
}

// Write writes one line.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.out.Write(p)
}

func (j *journal) print(format string, values ...any) { fmt.Fprintf(j, format, values...) }

// note prints what was refused before it was anybody's call.
func (j *journal) note(reference, why string) { j.print("refused: %s   [%s]\n", why, reference) }

// record prints one decision: who, what, the verdict of each check, and the reference an
// agent would quote. Arguments and replies are not printed.
func (j *journal) record(reference string, rec audit.Record) {
	verdict := "refused"
	if rec.Allowed {
		verdict = "allowed"
	}
	var checks []string
	for _, c := range rec.Checks {
		mark := "no: " + c.Reason
		if c.Allowed {
			mark = "yes"
		}
		checks = append(checks, c.Name+" "+mark)
	}
	tool := rec.Tool
	if tool == "" {
		tool = "(no such tool)"
	}
	j.print("%s %s %s of %s, %s.%s %s   %s   [%s]\n", rec.At.Format(time.TimeOnly), verdict, rec.User.ID, rec.User.Tenant, rec.Lane.Agent, rec.Lane.Name, tool, strings.Join(checks, "; "), reference)
}
