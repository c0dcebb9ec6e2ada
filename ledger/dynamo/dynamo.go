// Package dynamo keeps the ledger in DynamoDB. It knows requests, expressions and which
// failures are worth another try; it knows nothing of limits. Start with [Store]. The
// README beside it lists access patterns, capacity and the permissions each function needs.
package dynamo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"remit/ledger"
)

// API is what the store asks of DynamoDB: three actions, which are its permissions too.
// Nothing scans, and nothing writes outside a transaction.
type API interface {
	TransactWriteItems(context.Context, *dynamodb.TransactWriteItemsInput, ...func(*dynamodb.Options)) (*dynamodb.TransactWriteItemsOutput, error)
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	Query(context.Context, *dynamodb.QueryInput, ...func(*dynamodb.Options)) (*dynamodb.QueryOutput, error)
}

// Store is a [ledger.Store] over DynamoDB. Tables maps the roles of tables to physical
// names; a role that is missing is [ledger.ErrInvalid]. A Store without a Client is
// unavailable. Patience is how long one call may take in all, tries included, when the
// caller's context does not end sooner, and TryTime how long each of its tries; zero is
// [DefaultPatience] and [DefaultTryTime].
type Store struct {
	Client   API
	Tables   map[string]string
	Patience time.Duration
	TryTime  time.Duration
}

// The defaults leave a caller that must answer within two seconds time to say no, and a
// try over a half-open socket time for another.
const (
	DefaultPatience = 1500 * time.Millisecond
	DefaultTryTime  = 600 * time.Millisecond
)

// Apply sends the operations as one TransactWriteItems under the token, a single one too: a
// plain update has no token, so one whose answer was lost would be counted twice. A lost
// answer is asked for again under the same token, which DynamoDB remembers for ten minutes.
func (s *Store) Apply(ctx context.Context, token string, ops []ledger.Op) error {
	in := &dynamodb.TransactWriteItemsInput{ClientRequestToken: aws.String(clientToken(token))}
	for _, op := range ops {
		item, err := s.write(op)
		if err != nil {
			return err
		}
		in.TransactItems = append(in.TransactItems, item)
	}
	return s.patiently(ctx, func(ctx context.Context) error {
		_, err := s.Client.TransactWriteItems(ctx, in, noRetries)
		return refusal(err)
	})
}

// clientToken fits a token into the 36 characters that DynamoDB takes.
func clientToken(token string) string {
	if len(token) <= 36 {
		return token
	}
	h := fnv.New128a()
	h.Write([]byte(token))
	return fmt.Sprintf("%x", h.Sum(nil))
}

// refusal finds the first operation whose condition failed. Where one did, it does not
// matter that others were in conflict.
func refusal(err error) error {
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) {
		return err
	}
	for n, reason := range cancelled.CancellationReasons {
		if aws.ToString(reason.Code) != "ConditionalCheckFailed" {
			continue
		}
		item, err := decode(reason.Item)
		if err != nil {
			return err
		}
		return &ledger.OpFailed{Op: n, Item: item}
	}
	return err
}

// Get reads one item, strongly consistent.
func (s *Store) Get(ctx context.Context, k ledger.Key) (ledger.Item, error) {
	table, err := s.table(k.Table)
	if err != nil {
		return nil, err
	}
	var item ledger.Item
	err = s.patiently(ctx, func(ctx context.Context) error {
		out, err := s.Client.GetItem(ctx, &dynamodb.GetItemInput{TableName: table, Key: keyOf(k), ConsistentRead: aws.Bool(true)}, noRetries)
		if err == nil {
			item, err = decode(out.Item)
		}
		return err
	})
	return item, err
}

// List reads a partition, strongly consistent and whole, in order of its sort keys.
func (s *Store) List(ctx context.Context, table, partition string) ([]ledger.Item, error) {
	name, err := s.table(table)
	if err != nil {
		return nil, err
	}
	return s.query(ctx, 0, &dynamodb.QueryInput{TableName: name, ConsistentRead: aws.Bool(true), KeyConditionExpression: aws.String("PK = :p"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":p": &types.AttributeValueMemberS{Value: partition}}})
}

// Due reads the index of what is due: each shard in order, and the oldest of all. The
// index follows the table within moments, never at once.
func (s *Store) Due(ctx context.Context, before time.Time, limit int) ([]ledger.Item, error) {
	name, err := s.table(ledger.LedgerTable)
	if err != nil || limit <= 0 {
		return nil, err
	}
	var all []ledger.Item
	for shard := range dueShards {
		items, err := s.query(ctx, limit, &dynamodb.QueryInput{TableName: name, IndexName: aws.String(DueIndex), KeyConditionExpression: aws.String("#s = :s AND #d <= :d"),
			ExpressionAttributeNames: map[string]string{"#s": shardAttribute, "#d": "due"},
			ExpressionAttributeValues: map[string]types.AttributeValue{
				":s": &types.AttributeValueMemberS{Value: strconv.Itoa(shard)}, ":d": &types.AttributeValueMemberN{Value: strconv.FormatInt(before.Unix(), 10)}}})
		if err != nil {
			return nil, err
		}
		all = append(all, items...)
	}
	slices.SortStableFunc(all, func(a, b ledger.Item) int { return cmp.Compare(*a["due"].N, *b["due"].N) })
	return all[:min(limit, len(all))], nil
}

// query reads pages until there are no more, or enough; 0 is never enough.
func (s *Store) query(ctx context.Context, enough int, in *dynamodb.QueryInput) ([]ledger.Item, error) {
	var items []ledger.Item
	if enough > 0 {
		in.Limit = aws.Int32(int32(min(enough, 1000)))
	}
	for {
		var page *dynamodb.QueryOutput
		err := s.patiently(ctx, func(ctx context.Context) (err error) {
			page, err = s.Client.Query(ctx, in, noRetries)
			return err
		})
		if err != nil {
			return nil, err
		}
		for _, raw := range page.Items {
			item, err := decode(raw)
			if err != nil {
				return nil, err
			}
			items = append(items, item)
		}
		if in.ExclusiveStartKey = page.LastEvaluatedKey; in.ExclusiveStartKey == nil || enough > 0 && len(items) >= enough {
			return items, nil
		}
	}
}

func (s *Store) table(role string) (*string, error) {
	name := s.Tables[role]
	if name == "" {
		return nil, fmt.Errorf("%w: the store has no table %q", ledger.ErrInvalid, role)
	}
	return &name, nil
}
