package cloud

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// scope is what a Signature Version 4 header says of a request's signature.
var scope = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/]+)/[0-9]{8}/([^/]+)/([^/]+)/aws4_request, SignedHeaders=([^,]+), Signature=[0-9a-f]{64}$`)

// Verified is who signed a request for a service, as AWS checks it: by signing it again. "" is
// nobody. The body can be read again afterwards.
func (c *Cloud) Verified(r *http.Request, service string) (arn string) {
	said := scope.FindStringSubmatch(r.Header.Get("Authorization"))
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	body, failed := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	if said == nil || err != nil || failed != nil || said[3] != service {
		return ""
	}
	again := &http.Request{Method: r.Method, Host: r.Host, URL: &url.URL{Scheme: "https", Host: r.Host, Path: r.URL.Path, RawQuery: r.URL.RawQuery}, Header: http.Header{}, ContentLength: r.ContentLength}
	for name := range strings.SplitSeq(said[4], ";") {
		if values := r.Header.Values(name); len(values) > 0 {
			again.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	sum := sha256.Sum256(body)
	by := aws.Credentials{AccessKeyID: said[1], SecretAccessKey: Secret, SessionToken: r.Header.Get("X-Amz-Security-Token")}
	if err := v4.NewSigner().SignHTTP(context.Background(), by, again, hex.EncodeToString(sum[:]), service, said[2], at); err != nil || again.Header.Get("Authorization") != r.Header.Get("Authorization") {
		return ""
	}
	return c.Caller(said[1])
}
