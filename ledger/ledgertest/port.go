// Package ledgertest is the suite that every [ledger.Store] must pass, and the ledger over
// it: the promises of the port, and the ways in which other ledgers broke. It is for tests.
// Start with [Run].
package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"remit/ledger"
)

// Run tests a store. make makes an empty one for each test.
func Run(t *testing.T, make func(*testing.T) ledger.Store) {
	for name, test := range map[string]func(*testing.T, ledger.Store){
		"AFailedConditionChangesNothingAndNamesTheItemItMet":    failedCondition,
		"ATokenThatComesAgainDoesNothingAgain":                  sameToken,
		"EveryConditionHoldsForWhatItSaysAndNothingElse":        conditions,
		"WritesAddJoinSetRemoveAndDelete":                       writes,
		"APartitionIsListedInOrderAndWhole":                     partition,
		"WhatIsDueIsListedOldestFirst":                          due,
		"SixtyFourWritersLoseNoUpdateAndPassNoCap":              concurrent,
		"AnItemNobodyWroteIsNil":                                nothing,
		"ACancelledCallerIsToldThatTheStoreIsUnavailable":       cancelled,
		"AConditionOnAnAbsentItemFailsUnlessItSaysOtherwise":    absentItem,
		"AMereCheckHoldsATransactionBackAndWritesNothingItself": mereCheck,
	} {
		t.Run(name, func(t *testing.T) { test(t, make(t)) })
	}
	for name, test := range stories {
		t.Run(name, func(t *testing.T) { test(t, newStory(t, make(t))) })
	}
}

var tokens atomic.Int64

// run tells the tokens of one process from another's: a store may outlive a test run.
var run = time.Now().UnixNano()

// Token is one that no test used before.
func Token() string { return fmt.Sprintf("%x-%d", run, tokens.Add(1)) }

func key(sort string) ledger.Key {
	return ledger.Key{Table: ledger.LedgerTable, Partition: "TEST", Sort: sort}
}

// Number is n as a value.
func Number(n int64) ledger.Value { return ledger.Value{N: &n} }

// Text is s as a value.
func Text(s string) ledger.Value { return ledger.Value{S: s} }

func apply(t *testing.T, s ledger.Store, ops ...ledger.Op) error {
	t.Helper()
	return s.Apply(context.Background(), Token(), ops)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, s ledger.Store, k ledger.Key) ledger.Item {
	t.Helper()
	i, err := s.Get(context.Background(), k)
	must(t, err)
	return i
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s\n got %+v\nwant %+v", what, got, want)
	}
}

func failedCondition(t *testing.T, s ledger.Store) {
	must(t, apply(t, s, ledger.Op{Key: key("b"), Put: ledger.Item{"n": Number(5), "s": Text("x")}}))
	for _, alone := range []bool{false, true} {
		ops := []ledger.Op{
			{Key: key("a"), Put: ledger.Item{"s": Text("new")}},
			{Key: key("b"), Add: map[string]int64{"n": 1}, If: []ledger.Condition{{Attribute: "n", Op: "<", Value: Number(5)}}},
		}
		if alone {
			ops = ops[1:]
		}
		var failed *ledger.OpFailed
		if err := apply(t, s, ops...); !errors.As(err, &failed) {
			t.Fatalf("a false condition was no failure: %v", err)
		}
		same(t, "which operation failed", failed.Op, len(ops)-1)
		same(t, "the item it met", failed.Item, ledger.Item{"n": Number(5), "s": Text("x")})
		same(t, "half of a transaction was done", get(t, s, key("a")), ledger.Item(nil))
	}
}

func sameToken(t *testing.T, s ledger.Store) {
	for _, n := range []int{1, 2} { // one operation and a transaction take different requests
		token := Token()
		ops := []ledger.Op{{Key: key(fmt.Sprint("one", n)), Add: map[string]int64{"n": 1}}, {Key: key("two"), Add: map[string]int64{"n": 1}}}[:n]
		for range 3 {
			must(t, s.Apply(context.Background(), token, ops))
		}
		same(t, "a repeat after a lost answer was counted again", get(t, s, ops[0].Key), ledger.Item{"n": Number(1)})
	}
}

