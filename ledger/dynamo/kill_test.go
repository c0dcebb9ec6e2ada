package dynamo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"remit/ledger"
	"remit/ledger/dynamo/local"
	"remit/terms"
)

// clientEnv makes the test binary a client process: endpoint, ledger table, directory
// table and name, separated by spaces.
const clientEnv = "REMIT_LEDGER_TEST_CLIENT"

const lease = 30 * time.Second

var (
	user = terms.User{ID: "ada", Tenant: "acme"}
	lane = terms.Lane{Platform: "p", Environment: "e", Agent: "a", Name: "stable"}
)

func claim(name string, n int, at time.Time) ledger.Claim {
	return ledger.Claim{Call: terms.CallID(fmt.Sprint(name, "-", n)), Execution: "shared", User: user, Tool: "t",
		Takes: []ledger.Amount{{Limit: ledger.ToolCallsLimit, Take: 1}, {Limit: ledger.CostLimit, Take: 10}}, Intent: []byte("i"), Lease: lease, At: at}
}

func settle(c ledger.Claim, at time.Time) ledger.Outcome {
	return ledger.Outcome{Execution: c.Execution, Status: ledger.Done, Took: c.Takes, Used: []ledger.Amount{{Limit: ledger.CostLimit, Take: 3}}, At: at}
}

// beClient reserves and settles without end, and says each step, until it is refused or
// killed.
func beClient() {
	at := strings.Fields(os.Getenv(clientEnv))
	l := &ledger.Ledger{Store: &Store{Client: local.Client(at[0]), Tables: map[string]string{ledger.LedgerTable: at[1], ledger.DirectoryTable: at[2]}, Patience: time.Minute, TryTime: time.Minute}}
	for n := 0; ; n++ {
		c := claim(at[3], n, time.Now())
		_, err := l.Reserve(context.Background(), c)
		if r := new(ledger.Refusal); errors.As(err, &r) {
			return
		}
		fmt.Println("reserved", err)
		fmt.Println("settled", l.Settle(context.Background(), c.Call, settle(c, time.Now())))
	}
}

func open(t *testing.T, l *ledger.Ledger, calls int64) {
	t.Helper()
	now := time.Now()
	_, err := l.Open(context.Background(), ledger.Admission{Execution: "shared", User: user, Lane: lane, At: now, Deadline: now.Add(time.Hour),
		Caps:   []ledger.Amount{{Limit: ledger.ToolCallsLimit, Take: calls}, {Limit: ledger.CostLimit, Take: 10 * calls}},
		Slices: []ledger.Slice{{Of: "user", Take: 10 * calls, Cap: 10 * calls, Date: ledger.DayOf(now, "")}, {Of: "tenant", Take: 10 * calls, Cap: 10 * calls, Date: ledger.DayOf(now, "")}}})
	if err != nil {
		t.Fatal(err)
	}
}

func execution(t *testing.T, l *ledger.Ledger) ledger.Execution {
	t.Helper()
	e, err := l.Execution(context.Background(), "shared")
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestSixtyFourClientsSpendExactlyTheCap(t *testing.T) {
	l := &ledger.Ledger{Store: tried(t)}
	const most = 400
	open(t, l, most)
	var admitted, asked atomic.Int64
	var wait sync.WaitGroup
	for n := range 64 {
		wait.Go(func() {
			for asked.Add(1) <= most+most/10 {
				c := claim(fmt.Sprint("client", n), int(asked.Load()), time.Now())
				c.Call = terms.CallID(fmt.Sprint(c.Call, "/", asked.Add(0), "/", n))
				_, err := l.Reserve(context.Background(), c)
				if r := new(ledger.Refusal); err == nil {
					admitted.Add(1)
				} else if !errors.As(err, &r) {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	if e := execution(t, l); admitted.Load() != most || e.Used[ledger.ToolCallsLimit] != most || e.Counts.Intents != most {
		t.Errorf("of a cap of %d, %d were told yes, %d are counted and %d recorded", most, admitted.Load(), e.Used[ledger.ToolCallsLimit], e.Counts.Intents)
	}
}

func TestClientsKilledInMidFlightStrandNothing(t *testing.T) {
	s := tried(t)
	l := &ledger.Ledger{Store: s}
	const most, processes = 400, 16
	open(t, l, most)
	var wait sync.WaitGroup
	for n := range processes {
		p := exec.Command(os.Args[0])
		p.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s %s client%d", clientEnv, endpoint, s.Tables[ledger.LedgerTable], s.Tables[ledger.DirectoryTable], n))
		out, err := p.StdoutPipe()
		if err == nil {
			err = p.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		wait.Go(func() {
			lines := bufio.NewScanner(out)
			for said := 0; lines.Scan(); said++ {
				if strings.HasSuffix(lines.Text(), "<nil>") == false {
					t.Error(lines.Text())
				}
				if n%2 == 0 && said == 4+n/2 { // after a reserve or after a settle, in turn
					_ = p.Process.Kill()
				}
			}
			_ = p.Wait()
		})
	}
	wait.Wait()
	before := execution(t, l)
	if before.Used[ledger.ToolCallsLimit] > most {
		t.Errorf("overspent: %d of %d", before.Used[ledger.ToolCallsLimit], most)
	}
	ended, err := l.Sweep(context.Background(), time.Now().Add(lease+time.Second), 1000)
	after := execution(t, l)
	if err != nil || after.Counts.Intents != after.Counts.Outcomes {
		t.Errorf("after a lease and one sweep, %d calls are in flight: %v", after.Counts.Intents-after.Counts.Outcomes, err)
	}
	if int64(len(ended)) != before.Counts.Intents-before.Counts.Outcomes {
		t.Errorf("%d calls were in flight and %d were ended", before.Counts.Intents-before.Counts.Outcomes, len(ended))
	}
	t.Logf("killed %d of %d processes; %d calls reserved, %d in flight when they died, 0 after the sweep", processes/2, processes, before.Counts.Intents, len(ended))
	settled := after.Counts.Intents - int64(len(ended))
	if want := 3*settled + 10*int64(len(ended)); after.Used[ledger.CostLimit] != want {
		t.Errorf("used %d, want %d: 3 for each settled call and all that was reserved for each unknown one", after.Used[ledger.CostLimit], want)
	}
	if err := l.Close(context.Background(), "shared", "done", time.Now()); err != nil {
		t.Fatal(err)
	}
	b, err := l.Budget(context.Background(), user, ledger.DayOf(time.Now(), ""))
	if err != nil || b.User[ledger.CostLimit] != after.Used[ledger.CostLimit] || b.Tenant != after.Used[ledger.CostLimit] {
		t.Errorf("the day holds %+v and %d was used: the rest is stranded (%v)", b, after.Used[ledger.CostLimit], err)
	}
}
