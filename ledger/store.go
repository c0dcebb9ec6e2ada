package ledger

import (
	"context"
	"fmt"
	"time"
)

// Item is a stored item by attribute; nil means absent.
type Item map[string]Value

// Value is one attribute: a text, a number, bytes, or a set of texts; exactly one is set.
type Value struct {
	S  string
	N  *int64
	B  []byte
	SS []string
}

// Op is one conditional write of a transaction, or with neither Put, Add, Set, Remove nor
// Delete a mere check. Every condition of If must hold, or nothing happens.
type Op struct {
	Key    Key
	Put    Item // replaces the whole item
	Add    map[string]int64
	Set    Item
	Remove []string
	Delete bool
	If     []Condition
}

// Condition is one test of an item's attribute.
type Condition struct {
	Attribute string
	Op        string // exists, absent, =, <, <=, >, >=, contains
	Value     Value
}

// OpFailed names the operation whose condition failed and the item it met.
type OpFailed struct {
	Op   int
	Item Item
}

// Error names the operation.
func (f *OpFailed) Error() string {
	return fmt.Sprintf("ledger: condition of operation %d failed", f.Op)
}

// Store is the port to a database. Apply does all or nothing and is idempotent per token;
// it fails with [*OpFailed] or [ErrUnavailable]. Get and List are strongly consistent and
// never on the allowed path. Due lists items whose attribute due (Unix seconds) has passed,
// oldest first; it may lag behind.
type Store interface {
	Apply(ctx context.Context, token string, ops []Op) error
	Get(ctx context.Context, k Key) (Item, error)
	List(ctx context.Context, table, partition string) ([]Item, error)
	Due(ctx context.Context, before time.Time, limit int) ([]Item, error)
}
