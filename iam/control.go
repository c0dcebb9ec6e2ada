package iam

import (
	"slices"
	"strings"
)

// Control is one level of an organization's policies over some accounts: the root, one
// organizational unit, or an account itself. Its documents together must allow what any
// of those accounts does (service) or has done to it (resource); AWS's own FullAWSAccess
// is one of the documents where it is attached. The zero Control binds nobody.
//
// The management account and service-linked roles are not bound by service control
// policies: leave the one out of Accounts, the other is recognised by its path.
// (Organizations User Guide, orgs_manage_policies_scps.html, orgs_manage_policies_rcps.html)
type Control struct {
	Resource  bool     // a resource control policy: it binds whoever touches the accounts' resources
	Level     string   // for people: "root", "ou-prod", an account
	Accounts  []string // account ids it is over
	Documents []Document
}

// underResourceControl are the services whose resources a resource control policy reaches
// (Organizations User Guide, orgs_manage_policies_rcps, "List of AWS services that
// support RCPs"). Elsewhere it binds nobody.
var underResourceControl = []string{
	"s3", "sts", "kms", "sqs", "secretsmanager", "dynamodb", "ecr", "logs", "events", "cognito-idp", "xray", "wafv2",
}

// binds reports whether the control is over the caller, or over the resource.
func (c Control) binds(j *judgement) bool {
	slr := strings.HasPrefix(j.role.Part(5), "role/aws-service-role/")
	if !c.Resource {
		return !slr && slices.Contains(c.Accounts, j.account)
	}
	service, _, _ := strings.Cut(strings.ToLower(j.Action), ":")
	return !slr && slices.Contains(c.Accounts, j.owner) && slices.Contains(underResourceControl, service)
}
