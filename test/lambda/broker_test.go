package lambda

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"remit/ledger"
	"remit/terms"
)

// models is the declared model of the lane that is tried here.
const models = "anthropic.claude-sonnet-4-5-20250929-v1:0"

// broker is the lane's broker at its address, as constructs/lane.go deploys it.
func (l *lane) broker() *Function {
	return l.w.function("model", l.LaneSite.Role("broker"), documents(l.w.t, "models.json", l.w.p.Models(l.Running)), l.brokerEnvironment(), 15*time.Minute)
}

func (l *lane) brokerEnvironment() map[string]string {
	return map[string]string{"REMIT_ISSUER": l.w.door.URL + "/", "REMIT_LEDGER": l.Ledger()}
}

// prompt asks the model as an SDK does, with a bearer token.
func (l *lane) prompt(operation, token, body string) (int, string) {
	l.w.t.Helper()
	address := l.models + "/model/" + strings.ReplaceAll(models, ":", "%3A") + "/" + operation
	request, err := http.NewRequest(http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		l.w.t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		l.w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		l.w.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

func (w *world) used(execution string) map[string]int64 {
	w.t.Helper()
	x, err := w.ledger().Execution(context.Background(), terms.ExecutionID(execution))
	if err != nil {
		w.t.Fatal(err)
	}
	used := maps.Clone(x.Used)
	maps.DeleteFunc(used, func(_ string, n int64) bool { return n == 0 })
	return used
}

const eight = `{"messages":[{"role":"user","content":[{"text":"12345678"}]}],"inferenceConfig":{"maxTokens":100}}`

func TestAnAgentReachesItsModelThroughTheBuiltBroker(t *testing.T) {
	w := withTables(t)
	l := w.lane("loan-processor", "stable")
	w.execution("ana", "loan-processor", "underwriting", func(o opened) {
		if o.Bearer == "" || o.Bearer == o.Token {
			t.Fatalf("the agent gets %q for its models and %q for its gateway", o.Bearer, o.Token)
		}
		held := w.used(o.Execution)[ledger.CostLimit] // for the time it may run
		if code, text := l.prompt("converse", o.Bearer, eight); code != http.StatusOK || !strings.Contains(text, "12345678") {
			t.Errorf("%d %s", code, text)
		}
		if code, text := l.prompt("converse-stream", o.Bearer, eight); code != http.StatusOK || !strings.Contains(text, "12345678") || !strings.Contains(text, "metadata") {
			t.Errorf("%d %q", code, text)
		}
		if got, want := w.used(o.Execution), map[string]int64{ledger.TokensLimit: 8, ledger.ModelCostLimit: 72, ledger.CostLimit: held + 72}; !reflect.DeepEqual(got, want) {
			t.Errorf("used %v, want %v", got, want)
		}
		if code, text := l.prompt("converse", o.Token, eight); code != http.StatusForbidden {
			t.Errorf("the gateway's token opens the models: %d %s", code, text)
		}
		if got := l.call(o.Bearer, "query_risk_model", ours, risk); got.Sent != nil {
			t.Error("the models' token opens the gateway")
		}
	})
}

// The broker has the front door end the execution; whoever watches from outside sees the
// session stop and nothing run any more.
func TestAnExecutionWhoseTokensAreUsedUpIsEndedAndItsSessionStopped(t *testing.T) {
	w := withTables(t)
	l := w.lane("loan-processor", "stable")
	long := fmt.Sprintf(`{"messages":[{"role":"user","content":[{"text":%q}]}],"inferenceConfig":{"maxTokens":100}}`, strings.Repeat("abcd", 20_000))
	w.execution("ana", "loan-processor", "underwriting", func(o opened) {
		l.drain(o, 1500)
		if code, text := l.prompt("converse", o.Bearer, long); code != http.StatusBadRequest || !strings.Contains(text, "tokens is used up, and the execution has ended") {
			t.Errorf("%d %s", code, text)
		}
		if !slices.Equal(w.cloud.Stopped(), []string{o.Execution}) {
			t.Errorf("its session runs on: stopped are %v", w.cloud.Stopped())
		}
		if code, text := l.prompt("converse", o.Bearer, eight); code != http.StatusForbidden || !strings.Contains(text, "has ended") {
			t.Errorf("afterwards: %d %s", code, text)
		}
		if got := l.call(o.Token, "query_risk_model", ours, risk); got.Sent != nil {
			t.Error("a tool runs in an execution that is over")
		}
	})
}

// drain leaves so many tokens of an execution.
func (l *lane) drain(o opened, left int64) {
	l.w.t.Helper()
	ctx, now := context.Background(), time.Now()
	x, err := l.w.ledger().Execution(ctx, terms.ExecutionID(o.Execution))
	if err != nil {
		l.w.t.Fatal(err)
	}
	_, err = l.w.ledger().Reserve(ctx, ledger.Claim{Call: "drained", Execution: x.ID, At: now, Lease: time.Minute, Intent: []byte("{}"),
		Takes: []ledger.Amount{{Limit: ledger.TokensLimit, Take: x.Caps[ledger.TokensLimit] - left}}})
	if err != nil {
		l.w.t.Fatal(err)
	}
}

func serve(t *testing.T, f *Function) string {
	t.Helper()
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	return server.URL
}
