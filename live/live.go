// Package live reads a deployed account back: its roles, boundaries and policies as an
// iam.World, and the facts of tables and keys. It reads only, through interfaces as narrow
// as the grants they need (grants: the lookup role); it knows no declaration and judges
// nothing. Start with [World].
package live

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	values "remit/iam"
)

// IAM is what reading roles and policies takes; it doubles as the permission list.
type IAM interface {
	ListRoles(context.Context, *iam.ListRolesInput, ...func(*iam.Options)) (*iam.ListRolesOutput, error)
	GetRole(context.Context, *iam.GetRoleInput, ...func(*iam.Options)) (*iam.GetRoleOutput, error)
	ListRolePolicies(context.Context, *iam.ListRolePoliciesInput, ...func(*iam.Options)) (*iam.ListRolePoliciesOutput, error)
	GetRolePolicy(context.Context, *iam.GetRolePolicyInput, ...func(*iam.Options)) (*iam.GetRolePolicyOutput, error)
	ListAttachedRolePolicies(context.Context, *iam.ListAttachedRolePoliciesInput, ...func(*iam.Options)) (*iam.ListAttachedRolePoliciesOutput, error)
	ListPolicies(context.Context, *iam.ListPoliciesInput, ...func(*iam.Options)) (*iam.ListPoliciesOutput, error)
	GetPolicyVersion(context.Context, *iam.GetPolicyVersionInput, ...func(*iam.Options)) (*iam.GetPolicyVersionOutput, error)
}

// World is every role and managed policy of an account below an IAM path such as /remit/,
// in canonical order. Errors name the role or policy that could not be read.
func World(ctx context.Context, api IAM, path string) (values.World, error) {
	var w values.World
	roles := iam.NewListRolesPaginator(api, &iam.ListRolesInput{PathPrefix: aws.String(path)})
	for roles.HasMorePages() {
		page, err := roles.NextPage(ctx)
		if err != nil {
			return values.World{}, fmt.Errorf("list roles below %s: %w", path, err)
		}
		for _, listed := range page.Roles {
			if !strings.HasPrefix(aws.ToString(listed.Path), path) {
				continue // some emulators ignore PathPrefix
			}
			role, err := readRole(ctx, api, aws.ToString(listed.RoleName))
			if err != nil {
				return values.World{}, fmt.Errorf("role %s: %w", aws.ToString(listed.RoleName), err)
			}
			w.Roles = append(w.Roles, role)
		}
	}
	policies, err := readPolicies(ctx, api, path)
	if err != nil {
		return values.World{}, err
	}
	w.Policies = policies
	for i := range w.Roles {
		join(&w.Roles[i], policies)
	}
	return w.Canonical(), nil
}

// join adds to a role what the policies attached to it say, where their text was read: what
// a role may do does not depend on which policy says it. AWS-managed ones stay named.
func join(role *values.Role, policies []values.Policy) {
	role.Managed = slices.DeleteFunc(role.Managed, func(arn values.ARN) bool {
		i := slices.IndexFunc(policies, func(p values.Policy) bool { return p.ARN == arn })
		if i >= 0 {
			role.Policy.Statements = append(role.Policy.Statements, policies[i].Document.Statements...)
		}
		return i >= 0
	})
}

// readRole asks for the role by name: listings leave the boundary out.
func readRole(ctx context.Context, api IAM, name string) (values.Role, error) {
	out, err := api.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(name)})
	if err != nil {
		return values.Role{}, err
	}
	role := values.Role{ARN: values.ARN(aws.ToString(out.Role.Arn)), Policy: values.Document{Version: values.Version}}
	if out.Role.PermissionsBoundary != nil {
		role.Boundary = values.ARN(aws.ToString(out.Role.PermissionsBoundary.PermissionsBoundaryArn))
	}
	if seconds := aws.ToInt32(out.Role.MaxSessionDuration); seconds != 3600 { // IAM's default, which we leave unsaid
		role.Session = time.Duration(seconds) * time.Second
	}
	if role.Trust, err = document(out.Role.AssumeRolePolicyDocument); err != nil {
		return values.Role{}, fmt.Errorf("trust: %w", err)
	}
	if err := readInline(ctx, api, name, &role); err != nil {
		return values.Role{}, err
	}
	attached, err := api.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: aws.String(name)})
	if err != nil {
		return values.Role{}, err
	}
	for _, policy := range attached.AttachedPolicies {
		role.Managed = append(role.Managed, values.ARN(aws.ToString(policy.PolicyArn)))
	}
	return role, nil
}

func readInline(ctx context.Context, api IAM, name string, role *values.Role) error {
	listed, err := api.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: aws.String(name)})
	if err != nil {
		return err
	}
	for _, policy := range listed.PolicyNames {
		out, err := api.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: aws.String(name), PolicyName: aws.String(policy)})
		if err != nil {
			return fmt.Errorf("policy %s: %w", policy, err)
		}
		d, err := document(out.PolicyDocument)
		if err != nil {
			return fmt.Errorf("policy %s: %w", policy, err)
		}
		if d.Version != values.Version {
			return fmt.Errorf("policy %s: language version %s", policy, d.Version)
		}
		role.Policy.Statements = append(role.Policy.Statements, d.Statements...)
	}
	return nil
}

func readPolicies(ctx context.Context, api IAM, path string) ([]values.Policy, error) {
	var out []values.Policy
	pages := iam.NewListPoliciesPaginator(api, &iam.ListPoliciesInput{PathPrefix: aws.String(path), Scope: iamtypes.PolicyScopeTypeLocal})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list policies below %s: %w", path, err)
		}
		for _, p := range page.Policies {
			if !strings.HasPrefix(aws.ToString(p.Path), path) {
				continue
			}
			version, err := api.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: p.Arn, VersionId: p.DefaultVersionId})
			if err != nil {
				return nil, fmt.Errorf("policy %s: %w", aws.ToString(p.PolicyName), err)
			}
			d, err := document(version.PolicyVersion.Document)
			if err != nil {
				return nil, fmt.Errorf("policy %s: %w", aws.ToString(p.PolicyName), err)
			}
			out = append(out, values.Policy{ARN: values.ARN(aws.ToString(p.Arn)), Kind: "managed", Document: d})
		}
	}
	return out, nil
}

var errNoDocument = errors.New("no document")

// document decodes what the IAM API answers: JSON, percent-encoded (RFC 3986).
func document(text *string) (values.Document, error) {
	if text == nil {
		return values.Document{}, errNoDocument
	}
	decoded, err := url.PathUnescape(*text)
	if err != nil {
		return values.Document{}, err
	}
	return values.ParseDocument([]byte(decoded))
}
