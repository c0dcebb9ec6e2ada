package dynamo

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"remit/ledger"
)

// The keys of both tables, text, and what this package adds to an item that is due.
const (
	partitionKey   = "PK"
	sortKey        = "SK"
	shardAttribute = "due_shard"
)

// dueShards spread the index of what is due: every call enters and leaves it, and one
// partition of an index takes 1,000 writes a second. A sweep asks each of them.
const dueShards = 8

// sharded gives an item a place in the index exactly while it is due.
func sharded(op ledger.Op) ledger.Op {
	h := fnv.New32a()
	h.Write([]byte(op.Key.Partition + "\x00" + op.Key.Sort))
	shard := ledger.Value{S: strconv.Itoa(int(h.Sum32() % dueShards))}
	if _, due := op.Put["due"]; due {
		op.Put = maps.Clone(op.Put)
		op.Put[shardAttribute] = shard
	}
	if _, due := op.Set["due"]; due {
		op.Set = maps.Clone(op.Set)
		op.Set[shardAttribute] = shard
	}
	if slices.Contains(op.Remove, "due") {
		op.Remove = append(slices.Clone(op.Remove), shardAttribute)
	}
	return op
}

func keyOf(k ledger.Key) map[string]types.AttributeValue {
	return map[string]types.AttributeValue{
		partitionKey: &types.AttributeValueMemberS{Value: k.Partition}, sortKey: &types.AttributeValueMemberS{Value: k.Sort},
	}
}

func itemOf(k ledger.Key, i ledger.Item) map[string]types.AttributeValue {
	out := keyOf(k)
	for name, v := range i {
		out[name] = encode(v)
	}
	return out
}

func encode(v ledger.Value) types.AttributeValue {
	switch {
	case v.N != nil:
		return &types.AttributeValueMemberN{Value: strconv.FormatInt(*v.N, 10)}
	case v.B != nil:
		return &types.AttributeValueMemberB{Value: v.B}
	case v.SS != nil:
		return &types.AttributeValueMemberSS{Value: v.SS}
	}
	return &types.AttributeValueMemberS{Value: v.S}
}

// decode reads an item without its keys, nil for none. An attribute of a kind the ledger
// does not write is an error: what cannot be read is never taken to be absent.
func decode(raw map[string]types.AttributeValue) (ledger.Item, error) {
	if len(raw) == 0 {
		return nil, nil
	}
	out := ledger.Item{}
	for name, a := range raw {
		if name == partitionKey || name == sortKey || name == shardAttribute {
			continue
		}
		v, err := decodeValue(a)
		if err != nil {
			return nil, fmt.Errorf("%w: attribute %s: %w", ledger.ErrUnavailable, name, err)
		}
		out[name] = v
	}
	return out, nil
}

func decodeValue(a types.AttributeValue) (ledger.Value, error) {
	switch v := a.(type) {
	case *types.AttributeValueMemberS:
		return ledger.Value{S: v.Value}, nil
	case *types.AttributeValueMemberN:
		n, err := strconv.ParseInt(v.Value, 10, 64)
		return ledger.Value{N: &n}, err
	case *types.AttributeValueMemberB:
		return ledger.Value{B: append([]byte{}, v.Value...)}, nil
	case *types.AttributeValueMemberSS:
		return ledger.Value{SS: slices.Sorted(slices.Values(v.Value))}, nil
	}
	return ledger.Value{}, fmt.Errorf("a %T is nothing the ledger writes", a)
}