func conditions(t *testing.T, s ledger.Store) {
	must(t, apply(t, s, ledger.Op{Key: key("i"), Put: ledger.Item{"n": Number(5), "s": Text("tenant"), "e": Text(""), "b": {B: []byte{1}}, "set": {SS: []string{"x", "y"}}}}))
	for _, c := range []struct {
		attribute, op string
		value         ledger.Value
		orAbsent      bool
		want          bool
	}{
		{"n", "exists", ledger.Value{}, false, true}, {"no", "exists", ledger.Value{}, false, false},
		{"n", "absent", ledger.Value{}, false, false}, {"no", "absent", ledger.Value{}, false, true},
		{"n", "=", Number(5), false, true}, {"n", "=", Number(4), false, false}, {"n", "=", Text("5"), false, false},
		{"n", "<", Number(5), false, false}, {"n", "<=", Number(5), false, true}, {"n", ">", Number(5), false, false}, {"n", ">=", Number(5), false, true},
		{"n", "<", Number(6), false, true}, {"n", ">", Number(-4), false, true}, {"n", ">", Text("4"), false, false},
		{"no", "<=", Number(9), false, false}, {"no", "<=", Number(9), true, true}, {"n", "<=", Number(4), true, false},
		{"s", "=", Text("tenant"), false, true}, {"e", "=", Text(""), false, true}, {"no", "=", Text(""), false, false},
		{"b", "=", ledger.Value{B: []byte{1}}, false, true}, {"b", "=", ledger.Value{B: []byte{2}}, false, false},
		{"s", "holds", Text("tenant"), false, true}, {"s", "holds", Text("ten"), false, false}, {"set", "holds", Text("x"), false, true},
		{"set", "holds", Text("z"), false, false}, {"n", "holds", Text("5"), false, false}, {"no", "holds", Text("x"), false, false},
		{"set", "lacks", Text("x"), false, false}, {"set", "lacks", Text("z"), false, true}, {"no", "lacks", Text("x"), false, true}, {"s", "lacks", Text("x"), false, false},
	} {
		err := apply(t, s, ledger.Op{Key: key("i"), Add: map[string]int64{"tries": 1},
			If: []ledger.Condition{{Attribute: c.attribute, Op: c.op, Value: c.value, OrAbsent: c.orAbsent}}})
		if failed := new(ledger.OpFailed); err != nil && !errors.As(err, &failed) {
			t.Errorf("%+v: %v", c, err)
		} else if (err == nil) != c.want {
			t.Errorf("%s %s %+v (or absent: %v) was %v", c.attribute, c.op, c.value, c.orAbsent, err == nil)
		}
	}
}

func writes(t *testing.T, s ledger.Store) {
	must(t, apply(t, s, ledger.Op{Key: key("i"), Add: map[string]int64{"n": 2}, Join: map[string][]string{"set": {"a"}}, Set: ledger.Item{"s": Text("x"), "status": Text(""), "gone": Text("y")}}))
	must(t, apply(t, s, ledger.Op{Key: key("i"), Add: map[string]int64{"n": -3}, Join: map[string][]string{"set": {"b", "a"}}, Remove: []string{"gone", "never"}}))
	same(t, "after two updates", get(t, s, key("i")), ledger.Item{"n": Number(-1), "set": {SS: []string{"a", "b"}}, "s": Text("x"), "status": Text("")})
	must(t, apply(t, s, ledger.Op{Key: key("i"), Put: ledger.Item{"b": {B: []byte{}}}}, ledger.Op{Key: key("j"), Put: ledger.Item{"n": Number(1 << 62)}}))
	same(t, "a put keeps nothing of what it replaces", get(t, s, key("i")), ledger.Item{"b": {B: []byte{}}})
	same(t, "the largest number", get(t, s, key("j")), ledger.Item{"n": Number(1 << 62)})
	must(t, apply(t, s, ledger.Op{Key: key("i"), Delete: true}, ledger.Op{Key: key("never"), Delete: true}))
	must(t, apply(t, s, ledger.Op{Key: key("j"), Delete: true}))
	same(t, "a deleted item", get(t, s, key("j")), ledger.Item(nil))
}

func partition(t *testing.T, s ledger.Store) {
	want := []ledger.Item{}
	body := make([]byte, 90<<10)
	for n := range 15 { // more than a megabyte, which is one page of a DynamoDB query
		i := ledger.Item{"n": Number(int64(n)), "body": {B: body}}
		want = append(want, i)
		must(t, apply(t, s, ledger.Op{Key: key(fmt.Sprintf("%02d", n)), Put: i}))
	}
	must(t, apply(t, s, ledger.Op{Key: ledger.Key{Table: ledger.LedgerTable, Partition: "OTHER", Sort: "x"}, Put: ledger.Item{"n": Number(1)}}))
	got, err := s.List(context.Background(), ledger.LedgerTable, "TEST")
	must(t, err)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("a list of %d items came as %d, or in another order", len(want), len(got))
	}
}

