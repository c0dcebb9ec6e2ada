package bucket_test

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"remit/shelf/bucket"
	"remit/shelf/shelftest"
)

// fake is a bucket in memory, as far as a store needs one; the rehearsal runs the suite over a
// bucket that is served.
type fake struct {
	sync.Mutex
	objects map[string][]byte
	owner   string
}

func (f *fake) owned(owner *string) error {
	if aws.ToString(owner) != f.owner {
		return &smithy.GenericAPIError{Code: "AccessDenied"}
	}
	return nil
}

func (f *fake) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	f.Lock()
	defer f.Unlock()
	content, there := f.objects[*in.Key]
	if !there {
		return nil, &types.NoSuchKey{}
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(content))}, f.owned(in.ExpectedBucketOwner)
}

func (f *fake) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	f.Lock()
	defer f.Unlock()
	if _, there := f.objects[*in.Key]; there && aws.ToString(in.IfNoneMatch) == "*" {
		return nil, &smithy.GenericAPIError{Code: "PreconditionFailed"}
	}
	content, err := io.ReadAll(in.Body)
	if err == nil {
		err = f.owned(in.ExpectedBucketOwner)
	}
	if err == nil {
		f.objects[*in.Key] = content
	}
	return &s3.PutObjectOutput{}, err
}

func (f *fake) ListObjectsV2(_ context.Context, in *s3.ListObjectsV2Input, _ ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	f.Lock()
	defer f.Unlock()
	var keys []string
	for key := range f.objects {
		if strings.HasPrefix(key, aws.ToString(in.Prefix)) && key > aws.ToString(in.ContinuationToken) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	out := &s3.ListObjectsV2Output{}
	if len(keys) > 0 { // pages of one, as a full bucket's would be of a thousand
		out.Contents = []types.Object{{Key: &keys[0]}}
		out.IsTruncated, out.NextContinuationToken = aws.Bool(len(keys) > 1), &keys[0]
	}
	return out, f.owned(in.ExpectedBucketOwner)
}

func TestABucketIsAStore(t *testing.T) {
	shelftest.Run(t, bucket.Store{Client: &fake{objects: map[string][]byte{}, owner: "111122223333"}, Name: "b", Owner: "111122223333"})
}

func TestABucketOfThatNameInAnotherAccountIsNotUsed(t *testing.T) {
	s := bucket.Store{Client: &fake{objects: map[string][]byte{}, owner: "999999999999"}, Name: "b", Owner: "111122223333"}
	if err := s.Create(t.Context(), "k", []byte("x")); err == nil {
		t.Error("it was written to")
	}
	if _, err := s.List(t.Context(), ""); err == nil {
		t.Error("it was read")
	}
}
