package test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
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
