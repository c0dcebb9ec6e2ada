package live

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	values "remit/iam"
)

// DynamoDB is what reading a table's settings takes.
type DynamoDB interface {
	DescribeTable(context.Context, *dynamodb.DescribeTableInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error)
	DescribeTimeToLive(context.Context, *dynamodb.DescribeTimeToLiveInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeTimeToLiveOutput, error)
	DescribeContinuousBackups(context.Context, *dynamodb.DescribeContinuousBackupsInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeContinuousBackupsOutput, error)
}

// KMS is what reading a key's policy takes.
type KMS interface {
	GetKeyPolicy(context.Context, *kms.GetKeyPolicyInput, ...func(*kms.Options)) (*kms.GetKeyPolicyOutput, error)
	GetKeyRotationStatus(context.Context, *kms.GetKeyRotationStatusInput, ...func(*kms.Options)) (*kms.GetKeyRotationStatusOutput, error)
}

// Table is a table's settings, by the names CloudFormation gives them, and the key that
// encrypts it.
type Table struct {
	Facts map[string]string
	Key   values.ARN
}

// ReadTable reads one table. Errors name it.
func ReadTable(ctx context.Context, api DynamoDB, name string) (Table, error) {
	described, err := api.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: aws.String(name)})
	if err != nil {
		return Table{}, fmt.Errorf("table %s: %w", name, err)
	}
	expiry, err := api.DescribeTimeToLive(ctx, &dynamodb.DescribeTimeToLiveInput{TableName: aws.String(name)})
	if err != nil {
		return Table{}, fmt.Errorf("table %s: %w", name, err)
	}
	backups, err := api.DescribeContinuousBackups(ctx, &dynamodb.DescribeContinuousBackupsInput{TableName: aws.String(name)})
	if err != nil {
		return Table{}, fmt.Errorf("table %s: %w", name, err)
	}
	t := Table{Facts: map[string]string{}}
	var keys []string
	for _, k := range described.Table.KeySchema {
		keys = append(keys, aws.ToString(k.AttributeName)+" "+string(k.KeyType))
	}
	t.Facts["KeySchema"] = strings.Join(keys, ", ")
	t.Facts["DeletionProtectionEnabled"] = fmt.Sprint(aws.ToBool(described.Table.DeletionProtectionEnabled))
	if described.Table.BillingModeSummary != nil {
		t.Facts["BillingMode"] = string(described.Table.BillingModeSummary.BillingMode)
	}
	if described.Table.SSEDescription != nil {
		t.Facts["SSEType"] = string(described.Table.SSEDescription.SSEType)
		t.Key = values.ARN(aws.ToString(described.Table.SSEDescription.KMSMasterKeyArn))
	}
	if expiry.TimeToLiveDescription != nil && expiry.TimeToLiveDescription.TimeToLiveStatus == "ENABLED" {
		t.Facts["TimeToLive"] = aws.ToString(expiry.TimeToLiveDescription.AttributeName)
	}
	if d := backups.ContinuousBackupsDescription; d != nil && d.PointInTimeRecoveryDescription != nil {
		t.Facts["PointInTimeRecovery"] = string(d.PointInTimeRecoveryDescription.PointInTimeRecoveryStatus)
	}
	return t, nil
}

// ReadKey reads a key's policy and whether the key rotates.
func ReadKey(ctx context.Context, api KMS, arn values.ARN) (policy values.Document, rotates bool, err error) {
	out, err := api.GetKeyPolicy(ctx, &kms.GetKeyPolicyInput{KeyId: aws.String(string(arn)), PolicyName: aws.String("default")})
	if err != nil {
		return values.Document{}, false, fmt.Errorf("key %s: %w", arn, err)
	}
	if policy, err = values.ParseDocument([]byte(aws.ToString(out.Policy))); err != nil {
		return values.Document{}, false, fmt.Errorf("key %s: %w", arn, err)
	}
	rotation, err := api.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: aws.String(string(arn))})
	if err != nil {
		return values.Document{}, false, fmt.Errorf("key %s: %w", arn, err)
	}
	return policy, rotation.KeyRotationEnabled, nil
}
