package ledger

import (
	"strconv"
	"time"

	"remit/terms"
)

// A record is the evidence of one pass of a call: an intent, and an outcome once it ended;
// or a denial. Records are put and never changed: their keys are their own, so a change is
// an alarm whoever makes it. Their bodies are the caller's bytes.

// The parts of a record, which are the last word of its sort key.
const (
	intent  = "intent"
	outcome = "outcome"
	denial  = "denial"
)

type record struct {
	execution terms.ExecutionID
	call      terms.CallID
	pass      int64  // which time the call came; its fence
	refused   string // of a denial, which has no pass: what tells it from others
	part      string
	status    Status
	why       string // of an indeterminate outcome: its lease ran out, or another pass came
	body      []byte
	at        time.Time
}

// Why an outcome is indeterminate.
const (
	whyLease = "lease"
	whyPass  = "pass"
)

func recordKey(execution terms.ExecutionID, call terms.CallID, pass, half string) Key {
	return Key{LedgerTable, "RECORD#" + part(execution), part(call) + "#" + pass + "#" + half}
}

func passText(pass int64) string { return strconv.FormatInt(pass, 10) }

func (r record) step() step {
	pass := r.refused
	if pass == "" {
		pass = passText(r.pass)
	}
	return step{op: Op{Key: recordKey(r.execution, r.call, pass, r.part), Put: Item{
		"kind": text("record"), "execution": text(r.execution), "call": text(r.call), "pass": text(pass), "part": text(r.part),
		"status": text(r.status), "why": text(r.why), "body": Value{B: append([]byte{}, r.body...)}, "at": instant(r.at), "ttl": seconds(r.at.Add(Keep)),
	}}}
}
