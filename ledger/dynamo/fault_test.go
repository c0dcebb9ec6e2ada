package dynamo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"remit/ledger"
	"remit/ledger/dynamo/local"
)

func reserveAt(url string) error {
	l := &ledger.Ledger{Store: &Store{Client: local.Client(url), Tables: map[string]string{ledger.LedgerTable: "l", ledger.DirectoryTable: "d"}, Patience: 300 * time.Millisecond}}
	r, err := l.Reserve(context.Background(), claim("c", 1, time.Now()))
	if r.Call != "" {
		return fmt.Errorf("a reservation came with %w", err)
	}
	return err
}

func TestAStoreThatIsBrokenDeniesEveryCall(t *testing.T) {
	answer := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); _, _ = io.WriteString(w, body) }
	}
	for name, h := range map[string]http.HandlerFunc{
		"throttled":   answer(400, `{"__type":"com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException"}`),
		"in error":    answer(500, `{"__type":"InternalServerError"}`),
		"garbage":     answer(400, "\x00<html>"),
		"forbidden":   answer(400, `{"__type":"AccessDeniedException"}`),
		"no table":    answer(400, `{"__type":"ResourceNotFoundException"}`),
		"in conflict": answer(400, `{"__type":"TransactionCanceledException","CancellationReasons":[{"Code":"TransactionConflict"},{"Code":"None"}]}`),
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(h)
			defer server.Close()
			if err := reserveAt(server.URL); !errors.Is(err, ledger.ErrUnavailable) {
				t.Errorf("a store that is %s did not deny with a retryable error: %v", name, err)
			}
		})
	}
	t.Run("half open", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0") // connections are made and nobody ever reads them
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		if err := reserveAt("http://" + l.Addr().String()); !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("a store that never answers: %v", err)
		}
	})
	t.Run("down", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		if err := reserveAt("http://" + l.Addr().String()); !errors.Is(err, ledger.ErrUnavailable) {
			t.Errorf("a store that is down: %v", err)
		}
	})
	if err := (&Store{}).Apply(context.Background(), "t", nil); !errors.Is(err, ledger.ErrUnavailable) {
		t.Errorf("a store without a client: %v", err)
	}
}

// shaky forwards, and loses or refuses some answers.
type shaky struct {
	API
	tries  atomic.Int64
	tokens map[string]bool
	fault  func(try int64, done error) error
}

func (s *shaky) TransactWriteItems(ctx context.Context, in *dynamodb.TransactWriteItemsInput, o ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error) {
	s.tokens[*in.ClientRequestToken] = true
	out, err := s.API.TransactWriteItems(ctx, in, o...)
	return out, s.fault(s.tries.Add(1), err)
}

func TestALostAnswerIsAskedForAgainAndCountedOnce(t *testing.T) {
	s := tried(t)
	open(t, &ledger.Ledger{Store: s}, 5)
	flaky := &shaky{API: s.Client, tokens: map[string]bool{}, fault: func(try int64, done error) error {
		if try <= 3 {
			return errors.New("connection reset by peer")
		}
		return done
	}}
	l := &ledger.Ledger{Store: &Store{Client: flaky, Tables: s.Tables, Patience: time.Minute, TryTime: time.Minute}}
	if _, err := l.Reserve(context.Background(), claim("c", 1, time.Now())); err != nil {
		t.Fatal(err)
	}
	if e := execution(t, l); e.Used[ledger.ToolCallsLimit] != 1 || flaky.tries.Load() != 4 || len(flaky.tokens) != 1 {
		t.Errorf("a call whose answer was lost three times took %d of the limit, in %d tries under %d tokens", e.Used[ledger.ToolCallsLimit], flaky.tries.Load(), len(flaky.tokens))
	}
}

func TestAConflictIsTriedAgainAndAFailedConditionIsNot(t *testing.T) {
	s := tried(t)
	open(t, &ledger.Ledger{Store: s}, 0)
	conflict := "TransactionConflict"
	flaky := &shaky{API: s.Client, tokens: map[string]bool{}, fault: func(try int64, done error) error {
		if try == 1 {
			return &types.TransactionCanceledException{CancellationReasons: []types.CancellationReason{{Code: &conflict}}}
		}
		return done
	}}
	l := &ledger.Ledger{Store: &Store{Client: flaky, Tables: s.Tables, Patience: time.Minute, TryTime: time.Minute}}
	_, err := l.Reserve(context.Background(), claim("c", 1, time.Now()))
	if r := new(ledger.Refusal); !errors.As(err, &r) || flaky.tries.Load() != 2 {
		t.Errorf("want a refusal at the second try, got %v after %d", err, flaky.tries.Load())
	}
}
