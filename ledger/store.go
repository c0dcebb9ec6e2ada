package ledger

import (
	"context"
	"fmt"
	"time"
)

// Item is a stored item by attribute; nil means absent.
type Item map[string]Value

// Value is one attribute: a text, a number, bytes, or a set of texts; exactly one is set.
// The zero Value is the empty text. A set is never empty: an attribute without members is
// absent.
type Value struct {
	S  string
	N  *int64
	B  []byte
	SS []string
}

// Op is one conditional write of a transaction, or with neither Put, Add, Join, Set, Remove
// nor Delete a mere check. Every condition of If must hold, or nothing happens. Put and
// Delete stand alone; the others may come together, on different attributes, and make the
// item if it is absent. No two operations of a transaction name the same item.
type Op struct {
	Key    Key
	Put    Item                // replaces the whole item
	Add    map[string]int64    // to a number; an absent one is 0
	Join   map[string][]string // into a set; an absent one is empty
	Set    Item
	Remove []string
	Delete bool
	If     []Condition
}

// Condition is one test of an item's attribute. Values of different kinds are never equal
// nor ordered, and a comparison with an absent attribute fails unless OrAbsent is set.
type Condition struct {
	Attribute string
	Op        string // exists, absent, =, <, <=, >, >=, holds, lacks
	Value     Value  // of holds and lacks: a text
	OrAbsent  bool   // also holds while the attribute is absent
}

// What a condition can ask besides the comparisons.
const (
	Exists = "exists"
	Absent = "absent"
	Holds  = "holds" // is this very text, or a set with this member
	Lacks  = "lacks" // is absent, or a set without this member
)

// OpFailed names the first operation whose condition failed and the item it met, nil if
// there was none.
type OpFailed struct {
	Op   int
	Item Item
}

// Error names the operation.
func (f *OpFailed) Error() string {
	return fmt.Sprintf("ledger: condition of operation %d failed", f.Op)
}

// Store is the port to a database.
//
// Apply does all or nothing and is idempotent per token: a token whose operations were
// done once is answered nil and does nothing again. It fails with [*OpFailed], or with an
// error that wraps [ErrUnavailable], after which the operations may or may not have been
// done.
//
// Get and List are strongly consistent and never on the allowed path; the item of a key
// that was never written is nil. Due lists items whose attribute due (Unix seconds) is not
// after before, oldest first; it may lag behind, and holds at least [DueAttributes].
type Store interface {
	Apply(ctx context.Context, token string, ops []Op) error
	Get(ctx context.Context, k Key) (Item, error)
	List(ctx context.Context, table, partition string) ([]Item, error)
	Due(ctx context.Context, before time.Time, limit int) ([]Item, error)
}

// DueAttributes say which item is due: its kind and what its key is made of. A store's
// index holds them and nothing else, so that counting does not write to it.
var DueAttributes = []string{"kind", "due", "execution", "call", "tenant", "user", "id"}

// Key names an item: a table by its role ([LedgerTable] or [DirectoryTable]), partition and
// sort key.
type Key struct{ Table, Partition, Sort string }

// The tables, by what they hold. A store maps them to physical names.
const (
	LedgerTable    = "ledger"
	DirectoryTable = "directory"
)

// OwnerKey is where the directory keeps the owner of a datum: attribute tenant, and one
// text set for each relation, named "relation/" and the relation.
func OwnerKey(directory, datum string) Key {
	return Key{DirectoryTable, "DATUM#" + directory + "#" + datum, "OWNER"}
}