func due(t *testing.T, s ledger.Store) {
	at := time.Unix(1_800_000_000, 0)
	for n, age := range []time.Duration{3, 1, -1, 0, 2} {
		must(t, apply(t, s, ledger.Op{Key: key(fmt.Sprint(n)), Put: ledger.Item{"due": Number(at.Add(-age * time.Second).Unix()), "id": Text(fmt.Sprint(int(age)))}}))
	}
	must(t, apply(t, s, ledger.Op{Key: key("0"), Remove: []string{"due"}}))
	list := func(limit int) (ids []string) {
		items, err := s.Due(context.Background(), at, limit)
		must(t, err)
		for _, i := range items {
			ids = append(ids, i["id"].S)
		}
		return ids
	}
	same(t, "what is due", list(10), []string{"2", "1", "0"})
	same(t, "the first of what is due", list(2), []string{"2", "1"})
}

func concurrent(t *testing.T, s ledger.Store) {
	const clients, each, cap = 64, 4, 200
	var admitted atomic.Int64
	var wait sync.WaitGroup
	for n := range clients {
		wait.Go(func() {
			for range each {
				token := Token()
				ops := []ledger.Op{
					{Key: key("counter"), Add: map[string]int64{"n": 1}, If: []ledger.Condition{{Attribute: "n", Op: "<", Value: Number(cap), OrAbsent: true}}},
					{Key: key("own/" + token), Put: ledger.Item{"by": Number(int64(n))}, If: []ledger.Condition{{Attribute: "by", Op: "absent"}}},
				}
				if err := patiently(s, token, ops); err == nil {
					admitted.Add(1)
				} else if failed := new(ledger.OpFailed); !errors.As(err, &failed) {
					t.Error(err)
				}
			}
		})
	}
	wait.Wait()
	same(t, "how many were told yes", admitted.Load(), int64(cap))
	same(t, "the counter", get(t, s, key("counter")), ledger.Item{"n": Number(cap)})
	items, err := s.List(context.Background(), ledger.LedgerTable, "TEST")
	must(t, err)
	same(t, "how many left a trace", len(items)-1, cap)
}

// patiently repeats an application with its token while the store is too busy.
func patiently(s ledger.Store, token string, ops []ledger.Op) (err error) {
	for range 50 {
		if err = s.Apply(context.Background(), token, ops); !errors.Is(err, ledger.ErrUnavailable) {
			return err
		}
	}
	return err
}

func nothing(t *testing.T, s ledger.Store) {
	same(t, "an item that was never written", get(t, s, key("never")), ledger.Item(nil))
	items, err := s.List(context.Background(), ledger.DirectoryTable, "never")
	must(t, err)
	same(t, "a partition that was never written", len(items), 0)
}

func cancelled(t *testing.T, s ledger.Store) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Apply(ctx, Token(), []ledger.Op{{Key: key("i"), Put: ledger.Item{"n": Number(1)}}}); !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("apply: %v", err)
	}
	_, err := s.Get(ctx, key("i"))
	_, err2 := s.List(ctx, ledger.LedgerTable, "TEST")
	_, err3 := s.Due(ctx, time.Now(), 1)
	for _, err := range []error{err, err2, err3} {
		if !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("read: %v", err)
		}
	}
}

func absentItem(t *testing.T, s ledger.Store) {
	var failed *ledger.OpFailed
	err := apply(t, s, ledger.Op{Key: key("i"), Add: map[string]int64{"n": 1}, If: []ledger.Condition{{Attribute: "n", Op: ">=", Value: Number(0)}}})
	if !errors.As(err, &failed) || failed.Item != nil {
		t.Errorf("a condition on nothing: %v", err)
	}
	must(t, apply(t, s, ledger.Op{Key: key("i"), Add: map[string]int64{"n": 1}, If: []ledger.Condition{{Attribute: "n", Op: ">=", Value: Number(9), OrAbsent: true}}}))
}

func mereCheck(t *testing.T, s ledger.Store) {
	check := ledger.Op{Key: ledger.OwnerKey("applications", "A-1"), If: []ledger.Condition{{Attribute: "tenant", Op: "holds", Value: Text("acme")}}}
	act := ledger.Op{Key: key("i"), Put: ledger.Item{"n": Number(1)}}
	failed := new(ledger.OpFailed)
	if err := apply(t, s, act, check); !errors.As(err, &failed) || failed.Op != 1 {
		t.Errorf("an owner nobody attests did not hold the call back: %v", err)
	}
	must(t, apply(t, s, ledger.Op{Key: check.Key, Put: ledger.Item{"tenant": Text("acme")}}))
	must(t, apply(t, s, act, check))
	must(t, apply(t, s, check))
	same(t, "a check wrote something", get(t, s, check.Key), ledger.Item{"tenant": Text("acme")})
}
