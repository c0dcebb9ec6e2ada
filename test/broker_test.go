package test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"remit/lambdas/meter"
)

// modelOf is what meridian's agents may ask.
const modelOf = "anthropic.claude-sonnet-4-5-20250929-v1:0"

// TestTheAWSSDKReachesModelsThroughTheBroker runs the AWS SDK for Python as it is: it is told
// an endpoint and a bearer token in its own variables, as a lane's runtime and its agent tell
// it. The model is the stand-in of remit dev; the broker is the one that ships.
func TestTheAWSSDKReachesModelsThroughTheBroker(t *testing.T) {
	s := serve(t, "meridian")
	opened, status := s.open(t, "ana", opening{Agent: "loan-processor", Purpose: "underwriting"})
	if status != http.StatusCreated || opened.Models == "" || opened.Bearer == "" {
		t.Fatalf("%d: %+v", status, opened)
	}
	got := bySDK(t, opened, opened.Bearer)
	const want = `converse: 'four words are said', 10 tokens
converse_stream: 'four words are said', 10 tokens
invoke_model: 'four words are said', 10 tokens
invoke_model_with_response_stream: 'four words are said', 10 tokens
another model: AccessDeniedException: refused, reference (reference)
a guardrail: ValidationException: the broker does not pass guardrailConfig: it cannot be priced before it is sent
a longer answer than is left: ServiceQuotaExceededException: tokens: this call could take (so many), and 1999960 are left; ask for a shorter answer, or send less
`
	if got = regexp.MustCompile(`could take 1000\d{4}`).ReplaceAllString(got, "could take (so many)"); got != want { // with the bytes that this SDK sends
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for line := range strings.Lines(bySDK(t, opened, opened.Token)) {
		if !strings.HasSuffix(line, ": AccessDeniedException: refused, reference (reference)\n") {
			t.Errorf("with the gateway's token: %s", line)
		}
	}
}

// TestAnAgentThatUsesModelsDirectlyNamesItsExecutionInEachRequest runs the agent with the AWS SDK
// for Python as it is, before a Bedrock that answers in one word and keeps what it was asked.
func TestAnAgentThatUsesModelsDirectlyNamesItsExecutionInEachRequest(t *testing.T) {
	s := serve(t, "lumen")
	opened, status := s.open(t, "bea", opening{Agent: "progress-report", Purpose: "progress_reporting"})
	if status != http.StatusCreated || opened.Execution == "" {
		t.Fatalf("%d: %+v", status, opened)
	}
	var asked []map[string]string
	bedrock := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct{ RequestMetadata map[string]string }
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			t.Error(err)
		}
		asked = append(asked, body.RequestMetadata)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"output":{"message":{"role":"assistant","content":[{"text":"done"}]}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2},"metrics":{"latencyMs":1}}`)
	}))
	defer bedrock.Close()
	agent := exec.Command("../.tools/python/bin/python", "-B", "../agents/progress_report.py", "--model", "bedrock", "--bedrock-model", modelOf, "C-11", "2026-10")
	agent.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID=a", "AWS_SECRET_ACCESS_KEY=b", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME=" + bedrock.URL,
		"REMIT_GATEWAY=" + opened.Gateway, "REMIT_TOKEN=" + opened.Token, "REMIT_EXECUTION=" + opened.Execution}
	out, err := agent.CombinedOutput()
	if err != nil || string(out) != "done\n" {
		t.Fatalf("%v: %s", err, out)
	}
	if want := []map[string]string{{meter.ExecutionKey: opened.Execution}}; !reflect.DeepEqual(asked, want) {
		t.Errorf("the model was asked under %v, want %v", asked, want)
	}
}

func bySDK(t *testing.T, with execution, token string) string {
	t.Helper()
	sdk := exec.Command("../.tools/python/bin/python", "-B", "sdk/models.py", modelOf)
	sdk.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "AWS_ENDPOINT_URL_BEDROCK_RUNTIME=" + with.Models, "AWS_BEARER_TOKEN_BEDROCK=" + token}
	var complained bytes.Buffer
	sdk.Stderr = &complained
	out, err := sdk.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, &complained)
	}
	return regexp.MustCompile(`reference [A-Z2-7]{16}`).ReplaceAllString(string(out), "reference (reference)")
}
