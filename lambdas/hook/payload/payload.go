// Package payload fetches what CloudFormation lays down for a hook to read: the template that is
// about to be deployed, at an address of S3 that it signed. It knows S3's own names and HTTP, and
// nothing of what it fetches; it asks no other host, however it is told to. Start with
// [Fetcher.Fetch].
package payload

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"time"
)

// Max is the largest payload that is read, in bytes: two templates, each quoted.
const Max = 8 << 20

// patience is how long S3 may take: CloudFormation waits 30 s for the hook altogether.
const patience = 20 * time.Second

// Fetcher fetches payloads. The zero Fetcher does so with Go's own transport.
type Fetcher struct{ Transport http.RoundTripper }

// s3 is S3's own endpoints, with or without a bucket before them (AWS General Reference, Amazon
// S3 endpoints). What anybody may call a load balancer, an API or a machine is none of them.
var s3 = regexp.MustCompile(`^(?:[a-z0-9][a-z0-9.-]*\.)?s3(?:[.-](?:dualstack\.)?[a-z]{2}(?:-[a-z]+)+-[0-9]+)?\.amazonaws\.com(?:\.cn)?$`)

// Fetch reads what lies at an address, as long as that is one of S3. It follows no redirect, and
// no error tells the address, which is signed.
func (f Fetcher) Fetch(ctx context.Context, address string) ([]byte, error) {
	at, err := url.Parse(address)
	if err != nil || at.Scheme != "https" || at.User != nil || at.Port() != "" || !s3.MatchString(at.Host) {
		return nil, errors.New("it is at no address of S3")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, errors.New("it is at no address of S3")
	}
	client := http.Client{Transport: f.Transport, Timeout: patience, CheckRedirect: stay}
	response, err := client.Do(r)
	if err != nil {
		return nil, errors.New("S3 does not answer")
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("S3 answers %d", response.StatusCode)
	}
	return whole(response.Body)
}

func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func whole(body io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(body, Max+1))
	switch {
	case err != nil:
		return nil, errors.New("S3 stopped in the middle of it")
	case len(text) > Max:
		return nil, fmt.Errorf("it has more than %d bytes, which no template needs", Max)
	}
	return text, nil
}
