// Package sim runs the ledger against everything that can go wrong, in an order that a seed
// decides: answers lost after the write, deliveries that come twice, throttles, conflicts,
// crashes between any two steps, clocks that are wrong by five minutes. After every write
// an oracle that knows none of the ledger's code paths adds everything up again. It is for
// tests and for [remit/ledger/sim/soak]. Start with [Run].
package sim

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"remit/ledger"
)

// database is a small linearizable model of DynamoDB: items, transactions that are
// remembered by their token, a list of what is due. Items are never changed, only replaced.
type database struct {
	items  map[ledger.Key]ledger.Item
	tokens map[string]bool
	// mutate plants a bug: it changes what arrives. nil in a run that must be right.
	mutate func(ops []ledger.Op) []ledger.Op
	forget bool                                          // plants a bug: tokens are not remembered
	wrote  func(op ledger.Op, before, after ledger.Item) // with the operation as it was sent
	done   func()
}

func newDatabase() *database {
	return &database{items: map[ledger.Key]ledger.Item{}, tokens: map[string]bool{}, wrote: func(ledger.Op, ledger.Item, ledger.Item) {}, done: func() {}}
}

// apply does a transaction at one instant.
func (d *database) apply(token string, ops []ledger.Op) error {
	if d.tokens[token] && !d.forget {
		return nil
	}
	sent := ops
	if d.mutate != nil {
		ops = d.mutate(ops)
	}
	if err := d.check(ops); err != nil {
		return err
	}
	d.tokens[token] = true
	d.write(sent, ops)
	return nil
}

func (d *database) check(ops []ledger.Op) error {
	for n, op := range ops {
		if i := d.items[op.Key]; !op.Holds(i) {
			return &ledger.OpFailed{Op: n, Item: i}
		}
	}
	return nil
}

func (d *database) write(sent, ops []ledger.Op) {
	for n, op := range ops {
		before := d.items[op.Key]
		after := op.After(before)
		if after == nil {
			delete(d.items, op.Key)
		} else {
			d.items[op.Key] = after
		}
		if !op.IsCheck() {
			d.wrote(sent[n], before, after)
		}
	}
	d.done()
}

func (d *database) list(table, partition string) []ledger.Item {
	return d.sorted(func(k ledger.Key, _ ledger.Item) bool { return k.Table == table && k.Partition == partition })
}

func (d *database) sorted(want func(ledger.Key, ledger.Item) bool) []ledger.Item {
	var keys []ledger.Key
	for k, i := range d.items {
		if want(k, i) {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b ledger.Key) int {
		return cmp.Or(strings.Compare(a.Partition, b.Partition), strings.Compare(a.Sort, b.Sort))
	})
	out := make([]ledger.Item, len(keys))
	for n, k := range keys {
		out[n] = maps.Clone(d.items[k])
	}
	return out
}

func (d *database) due(before time.Time, limit int) []ledger.Item {
	out := d.sorted(func(_ ledger.Key, i ledger.Item) bool { n := i["due"].N; return n != nil && *n <= before.Unix() })
	slices.SortStableFunc(out, func(a, b ledger.Item) int { return cmp.Compare(*a["due"].N, *b["due"].N) })
	return out[:min(limit, len(out))]
}

// calm is the model as a store without faults, for callers that come at once: what the
// suite of every store runs over.
type calm struct {
	mu sync.Mutex
	d  *database
}

// at runs a request at one instant, unless its caller has gone.
func (c *calm) at(ctx context.Context, request func() error) error {
	if ctx.Err() != nil {
		return ledger.ErrUnavailable
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return request()
}

func (c *calm) Apply(ctx context.Context, token string, ops []ledger.Op) error {
	return c.at(ctx, func() error { return c.d.apply(token, ops) })
}

func (c *calm) Get(ctx context.Context, k ledger.Key) (i ledger.Item, err error) {
	err = c.at(ctx, func() error { i = maps.Clone(c.d.items[k]); return nil })
	return i, err
}

func (c *calm) List(ctx context.Context, table, partition string) (all []ledger.Item, err error) {
	err = c.at(ctx, func() error { all = c.d.list(table, partition); return nil })
	return all, err
}

func (c *calm) Due(ctx context.Context, before time.Time, limit int) (all []ledger.Item, err error) {
	err = c.at(ctx, func() error { all = c.d.due(before, limit); return nil })
	return all, err
}
