package lambda

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"remit/test/lambda/cloud"
)

// operations is the function where people intervene, behind an address that asks for a signature.
func (w *world) operations() *httptest.Server {
	w.t.Helper()
	f := w.function("operate", w.site.Role("operate"), nil, w.operateEnvironment(), time.Minute)
	s := httptest.NewServer(f.Signed(func(r *http.Request) string { return w.cloud.Verified(r, "lambda") }))
	w.t.Cleanup(s.Close)
	return s
}

// asks sends a question as a person in one of the two roles.
func (w *world) asks(at *httptest.Server, person, role, verb, question string) (int, string) {
	w.t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, at.URL+"/"+verb, strings.NewReader(question))
	if err != nil {
		w.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	sum := sha256.Sum256([]byte(question))
	who := aws.Credentials{AccessKeyID: w.cloud.SignIn(w.site.Role(role), person), SecretAccessKey: cloud.Secret, SessionToken: "session"}
	if err := v4.NewSigner().SignHTTP(context.Background(), who, r, hex.EncodeToString(sum[:]), "lambda", w.site.Region, time.Now()); err != nil {
		w.t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return response.StatusCode, string(bytes.TrimSpace(text))
}

func TestAnOperatorStopsAtTheBuiltFunctionAndTwoPeopleResume(t *testing.T) {
	w := withTables(t)
	l, at := w.lane("loan-processor", "stable"), w.operations()
	name := l.Term().String()
	w.execution("ana", "loan-processor", "underwriting", func(o opened) {
		if status, text := w.asks(at, "olu", "operator", "stop", `{"kind":"lane","name":"`+name+`","why":"it loops"}`); status != http.StatusOK || !strings.Contains(text, o.Execution) {
			t.Errorf("a stop: %d %s", status, text)
		}
		if got := l.call(o.Token, "lookup_regulation", `{"topic":"adverse action"}`, `{}`); got.Sent != nil {
			t.Error("the next call of a stopped execution ran")
		}
	})
	status, text := w.asks(at, "olu", "operator", "propose", `{"kind":"lane","name":"`+name+`","why":"mended","until":"`+time.Now().Add(2*time.Hour).UTC().Format(time.RFC3339)+`"}`)
	var waits struct{ ID string }
	if err := json.Unmarshal([]byte(text), &waits); err != nil || status != http.StatusOK || waits.ID == "" {
		t.Fatalf("an asking: %d %s", status, text)
	}
	for who, want := range map[[2]string]int{{"pam", "operator"}: http.StatusForbidden, {"olu", "breakglass"}: http.StatusConflict, {"olu", "entry"}: http.StatusForbidden} {
		if status, text := w.asks(at, who[0], who[1], "approve", `{"id":"`+waits.ID+`"}`); status != want {
			t.Errorf("%v approves: %d %s", who, status, text)
		}
	}
	if got := w.execution("ana", "loan-processor", "underwriting", func(opened) { t.Error("an execution opened before anybody approved") }); got.status == http.StatusOK {
		t.Errorf("the entry answered %+v", got)
	}
	if status, text := w.asks(at, "pam", "breakglass", "approve", `{"id":"`+waits.ID+`"}`); status != http.StatusOK || !strings.Contains(text, `"first":"olu","second":"pam"`) {
		t.Errorf("a second person: %d %s", status, text)
	}
	ran := false
	w.execution("ana", "loan-processor", "underwriting", func(o opened) {
		ran = true
		raise := `{"execution":"` + o.Execution + `","limit":"tool_calls","by":1,"why":"month end","until":"` + time.Now().Add(time.Hour).UTC().Format(time.RFC3339) + `"}`
		if status, text := w.asks(at, "olu", "operator", "propose", raise); status != http.StatusOK {
			t.Errorf("asking for one more call: %d %s", status, text)
		} else if err := json.Unmarshal([]byte(text), &waits); err != nil {
			t.Error(err)
		}
		if status, text := w.asks(at, "pam", "breakglass", "approve", `{"id":"`+waits.ID+`"}`); status != http.StatusOK {
			t.Errorf("raising: %d %s", status, text)
		}
		if status, text := w.asks(at, "olu", "operator", "budget", `{"user":"ana","tenant":"north","tools":["pull_credit_report"]}`); status != http.StatusOK || !strings.Contains(text, `"pull_credit_report":0`) {
			t.Errorf("a day: %d %s", status, text)
		}
	})
	if status, text := w.asks(at, "olu", "operator", "switches", `{}`); !ran || status != http.StatusOK || !strings.Contains(text, `"second":"pam"`) {
		t.Errorf("after two people resumed it, an execution ran: %v; the switches are %d %s", ran, status, text)
	}
	if logs := w.logs.String(); !strings.Contains(logs, `"Namespace":"Remit"`) || strings.Count(logs, `"Widened":1`) != 2 {
		t.Error("the alarm on widenings has nothing to count")
	}
}

func TestNobodyOperatesWithoutASignatureThatAWSKnows(t *testing.T) {
	w := deployed(t)
	at := w.operations()
	response, err := http.Post(at.URL+"/switches", "application/json", strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("an unsigned request: %d", response.StatusCode)
	}
	f := w.function("operate", w.site.Role("operate"), nil, w.operateEnvironment(), time.Minute)
	open := httptest.NewServer(f) // as if the address asked for none
	t.Cleanup(open.Close)
	if status, text := w.asks(open, "olu", "operator", "switches", `{}`); status != http.StatusForbidden || !strings.Contains(text, "you may not do this here") {
		t.Errorf("who merely says who they are: %d %s", status, text)
	}
}
