package dynamo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"remit/ledger"
)

// The retry policy. A try that met a conflict, a throttle, an error of the service's own, or
// no answer within its time, is made again with the same token after a pause that is random
// between nothing and a bound that doubles: full jitter (AWS Architecture Blog,
// "Exponential Backoff And Jitter"). It goes on until the caller's deadline or the store's
// patience ends, whichever is sooner. The SDK's own retries are off: they would multiply.
const (
	firstPause = 10 * time.Millisecond
	lastPause  = 200 * time.Millisecond
)

func noRetries(o *dynamodb.Options) { o.Retryer = aws.NopRetryer{} }

// patiently makes a try until it is answered. Whatever is neither an answer nor the
// caller's fault is [ledger.ErrUnavailable], so that the call is denied.
func (s *Store) patiently(ctx context.Context, try func(context.Context) error) error {
	if s.Client == nil {
		return fmt.Errorf("%w: it has no client", ledger.ErrUnavailable)
	}
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(s.Patience, DefaultPatience))
	defer cancel()
	for bound := firstPause; ; bound = min(2*bound, lastPause) {
		err := attempt(ctx, cmp.Or(s.TryTime, DefaultTryTime), try)
		if err == nil || answered(err) {
			return err
		}
		if !passing(err) || !pause(ctx, rand.N(bound)) {
			return fmt.Errorf("%w: %w", ledger.ErrUnavailable, err)
		}
	}
}

func attempt(ctx context.Context, time time.Duration, try func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, time)
	defer cancel()
	return try(ctx)
}

// pause waits, and reports whether there is time for another try.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return ctx.Err() == nil
	}
}

func answered(err error) bool {
	var failed *ledger.OpFailed
	return errors.As(err, &failed) || errors.Is(err, ledger.ErrInvalid)
}

// passing reports whether another try may succeed. An error that says the request itself is
// wrong or forbidden does not pass.
func passing(err error) bool {
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) {
		return passingReasons(cancelled.CancellationReasons)
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return true // no answer: the network, or a try that took too long
	}
	switch api.ErrorCode() {
	case "TransactionConflictException", "TransactionInProgressException", "ProvisionedThroughputExceededException",
		"RequestLimitExceeded", "ThrottlingException", "InternalServerError":
		return true
	}
	var response *awshttp.ResponseError
	return errors.As(err, &response) && response.HTTPStatusCode() >= http.StatusInternalServerError
}

func passingReasons(reasons []types.CancellationReason) bool {
	for _, r := range reasons {
		switch aws.ToString(r.Code) {
		case "None", "TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError":
		default:
			return false
		}
	}
	return len(reasons) > 0
}
