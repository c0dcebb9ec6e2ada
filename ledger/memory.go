package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// Memory is a [Store] in this process: linearizable, and forgotten when the process ends.
// The zero Memory is empty and ready to use; it must not be copied.
type Memory struct {
	mu     sync.Mutex
	items  map[Key]Item
	tokens map[string]string // token → what was done under it
	recent []string          // tokens in order of use, the oldest first
}

// rememberTokens is how many tokens stay known. A database forgets them by time (DynamoDB
// after ten minutes); a process that takes requests for hours must forget them too.
const rememberTokens = 1 << 14

// Apply does all operations or none, see [Store]. A token that comes again with other
// operations is a caller's fault and [ErrInvalid].
func (m *Memory) Apply(ctx context.Context, token string, ops []Op) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := checkOps(ops); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	mark := opsMark(ops)
	if before, known := m.tokens[token]; known {
		if before != mark {
			return invalid("token %s comes again with other operations", token)
		}
		return nil
	}
	for n, op := range ops {
		if i := m.items[op.Key]; !op.Holds(i) {
			return &OpFailed{Op: n, Item: i.clone()}
		}
	}
	for _, op := range ops {
		m.write(op)
	}
	m.remember(token, mark)
	return nil
}

// checkOps refuses what a database refuses: the same item twice in one transaction.
func checkOps(ops []Op) error {
	seen := map[Key]bool{}
	for _, op := range ops {
		if seen[op.Key] {
			return invalid("a transaction names %v twice", op.Key)
		}
		seen[op.Key] = true
	}
	if len(ops) == 0 {
		return invalid("a transaction does something")
	}
	return nil
}

func opsMark(ops []Op) string {
	text, _ := json.Marshal(ops) // maps are printed in order of their keys
	return digest(text)
}

func (m *Memory) remember(token, mark string) {
	if m.tokens == nil {
		m.tokens = map[string]string{}
	}
	m.tokens[token] = mark
	m.recent = append(m.recent, token)
	if len(m.recent) > rememberTokens {
		delete(m.tokens, m.recent[0])
		m.recent = m.recent[1:]
	}
}

func (m *Memory) write(op Op) {
	if m.items == nil {
		m.items = map[Key]Item{}
	}
	if after := op.After(m.items[op.Key]); after != nil {
		m.items[op.Key] = after
	} else {
		delete(m.items, op.Key)
	}
}

// Get answers a copy of an item, nil for none.
func (m *Memory) Get(ctx context.Context, k Key) (Item, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.items[k].clone(), nil
}

// List answers copies of a partition's items in order of their sort keys.
func (m *Memory) List(ctx context.Context, table, partition string) ([]Item, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []Item
	for _, k := range slices.SortedFunc(maps.Keys(m.items), compareKeys) {
		if k.Table == table && k.Partition == partition {
			out = append(out, m.items[k].clone())
		}
	}
	return out, nil
}

// Due answers copies of what is due, oldest first.
func (m *Memory) Due(ctx context.Context, before time.Time, limit int) ([]Item, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var keys []Key
	for k, i := range m.items {
		if due := i["due"].N; due != nil && *due <= before.Unix() {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b Key) int {
		return cmp.Or(cmp.Compare(*m.items[a]["due"].N, *m.items[b]["due"].N), compareKeys(a, b))
	})
	var out []Item
	for _, k := range keys[:min(len(keys), limit)] {
		out = append(out, m.items[k].clone())
	}
	return out, nil
}

// All answers a copy of everything, for tests and for a person who looks.
func (m *Memory) All() map[Key]Item {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make(map[Key]Item, len(m.items))
	for k, i := range m.items {
		out[k] = i.clone()
	}
	return out
}

func compareKeys(a, b Key) int {
	return cmp.Or(strings.Compare(a.Table, b.Table), strings.Compare(a.Partition, b.Partition), strings.Compare(a.Sort, b.Sort))
}

func (i Item) clone() Item {
	if i == nil {
		return nil
	}
	out := make(Item, len(i))
	for name, v := range i {
		if v.N != nil {
			v = number(*v.N)
		}
		v.B, v.SS = slices.Clone(v.B), slices.Clone(v.SS)
		out[name] = v
	}
	return out
}

// Holds reports whether an item, nil for none, meets every condition of the operation.
func (op *Op) Holds(i Item) bool {
	for _, c := range op.If {
		if !c.Holds(i) {
			return false
		}
	}
	return true
}

// Holds reports whether an item, nil for none, meets the condition.
func (c *Condition) Holds(i Item) bool {
	v, there := i[c.Attribute]
	switch {
	case c.Op == Exists:
		return there
	case c.Op == Absent:
		return !there
	case !there:
		return c.OrAbsent || c.Op == Lacks
	case c.Op == Holds:
		return v.kind() == 'S' && v.S == c.Value.S || slices.Contains(v.SS, c.Value.S)
	case c.Op == Lacks:
		return v.SS != nil && !slices.Contains(v.SS, c.Value.S)
	case v.kind() != c.Value.kind():
		return false
	}
	return c.compares(v)
}

func (c *Condition) compares(v Value) bool {
	order, equal := v.compare(c.Value), false
	switch c.Op {
	case "=":
		equal = order == 0
	case "<":
		equal = order < 0
	case "<=":
		equal = order <= 0
	case ">":
		equal = order > 0
	case ">=":
		equal = order >= 0
	}
	return equal // an operator nobody knows holds for nothing
}

func (v Value) kind() byte {
	switch {
	case v.N != nil:
		return 'N'
	case v.B != nil:
		return 'B'
	case v.SS != nil:
		return 'L'
	}
	return 'S'
}

func (v Value) compare(w Value) int {
	switch v.kind() {
	case 'N':
		return cmp.Compare(*v.N, *w.N)
	case 'B':
		return slices.Compare(v.B, w.B)
	case 'L':
		return slices.Compare(compact(v.SS), compact(w.SS))
	}
	return strings.Compare(v.S, w.S)
}

// After is the item once the operation is done, nil if it is gone.
func (op *Op) After(i Item) Item {
	switch {
	case op.Delete:
		return nil
	case op.Put != nil:
		return op.Put.clone()
	case op.IsCheck():
		return i
	}
	out := i.clone()
	if out == nil {
		out = Item{}
	}
	for name, n := range op.Add {
		out[name] = number(out.number(name) + n)
	}
	for name, members := range op.Join {
		out[name] = Value{SS: compact(append(slices.Clone(out[name].SS), members...))}
	}
	maps.Copy(out, op.Set.clone())
	for _, name := range op.Remove {
		delete(out, name)
	}
	return out
}

// IsCheck reports whether the operation writes nothing.
func (op *Op) IsCheck() bool {
	return op.Put == nil && !op.Delete && len(op.Add) == 0 && len(op.Join) == 0 && len(op.Set) == 0 && len(op.Remove) == 0
}
