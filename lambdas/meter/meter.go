// Package meter charges executions with what their agents used of models directly, by the
// account's own log of model invocations (Bedrock User Guide, model-invocation-logging). What
// it learns it learns late: a limit that is metered is passed by what is used until then. It
// knows the lanes that are metered, their prices and the ledger; it knows no AWS service, and
// keeps nothing of what was said to a model or by it. Start with [Meter.Handle]. The zero
// [Meter] charges nobody and fails.
//
// Whose usage it is, IAM says: the role that called. Which execution's, the agent says, in the
// request's metadata; it can name executions of its own lane alone. What names none is charged
// to the lane and counted, for an alarm.
package meter

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"remit/audit"
	"remit/ledger"
	"remit/policy"
	"remit/terms"
)

// Ledger is what may be charged; see package ledger.
type Ledger interface {
	Execution(context.Context, terms.ExecutionID) (ledger.Execution, error)
	Charge(context.Context, ledger.Metered) (ledger.Execution, error)
	ChargeLane(context.Context, ledger.Unattributed) error
}

// Kind is something that a person should look at.
type Kind string

// The kinds, as metrics are called.
const (
	Unattributed Kind = "Unattributed" // usage that no execution could be charged with, or that the log does not count
	Overshoot    Kind = "Overshoot"    // an execution used more beyond a limit than was declared
)

// Kinds is all of them, each of which has an alarm.
var Kinds = []Kind{Unattributed, Overshoot}

// Meter serves one environment. All fields are required.
type Meter struct {
	Policy policy.Meter
	Ledger Ledger
	Count  func(lane terms.Lane, what Kind) // for an alarm
	Note   func(reference, why string)      // for operators alone; nothing of a prompt or an answer
}

// Handle charges what a batch of the log tells. One record that cannot be used does not keep
// the others: the batch then fails, and comes again. What was charged is not charged twice.
func (m *Meter) Handle(ctx context.Context, e Event) error {
	if m.Ledger == nil || m.Count == nil || m.Note == nil || len(m.Policy.Lanes) == 0 {
		return errors.New("meter: it is not set up")
	}
	b, err := e.batch()
	switch {
	case err != nil:
		return err
	case b.Kind == control:
		return nil
	case b.Group != m.Policy.Group:
		return fmt.Errorf("meter: a batch of log group %q, and %q is what the declaration names", b.Group, m.Policy.Group)
	}
	var failed error
	for _, event := range b.Events {
		if err := m.record(ctx, []byte(event.Message)); err != nil {
			failed = errors.Join(failed, fmt.Errorf("meter: log event %s: %w", event.ID, err))
		}
	}
	return failed
}

// record charges one invocation, if a metered lane made it. The rest of the account's is not
// ours to look at.
func (m *Meter) record(ctx context.Context, text []byte) error {
	i, err := read(text)
	if err != nil {
		return err
	}
	for _, lane := range m.Policy.Lanes {
		if lane.Is(i.Identity.ARN) {
			return m.charge(ctx, lane, i)
		}
	}
	return nil
}

// charge finds the execution that used it, or charges the lane.
func (m *Meter) charge(ctx context.Context, lane policy.Metered, i invocation) error {
	spent := m.spent(lane, i)
	x, err := m.execution(ctx, lane, i)
	if err != nil {
		return err
	}
	if x.ID == "" {
		return m.stray(ctx, lane, i, spent)
	}
	charged, err := m.metered(x, i, spent)
	if err != nil {
		return err
	}
	x, err = m.Ledger.Charge(ctx, charged)
	if err != nil {
		return err
	}
	m.beyond(lane, i, x)
	return nil
}

// execution is the one of the lane that the call names, zero for none.
func (m *Meter) execution(ctx context.Context, lane policy.Metered, i invocation) (ledger.Execution, error) {
	id := terms.ExecutionID(i.Metadata[ExecutionKey])
	if terms.OwnerOf(string(id)) != lane.Models.Lane.Key() {
		return ledger.Execution{}, nil
	}
	x, err := m.Ledger.Execution(ctx, id)
	if err != nil || x.Lane != lane.Models.Lane {
		return ledger.Execution{}, err
	}
	return x, nil
}

