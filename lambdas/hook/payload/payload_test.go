package payload_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/iotest"

	"remit/lambdas/hook/payload"
)

// network answers whatever it is asked and remembers the hosts.
type network struct {
	answer func() (*http.Response, error)
	asked  []string
}

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	n.asked = append(n.asked, r.URL.Host)
	return n.answer()
}

func answering(status int, body io.Reader, header ...string) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		h := http.Header{}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: status, Header: h, Body: io.NopCloser(body)}, nil
	}
}

const signed = "https://hooks.s3.eu-central-1.amazonaws.com/payload?X-Amz-Signature=c0ffee"

func TestATemplateIsFetchedFromS3AndFromNobodyElse(t *testing.T) {
	for address, isS3 := range map[string]bool{
		signed: true,
		"https://s3.amazonaws.com/hooks/payload?X-Amz-Signature=c0ffee": true,
		"https://hooks.s3.amazonaws.com/payload":                        true,
		"https://a.b-c.s3.us-gov-west-1.amazonaws.com/payload":          true,
		"https://hooks.s3-us-west-2.amazonaws.com/payload":              true,
		"https://hooks.s3.dualstack.eu-west-1.amazonaws.com/payload":    true,
		"https://hooks.s3.cn-north-1.amazonaws.com.cn/payload":          true,
		"http://hooks.s3.eu-central-1.amazonaws.com/payload":            false,
		"https://hooks.s3.eu-central-1.amazonaws.com:8443/payload":      false,
		"https://me@hooks.s3.eu-central-1.amazonaws.com/payload":        false,
		"https://hooks.s3.eu-central-1.amazonaws.com.evil.example/":     false,
		"https://evil.example/?hooks.s3.eu-central-1.amazonaws.com":     false,
		"https://evil.example#.s3.amazonaws.com":                        false,
		"https://abc123.execute-api.eu-central-1.amazonaws.com/payload": false,
		"https://s3-mine-123.eu-central-1.elb.amazonaws.com/payload":    false,
		"https://s3.mine-123.eu-central-1.elb.amazonaws.com/payload":    false,
		"https://ec2-203-0-113-7.compute-1.amazonaws.com/payload":       false,
		"https://notamazonaws.com/payload":                              false,
		"https://mys3.amazonaws.com/payload":                            false,
		"https://169.254.169.254/latest/meta-data/iam/":                 false,
		"file:///var/task/bootstrap":                                    false,
		"//hooks.s3.eu-central-1.amazonaws.com/payload":                 false,
		"https://hooks.s3.eu-central-1.amazonaws.com\x00.evil.example/": false,
		"https://hooks.s3.eu-central-1.amazonaws.com%2eevil.example/p":  false,
		"": false,
	} {
		n := &network{answer: answering(http.StatusOK, strings.NewReader(`{"template":"{}"}`))}
		text, err := payload.Fetcher{Transport: n}.Fetch(t.Context(), address)
		switch {
		case isS3 && (err != nil || string(text) != `{"template":"{}"}` || len(n.asked) != 1):
			t.Errorf("%s: %q, %v; asked %q", address, text, err, n.asked)
		case !isS3 && (err == nil || err.Error() != "it is at no address of S3" || text != nil || n.asked != nil):
			t.Errorf("%s was asked %q: %q, %v", address, n.asked, text, err)
		}
	}
}

func TestNoRedirectIsFollowedNotEvenWithinS3(t *testing.T) {
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect} {
		n := &network{answer: answering(status, strings.NewReader("over there"), "Location", "https://other.s3.eu-central-1.amazonaws.com/payload")}
		_, err := payload.Fetcher{Transport: n}.Fetch(t.Context(), signed)
		if want := fmt.Sprintf("S3 answers %d", status); err == nil || err.Error() != want || len(n.asked) != 1 {
			t.Errorf("%d: %v; asked %q", status, err, n.asked)
		}
	}
}

func TestWhatFailsIsRefusedAndNeverTellsTheSignedAddress(t *testing.T) {
	for want, answer := range map[string]func() (*http.Response, error){
		"S3 answers 403":                 answering(http.StatusForbidden, strings.NewReader("<Error/>")),
		"S3 answers 206":                 answering(http.StatusPartialContent, strings.NewReader("{")),
		"S3 does not answer":             func() (*http.Response, error) { return nil, errors.New("dial " + signed) },
		"S3 stopped in the middle of it": answering(http.StatusOK, iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(`{"template":"{}"}`)))),
		"it has more than 8388608 bytes, which no template needs": answering(http.StatusOK, bytes.NewReader(make([]byte, payload.Max+1))),
	} {
		text, err := payload.Fetcher{Transport: &network{answer: answer}}.Fetch(t.Context(), signed)
		if err == nil || err.Error() != want || text != nil {
			t.Errorf("%v with %d bytes, not %q", err, len(text), want)
		}
	}
	text, err := payload.Fetcher{Transport: &network{answer: answering(http.StatusOK, bytes.NewReader(make([]byte, payload.Max)))}}.Fetch(t.Context(), signed)
	if err != nil || len(text) != payload.Max {
		t.Errorf("the largest of all: %d bytes, %v", len(text), err)
	}
}
