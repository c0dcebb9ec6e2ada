package model

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"time"

	"remit/audit"
	"remit/ledger"
	"remit/policy"
	"remit/terms"
)

// MaxAnswer bounds an answer that does not stream, in bytes.
const MaxAnswer = 16 << 20

// toSettle is the time kept back for settling before the function itself ends.
const toSettle = 3 * time.Second

// run makes the call. Whoever has gone, it runs to its end: what it costs is known only there.
func (c *call) run(ctx context.Context, w http.ResponseWriter) {
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), c.cutAt(ctx))
	defer cancel()
	header := http.Header{"Content-Type": {"application/json"}, "Accept": {"*/*"}}
	reply, err := c.Upstream.Call(ctx, "/model/"+c.asked.model+"/"+c.asked.operation, header, c.asked.body)
	if err != nil {
		c.note("the model did not answer: " + err.Error())
		_ = c.settle(ctx, ending{status: ledger.Failed}) // what it noted is all that can be done
		fail(w, http.StatusServiceUnavailable, "ServiceUnavailableException", "the model did not answer; it may have run, and is charged")
		return
	}
	defer func() { _ = reply.Body.Close() }() // it was only read
	switch {
	case reply.StatusCode != http.StatusOK:
		c.failed(ctx, w, reply)
	case c.asked.streams():
		c.stream(ctx, w, reply)
	default:
		c.whole(ctx, w, reply)
	}
}

// cutAt is when the call is cut at the latest: while its reservation lives, and while there is
// time left to settle.
func (c *call) cutAt(ctx context.Context) time.Time {
	end := c.claim.At.Add(c.claim.Lease)
	if ends, bounded := ctx.Deadline(); bounded && ends.Before(end) {
		end = ends
	}
	return end.Add(-toSettle)
}

// failed passes on why Bedrock did not answer. A request that it turned away ran nothing; any
// other failure may have.
func (c *call) failed(ctx context.Context, w http.ResponseWriter, reply *http.Response) {
	text, _ := io.ReadAll(io.LimitReader(reply.Body, 64<<10)) // half a reason is one too
	end := ending{status: ledger.Failed}
	switch reply.StatusCode {
	case http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		end.status = ledger.Released
	}
	if err := c.settle(ctx, end); err != nil {
		fail(w, http.StatusServiceUnavailable, "ServiceUnavailableException", "temporarily unavailable, try again later")
		return
	}
	pass(w, reply)
	w.WriteHeader(reply.StatusCode)
	_, _ = w.Write(text) // the client has gone if this fails
}

// whole answers what does not stream, once it is settled: what cannot be kept does not leave.
func (c *call) whole(ctx context.Context, w http.ResponseWriter, reply *http.Response) {
	text, err := io.ReadAll(io.LimitReader(reply.Body, MaxAnswer+1))
	end := ending{status: ledger.Done, output: digestOf(text)}
	if err == nil && len(text) <= MaxAnswer {
		end.usage = c.usageOf(text)
	}
	if settled := c.settle(ctx, end); settled != nil || err != nil || len(text) > MaxAnswer {
		fail(w, http.StatusServiceUnavailable, "ServiceUnavailableException", "the answer was lost, and is charged")
		return
	}
	pass(w, reply)
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(text) // the client has gone if this fails
}

// stream passes an answer on as it comes, and reads along for what it costs.
func (c *call) stream(ctx context.Context, w http.ResponseWriter, reply *http.Response) {
	pass(w, reply)
	w.WriteHeader(http.StatusOK)
	out := &leaving{to: w, sum: sha256.New()}
	usage, err := c.usageAlong(io.TeeReader(reply.Body, out))
	if err != nil {
		c.note("the answer was cut: " + err.Error())
	}
	_ = c.settle(ctx, ending{status: ledger.Done, usage: usage, output: out.digest()}) // it has left; what was noted is all that can be done
}

// leaving is the way to the client. A client that has gone stops nothing.
type leaving struct {
	to   http.ResponseWriter
	sum  hash.Hash
	gone bool
}

// Write never fails: the answer is read to its end for what it costs.
func (l *leaving) Write(p []byte) (int, error) {
	l.sum.Write(p)
	if l.gone {
		return len(p), nil
	}
	if _, err := l.to.Write(p); err != nil {
		l.gone = true
	} else if flusher, ok := l.to.(http.Flusher); ok {
		flusher.Flush()
	}
	return len(p), nil
}

func (l *leaving) digest() terms.Digest {
	return terms.Digest(fmt.Sprintf("sha256:%x", l.sum.Sum(nil)))
}

// passed are the headers of Bedrock's that an SDK reads.
var passed = []string{"Content-Type", "X-Amzn-Requestid", "X-Amzn-Errortype", "X-Amzn-Bedrock-Content-Type", "X-Amzn-Bedrock-Input-Token-Count", "X-Amzn-Bedrock-Output-Token-Count", "X-Amzn-Bedrock-Invocation-Latency"}

func pass(w http.ResponseWriter, reply *http.Response) {
	for _, name := range passed {
		if value := reply.Header.Get(name); value != "" {
			w.Header().Set(name, value)
		}
	}
}

// ending is how a call ended. A usage that nobody reported whole is the worst there could be.
type ending struct {
	status ledger.Status
	usage  *policy.Usage
	output terms.Digest
}

// settle makes the reservation exact. It tries for as long as the ledger does, and says so
// when it fails: the lease then ends the call at its worst.
func (c *call) settle(ctx context.Context, e ending) error {
	facts := audit.Outcome{At: c.Now(), Status: string(e.status), Output: audit.Content{Digest: e.output}}
	outcome := ledger.Outcome{Execution: c.claim.Execution, Fence: c.fence, Status: e.status, Took: c.claim.Takes, At: facts.At}
	if e.status != ledger.Released {
		facts.Cost = terms.MicroUSD(c.most(ledger.CostLimit))
	}
	if e.usage != nil {
		tokens, cost := c.within(*e.usage)
		outcome.Used, facts.Cost = takes(tokens, cost), terms.MicroUSD(cost)
	}
	var err error
	if outcome.Record, err = json.Marshal(facts); err == nil {
		err = c.Ledger.Settle(context.WithoutCancel(ctx), c.claim.Call, outcome)
	}
	if err != nil {
		c.note("not settled, so the lease will end it at its worst: " + err.Error())
	}
	return err
}

// within is what was used, and never more than was reserved: that would be a limit passed,
// and is for operators to hear of.
func (c *call) within(u policy.Usage) (tokens, cost int64) {
	tokens, cost = u.Tokens(), c.price.Cost(u)
	if most, dearest := c.most(ledger.TokensLimit), c.most(ledger.CostLimit); tokens > most || cost > dearest {
		c.note(fmt.Sprintf("ALARM: %d tokens were used and %d reserved: a request was not bounded", tokens, most))
		tokens, cost = min(tokens, most), min(cost, dearest)
	}
	return tokens, cost
}

// fail answers as Bedrock does, so that SDKs raise their own exceptions.
func fail(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Errortype", kind)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": message}) // the client has gone if this fails
}

var errNoUsage = errors.New("it ended without saying what it used")

// object reads a JSON object; nil is none.
func object(text []byte) map[string]json.RawMessage {
	var out map[string]json.RawMessage
	if json.NewDecoder(bytes.NewReader(text)).Decode(&out) != nil {
		return nil
	}
	return out
}
