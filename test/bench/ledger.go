package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"remit/ledger"
	"remit/ledger/dynamo"
	"remit/ledger/dynamo/local"
	"remit/terms"
)

// counting is a transport that counts what goes over it.
type counting struct {
	next     http.RoundTripper
	requests atomic.Int64
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.requests.Add(1)
	return c.next.RoundTrip(r)
}

// books is a ledger over DynamoDB Local, with an execution that is never used up.
type books struct {
	*ledger.Ledger
	client *dynamodb.Client
	sent   *counting
	table  string
}

const endless = terms.ExecutionID("bench--stable--endless")

func newBooks(url string) (*books, error) {
	ctx := context.Background()
	b := &books{sent: &counting{next: &http.Transport{MaxIdleConnsPerHost: 128}}, table: "bench-ledger"}
	b.client = dynamodb.New(local.Client(url).Options(), func(o *dynamodb.Options) { o.HTTPClient = &http.Client{Transport: b.sent} })
	if _, err := b.client.CreateTable(ctx, dynamo.Table(b.table)); err != nil {
		return nil, err
	}
	b.Ledger = &ledger.Ledger{Store: &dynamo.Store{Client: b.client, Tables: map[string]string{ledger.LedgerTable: b.table}, Patience: time.Minute, TryTime: time.Minute}}
	_, err := b.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: &b.table, Item: map[string]types.AttributeValue{
		"PK": &types.AttributeValueMemberS{Value: "PLAIN"}, "SK": &types.AttributeValueMemberS{Value: "PLAIN"}, "left": &types.AttributeValueMemberN{Value: "1000000000"}}})
	if err != nil {
		return nil, err
	}
	return b, b.open(endless)
}

func (b *books) open(id terms.ExecutionID) error {
	now := time.Now()
	_, err := b.Open(context.Background(), ledger.Admission{Execution: id, User: called.User, Lane: benchLane, Purpose: called.Purpose, At: now, Deadline: now.Add(time.Hour),
		Caps: []ledger.Amount{{Limit: ledger.ToolCallsLimit, Take: 1 << 40}, {Limit: ledger.CostLimit, Take: 1 << 40}}})
	return err
}

// call reserves and settles one call that takes two amounts.
func (b *books) call(id terms.ExecutionID) error {
	now, call := time.Now(), terms.CallID(rand.Text())
	takes := []ledger.Amount{{Limit: ledger.ToolCallsLimit, Take: 1}, {Limit: ledger.CostLimit, Take: 10}}
	r, err := b.Reserve(context.Background(), ledger.Claim{Call: call, Execution: id, User: called.User, Tool: "tool", Takes: takes, Intent: make([]byte, 900), Lease: time.Minute, At: now})
	if err != nil {
		return err
	}
	return b.Settle(context.Background(), call, ledger.Outcome{Execution: id, Fence: r.Fence, Status: ledger.Done, Took: takes, Record: make([]byte, 900), At: now})
}

// plain is the least that a counter in DynamoDB costs: one conditional update.
func (b *books) plain() error {
	_, err := b.client.UpdateItem(context.Background(), &dynamodb.UpdateItemInput{TableName: &b.table,
		Key:                       map[string]types.AttributeValue{"PK": &types.AttributeValueMemberS{Value: "PLAIN"}, "SK": &types.AttributeValueMemberS{Value: "PLAIN"}},
		UpdateExpression:          aws.String("ADD #left :take"),
		ConditionExpression:       aws.String("#left >= :one"),
		ExpressionAttributeNames:  map[string]string{"#left": "left"},
		ExpressionAttributeValues: map[string]types.AttributeValue{":take": &types.AttributeValueMemberN{Value: "-1"}, ":one": &types.AttributeValueMemberN{Value: "1"}},
	})
	return err
}

// inDynamoDB are the rows of the ledger over DynamoDB's own API, on this machine.
func inDynamoDB(rounds int) ([]row, error) {
	url, stop, err := local.Start(".")
	if err != nil {
		return nil, fmt.Errorf("DynamoDB Local: %w; run tools/dynamodb", err)
	}
	defer stop()
	b, err := newBooks(url)
	if err != nil {
		return nil, err
	}
	requests, err := b.requests()
	if err != nil {
		return nil, err
	}
	times := func(n int, f func() error) error {
		for range n {
			if err := f(); err != nil {
				return err
			}
		}
		return nil
	}
	took, err := within(rounds, side{batch: 1, waits: true, run: func(n int) error { return times(n, b.plain) }}, side{batch: 1, waits: true, run: func(n int) error { return times(n, func() error { return b.call(endless) }) }})
	if err != nil {
		return nil, err
	}
	rows := []row{requests, costRatio("a call reserved and settled : one conditional update", took[0], took[1], 0, ", DynamoDB Local")}
	many, err := b.throughput(rounds)
	return append(rows, many...), err
}

// requests of an allowed call, as the transport sees them: one before the tool, one after.
func (b *books) requests() (row, error) {
	const calls = 20
	before := b.sent.requests.Load()
	for range calls {
		if err := b.call(endless); err != nil {
			return row{}, err
		}
	}
	each := float64(b.sent.requests.Load()-before) / calls
	return newRow("requests of an allowed call", "", []float64{each}, 2, fmt.Sprintf("%d requests for %d calls", b.sent.requests.Load()-before, calls)), nil
}

// throughput is how many calls a second many clients make, each in an execution of its own,
// as a multiple of one client's. One laptop serves the clients and the database.
func (b *books) throughput(rounds int) ([]row, error) {
	perClient := map[int][]float64{}
	clients := []int{1, 16, 64}
	for round := range rounds {
		for _, n := range clients {
			rate, err := b.rate(round, n)
			if err != nil {
				return nil, err
			}
			perClient[n] = append(perClient[n], rate)
		}
	}
	var out []row
	for _, n := range clients[1:] {
		var ratios []float64
		for i := range perClient[n] {
			ratios = append(ratios, perClient[n][i]/perClient[1][i])
		}
		out = append(out, newRow(fmt.Sprintf("calls a second by %d clients : by one", n), "×", ratios, 0, fmt.Sprintf("%.0f : %.0f a second", median(perClient[n]), median(perClient[1]))))
	}
	return out, nil
}

// rate is calls a second of so many clients.
func (b *books) rate(round, clients int) (float64, error) {
	const calls = 128
	ids := make([]terms.ExecutionID, clients)
	for i := range ids {
		ids[i] = terms.ExecutionID(fmt.Sprintf("bench--stable--%d-%d-%d", round, clients, i))
		if err := b.open(ids[i]); err != nil {
			return 0, err
		}
	}
	var all sync.WaitGroup
	failed := make(chan error, clients)
	start := time.Now()
	for _, id := range ids {
		all.Go(func() {
			for range calls / clients {
				if err := b.call(id); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	all.Wait()
	took := time.Since(start).Seconds()
	select {
	case err := <-failed:
		return 0, err
	default:
		return calls / took, nil
	}
}