// spent is what a call used, as limits count it.
type spent struct {
	policy.Usage
	cost int64
}

func (s spent) amounts() []ledger.Amount {
	return []ledger.Amount{{Limit: ledger.TokensLimit, Take: s.Tokens()}, {Limit: ledger.ModelCostLimit, Take: s.cost}, {Limit: ledger.CostLimit, Take: s.cost}}
}

// spent prices a call. One that the log does not count is charged with what it does, and told.
func (m *Meter) spent(lane policy.Metered, i invocation) spent {
	price, declared := lane.Models.PriceOf(i.Model)
	if !declared {
		m.Note(i.Request, "model "+i.Model+" is not declared for "+lane.Models.Lane.String()+", and is charged at the dearest price that is")
	}
	usage, whole := i.usage()
	if !whole {
		m.Note(i.Request, "the log does not say how many tokens a call of "+i.Model+" by "+lane.Models.Lane.String()+" used")
		m.Count(lane.Models.Lane, Unattributed)
	}
	return spent{usage, price.Cost(usage)}
}

// call is the same for the same invocation, however often its log comes.
func (i invocation) call(lane terms.Lane) terms.CallID {
	sum := sha256.Sum256([]byte(lane.String() + " metered " + i.Request))
	return terms.CallID(hex.EncodeToString(sum[:]))
}

// metered is the charge with its record: whose it was, what it used, and nothing of what was
// said.
func (m *Meter) metered(x ledger.Execution, i invocation, s spent) (ledger.Metered, error) {
	out := ledger.Metered{Execution: x.ID, Call: i.call(x.Lane), Amounts: s.amounts(), At: i.At}
	said := fmt.Sprintf("request %s: %d tokens in, %d out, %d read from the cache, %d written to it", i.Request, s.Input, s.Output, s.CacheRead, s.CacheWrite)
	record := audit.Record{Call: out.Call, Execution: x.ID, Lane: x.Lane, User: x.User, Model: i.Model, At: i.At, Allowed: true,
		Checks: []audit.Check{{Name: "metered", Allowed: true, Reason: said, Rule: "agents." + x.Lane.Agent + ".models"}}}
	var err error
	if out.Intent, err = record.Encode(); err != nil {
		return ledger.Metered{}, err
	}
	out.Record, err = json.Marshal(audit.Outcome{At: i.At.UTC(), Status: string(ledger.Done), Cost: terms.MicroUSD(s.cost)})
	return out, err
}

// stray charges the lane with what names no execution of it, and has somebody look: its agent
// leaves out what the contract asks for, or its role is used from elsewhere.
func (m *Meter) stray(ctx context.Context, lane policy.Metered, i invocation, s spent) error {
	of := lane.Models.Lane
	m.Note(i.Request, "a call of "+i.Model+" by "+of.String()+" names no execution of the lane's, so the lane is charged")
	m.Count(of, Unattributed)
	return m.Ledger.ChargeLane(ctx, ledger.Unattributed{Lane: of, Date: ledger.DayOf(i.At, terms.Zone(m.Policy.Day)), Call: i.call(of), Amounts: s.amounts(), At: i.At})
}

// beyond has somebody look at an execution that used more beyond a limit than was declared:
// logs came later, or its agent was faster, than who declared it thought.
func (m *Meter) beyond(lane policy.Metered, i invocation, x ledger.Execution) {
	for _, limit := range slices.Sorted(maps.Keys(lane.Overshoot)) {
		if most := x.Caps[limit] + lane.Overshoot[limit]; x.Used[limit] > most {
			m.Note(i.Request, fmt.Sprintf("execution %s used %d of %s, and at most %d were thought possible", x.ID, x.Used[limit], limit, most))
			m.Count(lane.Models.Lane, Overshoot)
		}
	}
}
