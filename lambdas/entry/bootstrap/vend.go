package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"remit/lambdas/entry"
	"remit/lambdas/session"
)

// vendor assumes a lane's memory role for one verified user.
type vendor struct{ client *sts.Client }

// shortest is the shortest session STS gives; the session policy ends it sooner.
const shortest = 15 * time.Minute

// Vend tags the session with tenant, user and execution. The role's own policy reads the
// tags; the session policy ends everything at the deadline.
func (v vendor) Vend(ctx context.Context, r entry.Recall) (entry.Credentials, error) {
	until, err := untilDeadline(r.Until)
	if err != nil {
		return entry.Credentials{}, err
	}
	tags := []types.Tag{tag("execution", session.Tag(string(r.Execution)))}
	for _, key := range slices.Sorted(maps.Keys(r.Tags)) {
		tags = append(tags, tag(key, r.Tags[key]))
	}
	out, err := v.client.AssumeRole(ctx, &sts.AssumeRoleInput{
		RoleArn: &r.Memory.Role, RoleSessionName: aws.String(session.Name(string(r.Execution))), SourceIdentity: aws.String(session.Name(string(r.Execution))),
		DurationSeconds: aws.Int32(int32(shortest.Seconds())), Policy: &until, Tags: tags,
	})
	if err != nil {
		return entry.Credentials{}, fmt.Errorf("memory credentials: %w", err)
	}
	c := out.Credentials
	return entry.Credentials{AccessKeyID: *c.AccessKeyId, SecretAccessKey: *c.SecretAccessKey, Token: *c.SessionToken, Expiration: earlier(*c.Expiration, r.Until)}, nil
}

func tag(key, value string) types.Tag { return types.Tag{Key: &key, Value: &value} }

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// untilDeadline is a session policy: everything the role may do, and nothing after the
// deadline. Session policies only narrow (STS AssumeRole API).
func untilDeadline(deadline time.Time) (string, error) {
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
		"Effect": "Allow", "Action": "*", "Resource": "*",
		"Condition": map[string]any{"DateLessThan": map[string]any{"aws:CurrentTime": deadline.UTC().Format(time.RFC3339)}},
	}}})
	return string(text), err
}
