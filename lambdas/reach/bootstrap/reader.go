package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"

	"remit/lambdas/reach"
	"remit/lambdas/session"
)

// reader reaches over AWS, with credentials of its own for every call.
type reader struct{ aws aws.Config }

// maxReply bounds what an API may answer, in bytes: Lambda's own payload limit.
const maxReply = 6 << 20

// session takes the reached role. What it may do there depends on these tags, and the other
// account's trail shows the user.
func (r reader) session(ctx context.Context, s reach.Session) (aws.Config, error) {
	out, err := sts.NewFromConfig(r.aws).AssumeRole(ctx, &sts.AssumeRoleInput{
		RoleArn: &s.Reached.Role, ExternalId: &s.Reached.ExternalID, RoleSessionName: aws.String(session.Name(s.Caller.Execution)),
		SourceIdentity: aws.String(session.Name(s.Caller.User)),
		Tags:           []ststypes.Tag{tag("tool", s.Tool), tag("tenant", session.Tag(s.Caller.Tenant)), tag("execution", session.Tag(s.Caller.Execution))},
	})
	if err != nil {
		return aws.Config{}, fmt.Errorf("take the role in the resource account: %w", err)
	}
	c, config := out.Credentials, r.aws.Copy()
	config.Region = s.Reached.Region
	config.Credentials = credentials.NewStaticCredentialsProvider(*c.AccessKeyId, *c.SecretAccessKey, *c.SessionToken)
	return config, nil
}

func tag(key, value string) ststypes.Tag { return ststypes.Tag{Key: &key, Value: &value} }

// Read queries by equality of the key, or gets the one item where only that is declared.
// Attributes are named on every request: the role refuses a request for all of them.
func (r reader) Read(ctx context.Context, s reach.Session, key map[string]any) ([]map[string]any, error) {
	config, err := r.session(ctx, s)
	if err != nil {
		return nil, err
	}
	table, projection, names := dynamodb.NewFromConfig(config), []string{}, map[string]string{}
	for i, attribute := range s.Reached.Attributes {
		names[fmt.Sprintf("#a%d", i)] = attribute
		projection = append(projection, fmt.Sprintf("#a%d", i))
	}
	if !slices.Contains(s.Reached.Actions, "Query") {
		out, err := table.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Reached.Table, Key: attributes(key), ProjectionExpression: aws.String(strings.Join(projection, ", ")), ExpressionAttributeNames: names})
		if err != nil || out.Item == nil {
			return []map[string]any{}, err
		}
		return []map[string]any{plain(out.Item)}, nil
	}
	values, conditions := map[string]types.AttributeValue{}, []string{}
	for i, attribute := range s.Reached.Attributes {
		if value, given := key[attribute]; given {
			conditions = append(conditions, fmt.Sprintf("#a%d = :v%d", i, i))
			values[fmt.Sprintf(":v%d", i)] = attributes(map[string]any{"v": value})["v"]
		}
	}
	pages := dynamodb.NewQueryPaginator(table, &dynamodb.QueryInput{
		TableName: &s.Reached.Table, KeyConditionExpression: aws.String(strings.Join(conditions, " AND ")), ExpressionAttributeNames: names, ExpressionAttributeValues: values,
		ProjectionExpression: aws.String(strings.Join(projection, ", ")), Select: types.SelectSpecificAttributes,
	})
	items := []map[string]any{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", s.Reached.Table, err)
		}
		for _, item := range page.Items {
			items = append(items, plain(item))
		}
	}
	return items, nil
}

// attributes are arguments as DynamoDB takes them: text and numbers are keys, nothing else.
func attributes(values map[string]any) map[string]types.AttributeValue {
	out := map[string]types.AttributeValue{}
	for name, value := range values {
		switch v := value.(type) {
		case float64:
			out[name] = &types.AttributeValueMemberN{Value: fmt.Sprint(v)}
		default:
			out[name] = &types.AttributeValueMemberS{Value: fmt.Sprint(v)}
		}
	}
	return out
}

// plain is an item as JSON says it. Sets and binaries of other people's tables are left
// out: no response path can name a part of them.
func plain(item map[string]types.AttributeValue) map[string]any {
	out := map[string]any{}
	for name, value := range item {
		if v, ok := plainValue(value); ok {
			out[name] = v
		}
	}
	return out
}

func plainValue(value types.AttributeValue) (any, bool) {
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		return v.Value, true
	case *types.AttributeValueMemberN:
		return json.Number(v.Value), true
	case *types.AttributeValueMemberBOOL:
		return v.Value, true
	case *types.AttributeValueMemberNULL:
		return nil, true
	case *types.AttributeValueMemberM:
		return plain(v.Value), true
	case *types.AttributeValueMemberL:
		list := []any{}
		for _, item := range v.Value {
			if p, ok := plainValue(item); ok {
				list = append(list, p)
			}
		}
		return list, true
	}
	return nil, false
}

// Call calls one declared operation: path parameters from the arguments, the rest as query
// of a GET and else as JSON body.
func (r reader) Call(ctx context.Context, s reach.Session, operation string, arguments map[string]any) (any, error) {
	config, err := r.session(ctx, s)
	if err != nil {
		return nil, err
	}
	request, body, err := requestOf(ctx, s, operation, arguments)
	if err != nil {
		return nil, err
	}
	signing, err := config.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, signing, request, hex.EncodeToString(sum[:]), "execute-api", s.Reached.Region, time.Now()); err != nil {
		return nil, err
	}
	response, err := direct.Do(request)
	if err != nil {
		return nil, fmt.Errorf("call %s: %w", operation, err)
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	if response.StatusCode >= 300 {
		return nil, fmt.Errorf("call %s: it answered %s", operation, response.Status)
	}
	var out any
	return out, json.NewDecoder(io.LimitReader(response.Body, maxReply)).Decode(&out)
}

// direct follows no redirect, which could carry identity elsewhere.
var direct = &http.Client{Timeout: 50 * time.Second, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

func requestOf(ctx context.Context, s reach.Session, operation string, arguments map[string]any) (*http.Request, []byte, error) {
	method, path, _ := strings.Cut(operation, " ")
	rest, query := map[string]any{}, url.Values{}
	for name, value := range arguments {
		switch place := "{" + name + "}"; {
		case strings.Contains(path, place):
			path = strings.ReplaceAll(path, place, url.PathEscape(fmt.Sprint(value)))
		case method == http.MethodGet || method == http.MethodDelete:
			query.Set(name, fmt.Sprint(value))
		default:
			rest[name] = value
		}
	}
	var body []byte
	if len(rest) > 0 {
		body, _ = json.Marshal(rest) // decoded JSON encodes
	}
	address := "https://" + s.Reached.API + ".execute-api." + s.Reached.Region + ".amazonaws.com/" + s.Reached.Stage + path
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err == nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, body, err
}
