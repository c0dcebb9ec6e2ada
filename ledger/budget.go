package ledger

import (
	"context"

	"remit/terms"
)

// Budget is what a user and a tenant have used of one day, by limit: [CostLimit] is what
// executions hold or have used of it, in MicroUSD, and the others are calls. A limit that
// is not named was not used.
type Budget struct {
	Date   terms.Date
	User   map[string]int64
	Tenant map[string]int64
}

// Budget reads a day of a user and of the user's tenant. Executions that are open hold
// their whole slice; see [Ledger.Execution] for one.
func (l *Ledger) Budget(ctx context.Context, u terms.User, day terms.Date) (Budget, error) {
	user, err := l.usedOn(ctx, userPartition(u), day)
	if err != nil {
		return Budget{}, err
	}
	tenant, err := l.usedOn(ctx, tenantDayKey(u.Tenant, day).Partition, day)
	return Budget{Date: day, User: user, Tenant: tenant}, err
}

func (l *Ledger) usedOn(ctx context.Context, partition string, day terms.Date) (map[string]int64, error) {
	items, err := l.list(ctx, partition)
	out := map[string]int64{}
	for _, i := range items {
		if i.text("date") == string(day) {
			out[i.text("limit")] = i.number("used")
		}
	}
	return out, err
}
