// Package model is the broker between an agent and its models: Amazon Bedrock's runtime API
// (Converse and InvokeModel, streaming too), so that an unmodified AWS SDK reaches it by an
// endpoint and a bearer token. Every call is reserved at its worst before it is made and
// settled by the usage that Bedrock reports: the token and cost limits of an execution are
// hard. It knows ports, and no AWS service. Start with [Broker.Handler]. The zero [Broker]
// refuses.
//
// Verify, read, reserve, call, settle. What cannot be bounded before it is sent (an image, a
// document, a field that changes what tokens cost) is refused, never guessed at.
package model

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"remit/audit"
	"remit/identity"
	"remit/ledger"
	"remit/policy"
	"remit/terms"
)

// Verifier says who is asking. It fails for every token it does not fully trust.
type Verifier interface {
	Verify(ctx context.Context, raw, audience string, now time.Time) (identity.Claims, error)
}

// Ledger keeps limits and evidence; see package ledger.
type Ledger interface {
	Reserve(context.Context, ledger.Claim) (ledger.Reservation, error)
	Settle(context.Context, terms.CallID, ledger.Outcome) error
	Deny(context.Context, ledger.Denial) error
}

// Upstream is Bedrock. Its response's body is the caller's to close; an error means that
// nobody knows whether the model ran.
type Upstream interface {
	Call(ctx context.Context, path string, header http.Header, body []byte) (*http.Response, error)
}

// Door is the front door, which alone may stop a session.
type Door interface {
	End(ctx context.Context, execution terms.ExecutionID, token string) error
}

// Broker serves one lane. All fields are required.
type Broker struct {
	Models   policy.Models
	Verifier Verifier
	Ledger   Ledger
	Upstream Upstream
	Door     Door
	Note     func(reference, why string) // for operators alone; no token, no prompt, no answer
	Now      func() time.Time
}

func (b *Broker) complete() bool {
	return !b.Models.Lane.IsZero() && b.Verifier != nil && b.Ledger != nil && b.Upstream != nil && b.Door != nil && b.Note != nil && b.Now != nil
}

// Handler serves the four operations of Bedrock's runtime that make a model answer:
//
//	POST /model/{modelId}/converse                      POST /model/{modelId}/invoke
//	POST /model/{modelId}/converse-stream               POST /model/{modelId}/invoke-with-response-stream
func (b *Broker) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, operation := range []string{converse, converseStream, invoke, invokeStream} {
		mux.HandleFunc("POST /model/{model}/"+operation, func(w http.ResponseWriter, r *http.Request) { b.serve(w, r, operation) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusNotFound, "UnknownOperationException", "the broker serves converse, converse-stream, invoke and invoke-with-response-stream of declared models")
	})
	return mux
}

// call is one call of a model on its way.
type call struct {
	*Broker
	reference string
	token     string
	claims    identity.Claims
	asked     asked
	price     policy.Price
	claim     ledger.Claim
	fence     uint64
}

func (b *Broker) serve(w http.ResponseWriter, r *http.Request, operation string) {
	c := &call{Broker: b, reference: rand.Text()[:16], token: identity.Bearer(r)}
	if !b.complete() || !c.verify(r.Context()) {
		fail(w, http.StatusForbidden, "AccessDeniedException", "refused, reference "+c.reference)
		return
	}
	var err error
	if c.asked, err = read(r, operation); err != nil {
		fail(w, http.StatusBadRequest, "ValidationException", err.Error())
		return
	}
	var allowed bool
	if c.price, allowed = b.Models.Prices[c.asked.model]; !allowed {
		c.denied(r.Context(), "the model is not declared for this agent", "agents."+b.Models.Lane.Agent+".models.ids")
		fail(w, http.StatusForbidden, "AccessDeniedException", "refused, reference "+c.reference)
		return
	}
	if err := c.reserve(r.Context()); err != nil {
		c.refused(r.Context(), w, err)
		return
	}
	c.run(r.Context(), w)
}

// verify trusts tokens that were made for this lane's models alone: the one that opens the
// gateway opens nothing here.
func (c *call) verify(ctx context.Context) bool {
	claims, err := c.Verifier.Verify(ctx, c.token, identity.ModelAudience(c.Models.Lane), c.Now())
	if err != nil || claims.Lane != c.Models.Lane {
		c.note(untrusted(err))
		return false
	}
	c.claims = claims
	return true
}

// untrusted says why as operators read it: which claim, and nothing of the token.
func untrusted(err error) string {
	if refusal, ok := errors.AsType[*identity.Refusal](err); ok {
		return "the token is not trusted here: " + string(refusal.Reason)
	}
	return "the token is not trusted here"
}

func (c *call) note(why string) {
	if c.Note != nil {
		c.Note(c.reference, why)
	}
}

