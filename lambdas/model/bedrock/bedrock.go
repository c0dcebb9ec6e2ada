// Package bedrock is where a broker's calls go: Bedrock's runtime, signed as the role that
// makes them. Start with [Runtime].
package bedrock

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// Runtime calls Bedrock's runtime over HTTP, byte for byte: an SDK's types would know only the
// fields of its day. It never tries again, because a second call is a second run.
type Runtime struct {
	Base        string // https://bedrock-runtime.REGION.amazonaws.com
	Region      string
	Credentials aws.CredentialsProvider
	Client      *http.Client
}

// Call sends one signed request (IAM User Guide, reference_sigv).
func (r Runtime) Call(ctx context.Context, path string, header http.Header, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.Base+escaped(path), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("bedrock: %w", err)
	}
	request.Header = header.Clone()
	credentials, err := r.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("bedrock: the role's credentials: %w", err)
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(sum[:]), "bedrock", r.Region, time.Now()); err != nil {
		return nil, fmt.Errorf("bedrock: %w", err)
	}
	return r.Client.Do(request)
}

// escaped writes a path as AWS's SDKs do: a colon in a model's id is %3A.
func escaped(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(url.PathEscape(p), ":", "%3A")
	}
	return strings.Join(parts, "/")
}
