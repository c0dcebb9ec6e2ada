// Package hook answers CloudFormation before it changes a stack of an environment: only a
// template that was attested for this environment, with everything it takes from the asset
// bucket unchanged, goes on. It knows CloudFormation's question and [attest.Attestation.Covers];
// buckets, keys and the address of the template are ports. Start with [Hook.Answer]. The zero
// [Hook] lets nothing on.
//
// It never fails: what cannot be read, checked or reached is refused, and says why.
package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"remit/attest"
)

// Event is the part of CloudFormation's question that is read (CloudFormation Hooks User Guide,
// lambda-hooks-create-lambda-function). Its examples spell some members in two ways, which
// encoding/json takes alike.
type Event struct {
	ClientRequestToken    string
	StackID               string
	ActionInvocationPoint string
	RequestData           struct {
		TargetType string
		Payload    string // where the template is
	}
}

// Reply is what CloudFormation expects.
type Reply struct {
	HookStatus         string `json:"hookStatus"`
	ErrorCode          string `json:"errorCode,omitempty"`
	Message            string `json:"message"`
	ClientRequestToken string `json:"clientRequestToken"`
}

// Objects are those of the account's own asset bucket. Read answers one whole; Digest answers
// the SHA-256, in hex, of one in any bucket that it may read.
type Objects interface {
	Read(ctx context.Context, key string) ([]byte, error)
	Digest(ctx context.Context, bucket, key string) (string, error)
}

// Hook serves the accounts of one environment. All fields are required but Apart.
type Hook struct {
	Platform, Environment string
	Signers               []string // who has to have signed
	Apart                 []string // stacks of an administrator, which no step of the pipeline may touch
	Bucket                string   // the account's asset bucket
	Prefixes              []string // where in it attestations lie
	Keys                  attest.Keys
	Objects               Objects
	Fetch                 func(ctx context.Context, url string) ([]byte, error)
	Now                   func() time.Time
}

func (h *Hook) complete() bool {
	return h.Platform != "" && h.Environment != "" && len(h.Signers) > 0 && h.Bucket != "" && len(h.Prefixes) > 0 && h.Keys != nil && h.Objects != nil && h.Fetch != nil && h.Now != nil
}

// Answer lets a change of a stack go on, or refuses it. Stacks of no environment here are none
// of its business.
func (h *Hook) Answer(ctx context.Context, e Event) Reply {
	switch ours, err := h.judge(ctx, e); {
	case err != nil:
		return Reply{"FAILED", "NonCompliant", "Remit: " + err.Error(), e.ClientRequestToken}
	case !ours:
		return Reply{"SUCCESS", "", "Remit: not a stack of " + h.Environment, e.ClientRequestToken}
	}
	return Reply{"SUCCESS", "", "Remit: attested", e.ClientRequestToken}
}

func (h *Hook) judge(ctx context.Context, e Event) (ours bool, err error) {
	if !h.complete() {
		return true, errors.New("the hook is not set up, so nothing is deployed")
	}
	stack, err := stackOf(e.StackID)
	if err != nil {
		return true, err
	}
	if !strings.HasPrefix(stack, h.Platform+"-"+h.Environment+"-") || slices.Contains(h.Apart, stack) {
		return false, nil
	}
	template, err := h.template(ctx, e)
	if err != nil {
		return true, err
	}
	digest, err := attest.TemplateDigest(template)
	if err != nil {
		return true, err
	}
	return true, h.attested(ctx, stack, template, digest)
}

// stackOf is the name in a stack's ARN: …:stack/NAME/ID.
func stackOf(id string) (string, error) {
	if parts := strings.Split(id, "/"); strings.HasPrefix(id, "arn:") && len(parts) == 3 && parts[1] != "" {
		return parts[1], nil
	}
	return "", fmt.Errorf("%q is no stack's ARN", id)
}

// template fetches what is about to be deployed. A deletion has none, and is not let on here.
func (h *Hook) template(ctx context.Context, e Event) ([]byte, error) {
	if !slices.Contains([]string{"STACK", "CHANGE_SET"}, e.RequestData.TargetType) || e.RequestData.Payload == "" {
		return nil, fmt.Errorf("a question about a %q at %q is not understood", e.RequestData.TargetType, e.ActionInvocationPoint)
	}
	text, err := h.Fetch(ctx, e.RequestData.Payload)
	if err != nil {
		return nil, fmt.Errorf("the template cannot be fetched: %w", err)
	}
	var payload struct{ Template string }
	if err := json.Unmarshal(text, &payload); err != nil || payload.Template == "" {
		return nil, errors.New("there is no template in what CloudFormation sent")
	}
	return []byte(payload.Template), nil
}

// attested looks for an attestation of the template that covers it. The first that lies there
// decides: whoever may deploy lays one there, and none but the signers makes one that holds.
func (h *Hook) attested(ctx context.Context, stack string, template []byte, digest string) error {
	why := fmt.Errorf("nothing was attested of this template of %s (%.12s); only what passed the pipeline is deployed here", stack, digest)
	for _, prefix := range h.Prefixes {
		sealed, err := h.Objects.Read(ctx, attest.Lies(prefix, digest))
		if err != nil {
			continue
		}
		a, err := attest.Attested(ctx, sealed, h.Keys, h.Signers...)
		if err == nil {
			err = a.For(h.Platform, h.Environment, h.Now())
		}
		if err == nil {
			err = a.Covers(stack, template, func(bucket, key string) (string, error) { return h.content(ctx, bucket, key) })
		}
		if err == nil {
			return nil
		}
		why = err
	}
	return why
}

func (h *Hook) content(ctx context.Context, bucket, key string) (string, error) {
	if bucket != h.Bucket {
		return "", fmt.Errorf("it lies in %q, which is not this account's asset bucket", bucket)
	}
	return h.Objects.Digest(ctx, bucket, key)
}
