package ledger

import (
	"context"
	"time"

	"remit/terms"
)

// DayOf is the day on which a moment falls in a time zone.
func DayOf(at time.Time, zone *time.Location) terms.Date {
	return terms.Date(at.In(zone).Format(time.DateOnly))
}

// Execution answers what is known of an execution.
func (l *Ledger) Execution(context.Context, terms.ExecutionID) (Execution, error) {
	return Execution{}, ErrUnavailable
}
