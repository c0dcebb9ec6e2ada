package dynamo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"remit/ledger"
	"remit/terms"
)

// metered asks what each transaction cost, and counts tries that met a conflict.
type metered struct {
	API
	requests  atomic.Int64
	conflicts atomic.Int64
	units     float64
}

func (m *metered) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	m.requests.Add(1)
	in.ReturnConsumedCapacity = types.ReturnConsumedCapacityTotal
	out, err := m.API.TransactWriteItems(ctx, in, o...)
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) && passingReasons(cancelled.CancellationReasons) {
		m.conflicts.Add(1)
	}
	if err == nil {
		for _, c := range out.ConsumedCapacity {
			m.units += *c.CapacityUnits
		}
	}
	return out, err
}

// Each is a kind of call with everything on it that the kind can have.
func capacities(t *testing.T) string {
	s := tried(t)
	m := &metered{API: s.Client}
	l := &ledger.Ledger{Store: &Store{Client: m, Tables: s.Tables, Patience: time.Minute, TryTime: time.Minute}}
	ctx, now := context.Background(), time.Now()
	var out strings.Builder
	cost := func(what string, f func() error) {
		m.units = 0
		m.requests.Store(0)
		if err := f(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		fmt.Fprintf(&out, "%-52s %d %6.0f\n", what, m.requests.Load(), m.units)
	}
	cost("open, with a slice of both days", func() error { open(t, l, 20); return nil })
	plain := claim("plain", 1, now)
	cost("reserve: calls and cost", func() error { _, err := l.Reserve(ctx, plain); return err })
	cost("settle it", func() error { return l.Settle(ctx, plain.Call, settle(plain, now)) })
	full := claim("full", 1, now)
	full.Intent = make([]byte, 900)
	full.Daily = []ledger.Daily{{Limit: "tool/t", Take: 1, Cap: 50, Date: ledger.DayOf(now, "")}}
	full.Once = &ledger.Once{Key: "k", For: time.Hour}
	full.Owner = &ledger.ItemCheck{Key: ledger.OwnerKey("d", "1"), Where: map[string]string{"tenant": "acme"}}
	if err := s.Apply(ctx, "owner-"+s.Tables[ledger.LedgerTable], []ledger.Op{{Key: full.Owner.Key, Put: ledger.Item{"tenant": {S: "acme"}}}}); err != nil {
		t.Fatal(err)
	}
	cost("reserve: and a daily limit, an owner, a key", func() error { _, err := l.Reserve(ctx, full); return err })
	done := settle(full, now)
	done.Once, done.Result, done.Record = full.Once, make([]byte, 500), make([]byte, 900)
	cost("settle it, storing its result", func() error { return l.Settle(ctx, full.Call, done) })
	cost("deny", func() error { return l.Deny(ctx, ledger.Denial{Call: "d", Execution: "shared", At: now}) })
	cost("close, and return the slices", func() error { return l.Close(ctx, "shared", "done", now) })
	return out.String()
}

func TestTheReadmeSaysWhatACallCosts(t *testing.T) {
	want := capacities(t)
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(strings.TrimSpace(want), "\n") {
		if !strings.Contains(string(readme), line) {
			t.Errorf("README.md does not say what DynamoDB Local measured:\n%s", want)
			return
		}
	}
}

// contention lets users open at once and answers tries per opening, and per call.
func contention(t *testing.T, clients int, tenant func(int) string) (opening, calling float64) {
	s := tried(t)
	m := &metered{API: s.Client}
	l := &ledger.Ledger{Store: &Store{Client: m, Tables: s.Tables, Patience: time.Minute, TryTime: time.Minute}}
	now := time.Now()
	each := func(do func(n int, u terms.User) error) float64 {
		m.conflicts.Store(0)
		var wait sync.WaitGroup
		for n := range clients {
			wait.Go(func() {
				if err := do(n, terms.User{ID: fmt.Sprint("u", n), Tenant: tenant(n)}); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		return 1 + float64(m.conflicts.Load())/float64(clients)
	}
	opening = each(func(n int, u terms.User) error {
		_, err := l.Open(context.Background(), ledger.Admission{Execution: terms.ExecutionID(fmt.Sprint("e", n)), User: u, Lane: lane, At: now, Deadline: now.Add(time.Hour),
			Caps:   []ledger.Amount{{Limit: ledger.ToolCallsLimit, Take: 5}, {Limit: ledger.CostLimit, Take: 50}},
			Slices: []ledger.Slice{{Of: "user", Take: 50, Cap: 50, Date: "2026-11-24"}, {Of: "tenant", Take: 50, Cap: int64(50 * clients), Date: "2026-11-24"}}})
		return err
	})
	calling = each(func(n int, u terms.User) error {
		c := claim("c", n, now)
		c.Execution, c.User = terms.ExecutionID(fmt.Sprint("e", n)), u
		_, err := l.Reserve(context.Background(), c)
		return err
	})
	return opening, calling
}

func TestSixtyFourUsersOfOneTenantLoseNothingAndContendOnlyToOpen(t *testing.T) {
	const clients = 64
	open1, call1 := contention(t, clients, func(int) string { return "acme" })
	open2, call2 := contention(t, clients, func(n int) string { return fmt.Sprint("tenant", n) })
	t.Logf("%d users at once: %.2f tries per opening in one tenant and %.2f in separate ones, ratio %.2f; %.2f and %.2f per reserve", clients, open1, open2, open1/open2, call1, call2)
	if call1 != 1 || call2 != 1 {
		t.Errorf("reserves of different users met conflicts: %.2f tries in one tenant, %.2f in separate ones", call1, call2)
	}
}