// reserve takes the most that the call can come to. A call that comes again is another call:
// an SDK's retry runs the model again, and is paid again.
func (c *call) reserve(ctx context.Context) error {
	now := c.Now()
	record := c.record(now)
	record.Allowed = true
	intent, err := record.Encode()
	if err != nil {
		return err
	}
	worst := c.price.Worst(c.asked.input, c.asked.output)
	c.claim = ledger.Claim{
		Call: record.Call, Execution: c.claims.Execution, User: c.claims.User, Intent: intent, At: now,
		Takes: takes(c.asked.input+c.asked.output, worst),
		Lease: max(time.Second, min(ledger.MaxLease, c.claims.Expires.Sub(now))),
	}
	reservation, err := c.Ledger.Reserve(ctx, c.claim)
	c.fence = reservation.Fence
	return err
}

func takes(tokens, cost int64) []ledger.Amount {
	return []ledger.Amount{{Limit: ledger.TokensLimit, Take: tokens}, {Limit: ledger.ModelCostLimit, Take: cost}, {Limit: ledger.CostLimit, Take: cost}}
}

func (c *call) record(now time.Time) audit.Record {
	sum := sha256.Sum256([]byte(string(c.claims.Execution) + " model " + rand.Text()))
	return audit.Record{
		Call: terms.CallID(hex.EncodeToString(sum[:])), Execution: c.claims.Execution, Lane: c.claims.Lane, User: c.claims.User,
		Model: c.asked.model, At: now, Checks: []audit.Check{}, Input: audit.Content{Digest: digestOf(c.asked.body)},
	}
}

func digestOf(text []byte) terms.Digest {
	return terms.Digest(fmt.Sprintf("sha256:%x", sha256.Sum256(text)))
}

// denied records a call that was refused, as evidence and for operators. It is refused all the
// same when the evidence cannot be kept.
func (c *call) denied(ctx context.Context, why, rule string) {
	c.note(why)
	record := c.record(c.Now())
	record.Checks = append(record.Checks, audit.Check{Name: "model", Reason: why, Rule: rule})
	intent, err := record.Encode()
	if err == nil {
		err = c.Ledger.Deny(ctx, ledger.Denial{Call: record.Call, Execution: record.Execution, Intent: intent, At: record.At})
	}
	if err != nil {
		c.note("refused, and the record could not be kept: " + err.Error())
	}
}

// refused answers a call that the ledger did not admit. An execution that can pay for no call
// at all is over, whatever its agent would still like to do.
func (c *call) refused(ctx context.Context, w http.ResponseWriter, err error) {
	var refusal *ledger.Refusal
	if !errors.As(err, &refusal) {
		c.note(err.Error())
		fail(w, http.StatusServiceUnavailable, "ServiceUnavailableException", "temporarily unavailable, try again later")
		return
	}
	c.denied(ctx, refusal.Error(), "environments."+c.Models.Lane.Environment+".limits")
	switch refusal.What {
	case ledger.RefusedClosed:
		fail(w, http.StatusForbidden, "AccessDeniedException", "the execution has ended")
	case ledger.RefusedStopped:
		fail(w, http.StatusForbidden, "AccessDeniedException", "refused, reference "+c.reference)
	default:
		c.short(ctx, w, refusal)
	}
}

// short answers a call for which too little is left. What is asked for is never cut to fit.
func (c *call) short(ctx context.Context, w http.ResponseWriter, refusal *ledger.Refusal) {
	if refusal.Left >= c.least(refusal.What) {
		fail(w, http.StatusBadRequest, "ServiceQuotaExceededException", fmt.Sprintf("%s: this call could take %d, and %d are left; ask for a shorter answer, or send less", refusal.What, c.most(refusal.What), refusal.Left))
		return
	}
	if err := c.Door.End(context.WithoutCancel(ctx), c.claims.Execution, c.token); err != nil {
		c.note("used up and not ended, so the sweep will: " + err.Error())
	}
	fail(w, http.StatusBadRequest, "ServiceQuotaExceededException", refusal.What+" is used up, and the execution has ended")
}

func (c *call) most(limit string) int64 {
	for _, t := range c.claim.Takes {
		if t.Limit == limit {
			return t.Take
		}
	}
	return 0
}

// smallest is the shortest thing to say to a model.
const smallest = `{"inferenceConfig":{"maxTokens":1},"messages":[{"content":[{"text":"x"}],"role":"user"}]}`

// least is what the smallest call of the cheapest model takes.
func (c *call) least(limit string) int64 {
	const input = overhead + int64(len(smallest))
	if limit == ledger.TokensLimit {
		return input + 1
	}
	least := c.price.Worst(input, 1)
	for _, p := range c.Models.Prices {
		least = min(least, p.Worst(input, 1))
	}
	return max(1, least)
}
