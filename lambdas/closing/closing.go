// Package closing ends de-duplications: when the event that closes an item happens on its bus,
// the item's key is free and the next call makes a new one. It knows the declared closings, the
// directory of owners and the ledger; it can free a key and claim none. Start with
// [Closer.Handle]. The zero [Closer] ends nothing.
//
// An event that cannot be used is an error, so that it ends where operators look: the item it
// was about stays open.
package closing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"remit/lambdas/arguments"
	"remit/ledger"
	"remit/policy"
)

// Event is what happened, as the rule of its bus passes it on. EventBridge's own form does
// not say on which bus an event came.
type Event struct {
	Bus   string `json:"bus"` // as the declaration calls it
	Event struct {
		Type   string         `json:"detail-type"`
		Time   time.Time      `json:"time"`
		Detail map[string]any `json:"detail"`
	} `json:"event"`
}

// Ledger frees keys; see package ledger.
type Ledger interface {
	Happened(ctx context.Context, key, event string, at time.Time) error
}

// Directory answers which tenant owns a datum, "" for none.
type Directory interface {
	Owner(ctx context.Context, directory, datum string) (tenant string, err error)
}

// Closer serves one environment. All fields are required.
type Closer struct {
	Closings  []policy.Closing
	Ledger    Ledger
	Directory Directory
}

// Handle ends every de-duplication that the event closes. Nothing comes of an event that came
// before the item was made, or came twice.
func (c *Closer) Handle(ctx context.Context, e Event) error {
	if c.Ledger == nil || c.Directory == nil || e.Event.Time.IsZero() {
		return errors.New("closing: there is no ledger, no directory, or no time")
	}
	closes := slices.DeleteFunc(slices.Clone(c.Closings), func(k policy.Closing) bool { return k.Bus != e.Bus || k.Event != e.Event.Type })
	if len(closes) == 0 {
		return fmt.Errorf("closing: %s on %s closes nothing here", e.Event.Type, e.Bus)
	}
	var failed error
	for _, k := range closes {
		failed = errors.Join(failed, c.close(ctx, k, e))
	}
	return failed
}

// close frees the key of one item, under the tenant that owns the datum now: whoever owned it
// before could not call the tool about it any more.
func (c *Closer) close(ctx context.Context, k policy.Closing, e Event) error {
	id, ok := e.Event.Detail[k.ID].(string)
	if !ok || id == "" {
		return fmt.Errorf("closing: %s names no %s, so nobody knows which item of %s is closed", k.Event, k.ID, k.Tool)
	}
	tenant, err := c.Directory.Owner(ctx, k.Directory, id)
	if err != nil {
		return fmt.Errorf("closing: the owner of the datum of %s: %w", k.Tool, err)
	}
	if tenant == "" {
		return fmt.Errorf("closing: nobody in %s owns the datum that %s names, so its item of %s stays open", k.Directory, k.Event, k.Tool)
	}
	return c.Ledger.Happened(ctx, arguments.Key(k.Tool, tenant, []string{k.Argument}, map[string]any{k.Argument: id}), k.Event, e.Event.Time)
}

// Owners reads the directory from a store.
type Owners struct{ ledger.Store }

// Owner answers which tenant owns a datum.
func (o Owners) Owner(ctx context.Context, directory, datum string) (string, error) {
	i, err := o.Get(ctx, ledger.OwnerKey(directory, datum))
	return i["tenant"].S, err
}
