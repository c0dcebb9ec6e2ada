package verify

import (
	"slices"
	"strings"

	"remit/iam"
	"remit/terms"
)

var audit = Rule{
	ID:       "audit",
	Sentence: "No role stops, alters or forges the audit.",
	Why:      "Who can rewrite the record can have done anything.",
	Source:   "requirements R36, R37; iam-semantics §2",
	judge: func(c *court) []Finding {
		return c.everyone(
			"it stops or narrows a trail", want([]string{"cloudtrail:DeleteEventDataStore", "cloudtrail:DeleteTrail", "cloudtrail:PutEventSelectors", "cloudtrail:StopEventDataStoreIngestion", "cloudtrail:StopLogging", "cloudtrail:UpdateEventDataStore", "cloudtrail:UpdateTrail"}, anything),
			"it lifts an object lock", want([]string{"s3:BypassGovernanceRetention", "s3:PutBucketObjectLockConfiguration", "s3:PutObjectLegalHold", "s3:PutObjectRetention"}, anything),
			"it stops the recording of model calls or of configuration", want([]string{"bedrock:DeleteModelInvocationLoggingConfiguration", "bedrock:PutModelInvocationLoggingConfiguration", "config:DeleteConfigurationRecorder", "config:StopConfigurationRecorder"}, anything),
			"it writes to or deletes from where trails are kept", want([]string{"s3:DeleteBucket", "s3:DeleteBucketPolicy", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:PutBucketPolicy", "s3:PutLifecycleConfiguration", "s3:PutObject"}, c.archives()),
			"it deletes or shortens logs of the audit", want([]string{"logs:DeleteLogGroup", "logs:DeleteLogStream", "logs:DeleteRetentionPolicy", "logs:PutRetentionPolicy"}, c.auditLogs()),
			"it disables a key of the audit account", want([]string{"kms:DisableKey", "kms:PutKeyPolicy", "kms:ScheduleKeyDeletion"}, c.inAudit("kms", "key/*")),
		)
	},
}

// archives are the buckets trails write to, and objects in them. Where no trail is in the world
// there is none to protect here.
func (c *court) archives() []string {
	out := []string{}
	for _, t := range c.World.Of("AWS::CloudTrail::Trail") {
		if bucket := t.Setting("S3BucketName"); bucket != "" {
			arn := "arn:" + t.ARN.Part(1) + ":s3:::" + bucket
			out = append(out, arn, arn+"/*")
		}
	}
	return out
}

// auditLogs are the audit accounts' log groups, and everywhere those that CloudTrail writes.
func (c *court) auditLogs() []string {
	out := c.inAudit("logs", "log-group:*")
	accounts := map[string]iam.ARN{}
	for _, a := range c.actors {
		accounts[a.ARN.Account()] = a.ARN
	}
	for account, arn := range accounts {
		for _, group := range []string{"aws-cloudtrail-logs*", "/aws/cloudtrail*"} {
			out = append(out, "arn:"+arn.Part(1)+":logs:"+c.region(account)+":"+account+":log-group:"+group)
		}
	}
	slices.Sort(out)
	return out
}

// inAudit is a pattern in every account declared for the audit. The word is the declaration
// language's own (requirements R36).
func (c *court) inAudit(service, rest string) []string {
	out := []string{}
	for account, s := range c.sites {
		if s.purpose == "audit" {
			out = append(out, strings.Join([]string{"arn", terms.Partition(s.region), service, s.region, account, rest}, ":"))
		}
	}
	slices.Sort(out)
	return out
}

var trail = Rule{
	ID:       "trail",
	Sentence: "Every trail logs, in every region, with validated files, to a bucket that keeps every version.",
	Why:      "A trail that is off, or whose files can be replaced, is no evidence.",
	Source:   "CloudTrail User Guide, best-practices-security",
	judge: func(c *court) []Finding {
		var out []Finding
		for _, t := range c.World.Of("AWS::CloudTrail::Trail") {
			for _, f := range []struct {
				path, want, sentence string
			}{
				{"IsLogging", "true", "it does not log"},
				{"IsMultiRegionTrail", "true", "it sees one region only"},
				{"EnableLogFileValidation", "true", "its files are not validated"},
			} {
				if t.Setting(f.path) != f.want {
					out = append(out, Finding{Role: t.ARN, Sentence: f.sentence, At: t.From})
				}
			}
			for _, b := range c.World.Of("AWS::S3::Bucket") {
				if b.ARN.Name() == t.Setting("S3BucketName") && b.Setting("VersioningConfiguration.Status") != "Enabled" && b.Setting("ObjectLockEnabled") != "true" {
					out = append(out, Finding{Role: t.ARN, Sentence: "its bucket keeps no versions", At: t.From, Chain: []Hop{{t.ARN, "writes to"}, {Of: b.ARN}}})
				}
			}
		}
		return out
	},
}
