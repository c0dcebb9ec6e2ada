// Command bootstrap is CloudFormation's hook of one account, as a Lambda function.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"remit/attest"
	"remit/lambdas/environ"
	"remit/lambdas/hook"
	"remit/lambdas/role"
	"remit/lambdas/signing"
)

func main() {
	config, keys := role.Config(), attest.Keys{}
	for _, signer := range strings.Split(environ.Must("REMIT_SIGNERS"), ",") {
		keys[signer] = signing.Checked{Client: kms.NewFromConfig(config, func(o *kms.Options) { o.Region = environ.Must("REMIT_KEYS_REGION") }), ID: environ.Must("REMIT_KEY_" + strings.ToUpper(signer))}
	}
	bucket := environ.Must("REMIT_BUCKET")
	h := &hook.Hook{
		Platform: environ.Must("REMIT_PLATFORM"), Environment: environ.Must("REMIT_ENVIRONMENT"),
		Signers: strings.Split(environ.Must("REMIT_SIGNERS"), ","), Apart: strings.Split(environ.Must("REMIT_APART"), ","),
		Bucket: bucket, Prefixes: strings.Split(environ.Must("REMIT_PREFIXES"), ","), Keys: keys,
		Objects: objects{s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = config.BaseEndpoint != nil }), bucket, environ.Must("REMIT_ACCOUNT")},
		Fetch:   fetch, Now: time.Now,
	}
	lambda.Start(func(ctx context.Context, e hook.Event) (hook.Reply, error) { return h.Answer(ctx, e), nil })
}

// objects are those of a bucket of this account.
type objects struct {
	client        *s3.Client
	bucket, owner string
}

func (o objects) open(ctx context.Context, bucket, key string) (io.ReadCloser, error) {
	out, err := o.client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key, ExpectedBucketOwner: &o.owner})
	if err != nil {
		return nil, err
	}
	return out.Body, nil
}

// Read implements [hook.Objects].
func (o objects) Read(ctx context.Context, key string) ([]byte, error) {
	body, err := o.open(ctx, o.bucket, key)
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }() // it was only read
	return io.ReadAll(io.LimitReader(body, attest.MaxEnvelope+1))
}

// Digest implements [hook.Objects].
func (o objects) Digest(ctx context.Context, bucket, key string) (string, error) {
	body, err := o.open(ctx, bucket, key)
	if err != nil {
		return "", err
	}
	defer func() { _ = body.Close() }() // it was only read
	h := sha256.New()
	if _, err := io.Copy(h, body); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// maxPayload is the largest payload that is read, in bytes: two templates, each quoted.
const maxPayload = 8 << 20

// client follows no redirect: an address that CloudFormation signed is where the template is.
var client = &http.Client{Timeout: 20 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// fetch reads what lies at an address that CloudFormation signed for this question.
func fetch(ctx context.Context, address string) ([]byte, error) {
	at, err := url.Parse(address)
	if err != nil || at.Scheme != "https" || !strings.HasSuffix(at.Hostname(), ".amazonaws.com") && !strings.HasSuffix(at.Hostname(), ".amazonaws.com.cn") {
		return nil, errors.New("it is at no address of S3")
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	response, err := client.Do(r)
	if err != nil {
		return nil, errors.New("S3 does not answer") // the error would tell the signed address
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("S3 answers %d", response.StatusCode)
	}
	return io.ReadAll(io.LimitReader(response.Body, maxPayload))
}
