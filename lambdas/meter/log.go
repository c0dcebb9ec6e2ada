package meter

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"remit/policy"
)

// ExecutionKey is under what a direct agent names its execution in the metadata of a request
// (docs/agent-contract.md).
const ExecutionKey = "remit_execution"

// Event is what a subscription of CloudWatch Logs sends to a function (CloudWatch Logs User
// Guide, SubscriptionFilters): gzip in base64.
type Event struct {
	Logs struct {
		Data string `json:"data"`
	} `json:"awslogs"`
}

// MaxPacked and MaxBatch bound a batch, in bytes: as it comes, which is what Lambda lets in,
// and unpacked.
const (
	MaxPacked = 6 << 20
	MaxBatch  = 64 << 20
)

// What a batch is: records, or a test by Logs whether the function is there.
const (
	data    = "DATA_MESSAGE"
	control = "CONTROL_MESSAGE"
)

type batch struct {
	Kind   string `json:"messageType"`
	Group  string `json:"logGroup"`
	Events []struct {
		ID      string `json:"id"`
		Message string `json:"message"`
	} `json:"logEvents"`
}

func (e Event) batch() (batch, error) {
	if len(e.Logs.Data) > MaxPacked {
		return batch{}, fmt.Errorf("meter: a batch of %d bytes, at most %d are unpacked", len(e.Logs.Data), MaxPacked)
	}
	packed, err := gzip.NewReader(base64.NewDecoder(base64.StdEncoding, strings.NewReader(e.Logs.Data)))
	if err != nil {
		return batch{}, fmt.Errorf("meter: a batch cannot be unpacked: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(packed, MaxBatch+1))
	if err != nil || len(text) > MaxBatch {
		return batch{}, errors.Join(fmt.Errorf("meter: a batch cannot be unpacked, or is over %d bytes", MaxBatch), err)
	}
	var b batch
	if err := json.Unmarshal(text, &b); err != nil || b.Kind != data && b.Kind != control {
		return batch{}, errors.New("meter: a batch is none that CloudWatch Logs sends") // why would quote it
	}
	return b, nil
}

// invocation is one record of the log: everything of it but what was said (Bedrock User Guide,
// model-invocation-logging). What is absent is not zero.
type invocation struct {
	Type     string    `json:"schemaType"`
	Version  string    `json:"schemaVersion"`
	At       time.Time `json:"timestamp"`
	Identity struct {
		ARN string `json:"arn"`
	} `json:"identity"`
	Request  string            `json:"requestId"`
	Model    string            `json:"modelId"`
	Error    string            `json:"errorCode"`
	Metadata map[string]string `json:"requestMetadata"`
	Input    struct {
		Tokens     *int64 `json:"inputTokenCount"`
		CacheRead  *int64 `json:"cacheReadInputTokenCount"`
		CacheWrite *int64 `json:"cacheWriteInputTokenCount"`
	} `json:"input"`
	Output struct {
		Tokens *int64 `json:"outputTokenCount"`
	} `json:"output"`
}

// errNoRecord quotes nothing: what cannot be read may hold a prompt.
var errNoRecord = errors.New("it is no record of a model's invocation, version 1, with its time, caller, request and model")

func read(text []byte) (invocation, error) {
	var i invocation
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&i); err != nil {
		return invocation{}, errNoRecord
	}
	major, _, _ := strings.Cut(i.Version, ".")
	if i.Type != "ModelInvocationLog" || major != "1" || i.At.IsZero() || i.Identity.ARN == "" || i.Request == "" || i.Model == "" {
		return invocation{}, errNoRecord
	}
	return i, nil
}

// usage is what the record counts, and whether it counts all. A call that failed, and of which
// nothing is counted, used nothing.
func (i invocation) usage() (u policy.Usage, whole bool) {
	u = policy.Usage{Input: count(i.Input.Tokens), Output: count(i.Output.Tokens), CacheRead: count(i.Input.CacheRead), CacheWrite: count(i.Input.CacheWrite)}
	return u, i.Error != "" || i.Input.Tokens != nil && i.Output.Tokens != nil
}

func count(n *int64) int64 {
	if n == nil {
		return 0
	}
	return max(0, *n)
}
