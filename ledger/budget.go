package ledger

import (
	"context"

	"remit/terms"
)

// Budget is what a user and a tenant have used of one day. Tenant, and User's [CostLimit],
// are what executions hold or have used of it, in MicroUSD; the others of User's are calls. A
// limit that is not named was not used.
type Budget struct {
	Date   terms.Date
	User   map[string]int64 // by limit
	Tenant int64
}

// Budget reads a day of a user, the cost and the daily limits asked for ([Daily]), and of the
// user's tenant. Executions that are open hold their whole slice; see [Ledger.Execution] for
// one.
func (l *Ledger) Budget(ctx context.Context, u terms.User, day terms.Date, limits ...string) (Budget, error) {
	out := Budget{Date: day, User: map[string]int64{}}
	for _, limit := range append([]string{CostLimit}, limits...) {
		used, err := l.get(ctx, userDayKey(u, day, limit))
		if err != nil {
			return Budget{}, err
		}
		if used.has("used") {
			out.User[limit] = used.number("used")
		}
	}
	tenant, err := l.get(ctx, tenantDayKey(u.Tenant, day))
	out.Tenant = tenant.number("used")
	return out, err
}
