// Package bucket is a shelf's store in a bucket of S3. It knows S3's conditional writes and no
// key's meaning. Start with [Store].
package bucket

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"remit/shelf"
)

// API is the part of S3 that a store takes.
type API interface {
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	ListObjectsV2(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
}

// Store is one bucket. Owner is the account that it must be in: a bucket of that name in
// another account would be somebody else's shelf.
type Store struct {
	Client      API
	Name, Owner string
}

// Get implements [shelf.Store].
func (s Store) Get(ctx context.Context, key string) ([]byte, error) {
	out, err := s.Client.GetObject(ctx, &s3.GetObjectInput{Bucket: &s.Name, Key: &key, ExpectedBucketOwner: &s.Owner})
	var none *types.NoSuchKey
	switch {
	case errors.As(err, &none):
		return nil, shelf.ErrAbsent
	case err != nil:
		return nil, err
	}
	defer func() { _ = out.Body.Close() }() // it was only read
	content, err := io.ReadAll(io.LimitReader(out.Body, shelf.MaxContent+1))
	if len(content) > shelf.MaxContent {
		return nil, fmt.Errorf("more than %d bytes lie there, and no more are read", shelf.MaxContent)
	}
	return content, err
}

// Create implements [shelf.Store] (S3 User Guide, conditional-writes: If-None-Match).
func (s Store) Create(ctx context.Context, key string, content []byte) error {
	_, err := s.Client.PutObject(ctx, &s3.PutObjectInput{Bucket: &s.Name, Key: &key, Body: bytes.NewReader(content), IfNoneMatch: aws.String("*"), ExpectedBucketOwner: &s.Owner})
	var refused smithy.APIError
	if err == nil || !errors.As(err, &refused) || refused.ErrorCode() != "PreconditionFailed" && refused.ErrorCode() != "ConditionalRequestConflict" {
		return err
	}
	there, err := s.Get(ctx, key)
	if err != nil {
		return err
	}
	if !bytes.Equal(there, content) {
		return shelf.ErrTaken
	}
	return nil
}

// Replace implements [shelf.Store].
func (s Store) Replace(ctx context.Context, key string, content []byte) error {
	_, err := s.Client.PutObject(ctx, &s3.PutObjectInput{Bucket: &s.Name, Key: &key, Body: bytes.NewReader(content), ExpectedBucketOwner: &s.Owner})
	return err
}

// List implements [shelf.Store].
func (s Store) List(ctx context.Context, prefix string) ([]string, error) {
	var out []string
	pages := s3.NewListObjectsV2Paginator(s.Client, &s3.ListObjectsV2Input{Bucket: &s.Name, Prefix: &prefix, ExpectedBucketOwner: &s.Owner})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, o := range page.Contents {
			out = append(out, aws.ToString(o.Key))
		}
	}
	return out, nil
}
