// Package audit is the record: the evidence of one decision, and its encoding. It knows
// no store and no AWS; chain, archive and explanation build on it. Start with [Record].
// The zero Record proves nothing and its verdict is a denial.
package audit

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"remit/terms"
)

// Record is what one tool call leaves behind. The intent half is written with the
// reservation, the outcome half with the settlement; a record without outcome is an
// unfinished call, which explain says first. Times are UTC.
type Record struct {
	Call      terms.CallID      `json:"call"`
	Execution terms.ExecutionID `json:"execution"`
	Lane      terms.Lane        `json:"lane"`
	User      terms.User        `json:"user"`
	Tool      string            `json:"tool"`
	Model     string            `json:"model,omitempty"` // of a call of a model: then Tool is empty
	Bundle    terms.Digest      `json:"bundle,omitempty"`
	At        time.Time         `json:"at"`
	Allowed   bool              `json:"allowed"`
	Checks    []Check           `json:"checks"`
	Input     Content           `json:"input"`
	Rationale string            `json:"rationale,omitempty"` // the agent's own statement, never a fact
	Outcome   *Outcome          `json:"outcome,omitempty"`
}

// Check is one check's verdict and the path of the declaration it rests on.
type Check struct {
	Name    string `json:"name"`
	Allowed bool   `json:"allowed"`
	Reason  string `json:"reason"`
	Rule    string `json:"rule"`
}

// Content is data as the declared level keeps it: always the digest, and the sealed bytes
// where the level is full. Sealed is encrypted per subject key; it is never plain text.
type Content struct {
	Digest terms.Digest `json:"digest,omitempty"`
	Sealed []byte       `json:"sealed,omitempty"`
	Key    string       `json:"key,omitempty"`
}

// Outcome is the second half: what left, what it cost, and how the call ended.
type Outcome struct {
	At       time.Time      `json:"at"`
	Status   string         `json:"status"`
	Output   Content        `json:"output"`
	Withheld int            `json:"withheld"`
	Cost     terms.MicroUSD `json:"cost"`
}

// Encode is the record's canonical bytes: one JSON object, keys in a fixed order, times in
// UTC, so that equal records chain to equal hashes.
func (r Record) Encode() ([]byte, error) {
	r.At = r.At.UTC()
	if r.Outcome != nil {
		outcome := *r.Outcome
		outcome.At = outcome.At.UTC()
		r.Outcome = &outcome
	}
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(r); err != nil {
		return nil, fmt.Errorf("record %s: %w", r.Call, err)
	}
	return bytes.TrimRight(out.Bytes(), "\n"), nil
}

// MaxRecord is the largest record read back, in bytes: a DynamoDB item's limit.
const MaxRecord = 400 << 10

// Decode reads what [Record.Encode] wrote. Unknown keys, trailing bytes and records over
// [MaxRecord] are errors: evidence is not guessed at.
func Decode(text []byte) (Record, error) {
	if len(text) > MaxRecord {
		return Record{}, fmt.Errorf("record: %d bytes, at most %d are read", len(text), MaxRecord)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var r Record
	if err := decoder.Decode(&r); err != nil {
		return Record{}, fmt.Errorf("record: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF { // More would overlook a closing bracket
		return Record{}, fmt.Errorf("record %s: bytes after its end", r.Call)
	}
	return r, nil
}
