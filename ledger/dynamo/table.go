package dynamo

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"remit/ledger"
)

// DueIndex is the sparse index of what is due: partition due_shard, sort due.
const DueIndex = "due"

// TTL is the attribute by which DynamoDB forgets items, in Unix seconds.
const TTL = "ttl"

// Table is the ledger's table, paid per request. The index holds the keys of what is due
// and nothing that counting changes, so that counting does not write to it.
func Table(name string) *dynamodb.CreateTableInput {
	in := table(name)
	in.AttributeDefinitions = append(in.AttributeDefinitions, attribute(shardAttribute, types.ScalarAttributeTypeS), attribute("due", types.ScalarAttributeTypeN))
	projected := []string{}
	for _, a := range ledger.DueAttributes {
		if a != "due" { // a key of the index is in it anyway
			projected = append(projected, a)
		}
	}
	in.GlobalSecondaryIndexes = []types.GlobalSecondaryIndex{{
		IndexName:  aws.String(DueIndex),
		KeySchema:  []types.KeySchemaElement{key(shardAttribute, types.KeyTypeHash), key("due", types.KeyTypeRange)},
		Projection: &types.Projection{ProjectionType: types.ProjectionTypeInclude, NonKeyAttributes: projected},
	}}
	return in
}

// Directory is the table of who owns which datum. The ledger only checks it.
func Directory(name string) *dynamodb.CreateTableInput { return table(name) }

func table(name string) *dynamodb.CreateTableInput {
	return &dynamodb.CreateTableInput{
		TableName: aws.String(name), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{attribute(partitionKey, types.ScalarAttributeTypeS), attribute(sortKey, types.ScalarAttributeTypeS)},
		KeySchema:            []types.KeySchemaElement{key(partitionKey, types.KeyTypeHash), key(sortKey, types.KeyTypeRange)},
	}
}

func attribute(name string, t types.ScalarAttributeType) types.AttributeDefinition {
	return types.AttributeDefinition{AttributeName: aws.String(name), AttributeType: t}
}

func key(name string, t types.KeyType) types.KeySchemaElement {
	return types.KeySchemaElement{AttributeName: aws.String(name), KeyType: t}
}
