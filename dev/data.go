package dev

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"remit/audit"
	"remit/platform"
	"remit/policy"
	"remit/terms"
)

// directories attests from the declaration's invented owners.
type directories []platform.Directory

// Owns answers for a datum of a declared directory; anything unknown is nobody's.
func (d directories) Owns(_ context.Context, o policy.Ownership) (bool, error) {
	for _, directory := range d {
		if directory.Name != o.Directory {
			continue
		}
		for _, datum := range directory.Datums {
			if datum.ID == o.Datum {
				return datum.Tenant == o.Tenant && related(datum, o), nil
			}
		}
	}
	return false, nil
}

func related(datum platform.DatumOwner, o policy.Ownership) bool {
	if o.Relation == "" {
		return true
	}
	for _, relation := range datum.Relations {
		if relation.Name != o.Relation {
			continue
		}
		return slices.Contains(relation.Users, o.User)
	}
	return false
}

// recorder prints each decision for the developer: who, what, the verdict of each check,
// and the reference an agent would quote. Arguments and replies are not printed.
type recorder struct {
	out   io.Writer
	calls *sync.Map // call → recorded: what the RESPONSE side finds
}

type recorded struct {
	reference string
	allowed   bool
}

// Find answers what was recorded of a call last.
func (r recorder) Find(_ context.Context, call terms.CallID) (reference string, allowed, found bool) {
	value, found := r.calls.Load(call)
	last, _ := value.(recorded)
	return last.reference, last.allowed, found
}

// Note prints what was refused before it was anybody's call.
func (r recorder) Note(_ context.Context, reference, why string) {
	fmt.Fprintf(r.out, "refused: %s   [%s]\n", why, reference)
}

// Record prints one decision.
func (r recorder) Record(_ context.Context, reference string, rec audit.Record) error {
	r.calls.Store(rec.Call, recorded{reference, rec.Allowed})
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
	_, err := fmt.Fprintf(r.out, "%s %s %s of %s, %s.%s %s   %s   [%s]\n", rec.At.Format(time.TimeOnly), verdict, rec.User.ID, rec.User.Tenant, rec.Lane.Agent, rec.Lane.Name, tool, strings.Join(checks, "; "), reference)
	return err
}
