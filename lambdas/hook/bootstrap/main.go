// Command bootstrap is CloudFormation's hook of one account, as a Lambda function.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"remit/attest"
	"remit/lambdas/environ"
	"remit/lambdas/hook"
	"remit/lambdas/hook/payload"
	"remit/lambdas/role"
	"remit/lambdas/signing"
)

func main() {
	config, keys := role.Config(), attest.Keys{}
	for signer := range strings.SplitSeq(environ.Must("REMIT_SIGNERS"), ",") {
		keys[signer] = signing.Checked{Client: kms.NewFromConfig(config, func(o *kms.Options) { o.Region = environ.Must("REMIT_KEYS_REGION") }), ID: environ.Must("REMIT_KEY_" + strings.ToUpper(signer))}
	}
	bucket := environ.Must("REMIT_BUCKET")
	h := &hook.Hook{
		Platform: environ.Must("REMIT_PLATFORM"), Environment: environ.Must("REMIT_ENVIRONMENT"),
		Signers: strings.Split(environ.Must("REMIT_SIGNERS"), ","), Apart: strings.Split(environ.Must("REMIT_APART"), ","),
		Bucket: bucket, Prefixes: strings.Split(environ.Must("REMIT_PREFIXES"), ","), Keys: keys,
		Objects: objects{s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = config.BaseEndpoint != nil }), bucket, environ.Must("REMIT_ACCOUNT")},
		Fetch:   payload.Fetcher{}.Fetch, Now: time.Now,
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
