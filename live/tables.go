package live

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudformation"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

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
	DescribeKey(context.Context, *kms.DescribeKeyInput, ...func(*kms.Options)) (*kms.DescribeKeyOutput, error)
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

// Key is a key's policy, and whether it encrypts and rotates: keys that sign do neither.
type Key struct {
	Policy            values.Document
	Encrypts, Rotates bool
}

// ReadKey reads one key by its id or ARN.
func ReadKey(ctx context.Context, api KMS, id string) (Key, error) {
	fail := func(err error) (Key, error) { return Key{}, fmt.Errorf("key %s: %w", id, err) }
	out, err := api.GetKeyPolicy(ctx, &kms.GetKeyPolicyInput{KeyId: &id, PolicyName: aws.String("default")})
	if err != nil {
		return fail(err)
	}
	var key Key
	if key.Policy, err = values.ParseDocument([]byte(aws.ToString(out.Policy))); err != nil {
		return fail(err)
	}
	described, err := api.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: &id})
	if err != nil {
		return fail(err)
	}
	if key.Encrypts = described.KeyMetadata.KeyUsage == types.KeyUsageTypeEncryptDecrypt; !key.Encrypts {
		return key, nil // KMS knows no rotation of keys that sign (GetKeyRotationStatus API)
	}
	rotation, err := api.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: &id})
	if err != nil {
		return fail(err)
	}
	key.Rotates = rotation.KeyRotationEnabled
	return key, nil
}

// CloudFormation is what finding a stack's resources takes.
type CloudFormation interface {
	ListStackResources(context.Context, *cloudformation.ListStackResourcesInput, ...func(*cloudformation.Options)) (*cloudformation.ListStackResourcesOutput, error)
}

// Physical is the name that CloudFormation chose for a resource of a stack.
func Physical(ctx context.Context, api CloudFormation, stack, logicalID string) (string, error) {
	pages := cloudformation.NewListStackResourcesPaginator(api, &cloudformation.ListStackResourcesInput{StackName: &stack})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return "", fmt.Errorf("stack %s: %w", stack, err)
		}
		for _, r := range page.StackResourceSummaries {
			if aws.ToString(r.LogicalResourceId) == logicalID {
				return aws.ToString(r.PhysicalResourceId), nil
			}
		}
	}
	return "", fmt.Errorf("stack %s has no %s", stack, logicalID)
}
