package live

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"remit/iam"
	"remit/terms"
)

// Unread is a part of an export that may hold permissions and could not be read: whose, and
// why.
type Unread struct{ Whose, Why string }

// IsExport reports whether a text is what [Export] reads.
func IsExport(text []byte) bool {
	var top map[string]json.RawMessage
	return json.Unmarshal(text, &top) == nil && top["RoleDetailList"] != nil
}

// Export reads what `aws iam get-account-authorization-details` prints of one account: every
// role, user and managed policy, those of AWS with the text that they had that day. A user
// is a principal as a role is, with nobody to trust, and has what its groups have.
// Service-linked roles are left out: AWS wrote them and nobody may change them (IAM User
// Guide, using-service-linked-roles). No resource's own policy is in an export.
//
// Name is what findings call the file. The error is of a text that is no whole export;
// what cannot be read inside is listed, never dropped.
func Export(name string, text []byte) (iam.World, []Unread, error) {
	var from export
	if err := json.Unmarshal(text, &from); err != nil {
		return iam.World{}, nil, fmt.Errorf("%s: %w", name, err)
	}
	if from.IsTruncated {
		return iam.World{}, nil, fmt.Errorf("%s: it is one page of several; let the AWS CLI page, or join the pages", name)
	}
	if from.Roles == nil || from.Users == nil || from.Groups == nil || from.Policies == nil {
		return iam.World{}, nil, fmt.Errorf("%s: a list of roles, users, groups or policies is missing: it was made with a filter", name)
	}
	r := &exported{at: terms.Pos{File: name}, groups: map[string]principal{}}
	for _, p := range from.Policies {
		r.managed(p)
	}
	for _, g := range from.Groups {
		r.groups[g.GroupName] = g
	}
	for _, p := range append(from.Roles, from.Users...) {
		if !strings.HasPrefix(p.Path, "/aws-service-role/") {
			r.principal(p)
		}
	}
	return r.world.Canonical(), r.unread, nil
}

// export is the part of the answer that holds permissions (IAM API Reference,
// GetAccountAuthorizationDetails).
type export struct {
	IsTruncated bool
	Roles       []principal     `json:"RoleDetailList"`
	Users       []principal     `json:"UserDetailList"`
	Groups      []principal     `json:"GroupDetailList"`
	Policies    []managedPolicy `json:"Policies"`
}

type principal struct {
	Arn, Path, GroupName                            string
	AssumeRolePolicyDocument                        json.RawMessage
	RolePolicyList, UserPolicyList, GroupPolicyList []inlinePolicy
	AttachedManagedPolicies                         []struct{ PolicyArn string }
	PermissionsBoundary                             struct{ PermissionsBoundaryArn string }
	GroupList                                       []string
}

type inlinePolicy struct {
	PolicyName     string
	PolicyDocument json.RawMessage
}

type managedPolicy struct {
	Arn               string
	PolicyVersionList []struct {
		Document         json.RawMessage
		IsDefaultVersion bool
	}
}

// exported is a world that is being read.
type exported struct {
	world  iam.World
	groups map[string]principal
	unread []Unread
	at     terms.Pos
}

func (r *exported) miss(whose string, err error) {
	r.unread = append(r.unread, Unread{whose, err.Error()})
}

func (r *exported) managed(p managedPolicy) {
	for _, v := range p.PolicyVersionList {
		if !v.IsDefaultVersion {
			continue
		}
		d, err := current(v.Document)
		if err != nil {
			r.miss(p.Arn, err)
			return
		}
		r.world.Policies = append(r.world.Policies, iam.Policy{ARN: iam.ARN(p.Arn), Kind: "managed", Document: d, From: r.at})
		return
	}
	r.miss(p.Arn, errors.New("no version of it is the default"))
}

func (r *exported) principal(p principal) {
	role := iam.Role{ARN: iam.ARN(p.Arn), Boundary: iam.ARN(p.PermissionsBoundary.PermissionsBoundaryArn), Policy: iam.Document{Version: iam.Version}, From: r.at}
	if p.AssumeRolePolicyDocument != nil {
		trust, err := decoded(p.AssumeRolePolicyDocument)
		if err != nil {
			r.miss(p.Arn, fmt.Errorf("its trust: %w", err))
		}
		role.Trust = trust
	}
	r.grant(&role, p)
	for _, name := range p.GroupList {
		group, known := r.groups[name]
		if !known {
			r.miss(p.Arn, fmt.Errorf("its group %s is not in the export", name))
		}
		r.grant(&role, group)
	}
	role.Managed = slices.Compact(slices.Sorted(slices.Values(role.Managed)))
	r.world.Roles = append(r.world.Roles, role)
}

// grant adds to a role what an entry of the export gives.
func (r *exported) grant(role *iam.Role, p principal) {
	for _, policy := range slices.Concat(p.RolePolicyList, p.UserPolicyList, p.GroupPolicyList) {
		d, err := current(policy.PolicyDocument)
		if err != nil {
			r.miss(string(role.ARN), fmt.Errorf("its policy %s: %w", policy.PolicyName, err))
			continue
		}
		role.Policy.Statements = append(role.Policy.Statements, d.Statements...)
	}
	for _, attached := range p.AttachedManagedPolicies {
		role.Managed = append(role.Managed, iam.ARN(attached.PolicyArn))
	}
}

// current reads a document that will be joined with others, which takes one language
// version: the older one reads ${…} as text, and says the same where there is none.
func current(raw json.RawMessage) (iam.Document, error) {
	d, err := decoded(raw)
	if err == nil && d.Version != iam.Version {
		if strings.Contains(string(d.JSON()), "${") {
			return iam.Document{}, fmt.Errorf("policy language version %s, with a ${ that is no variable there", d.Version)
		}
		d.Version = iam.Version
	}
	return d, err
}

// decoded reads a document as the CLI prints it, JSON, or as the API answers it, JSON
// percent-encoded in a string.
func decoded(raw json.RawMessage) (iam.Document, error) {
	var text string
	if json.Unmarshal(raw, &text) != nil {
		return iam.ParseDocument(raw)
	}
	plain, err := url.PathUnescape(text)
	if err != nil {
		return iam.Document{}, err
	}
	return iam.ParseDocument([]byte(plain))
}
