package assembly

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"remit/iam"
	"remit/terms"
)

// reader gathers the world of several stacks.
type reader struct {
	exports    map[string]any
	world      iam.World
	attached   []attachment
	unreadable []Unreadable
	work       *int // values resolved so far for the stack at hand
}

// attachment is a document that a separate resource hangs on roles, by name or ARN.
type attachment struct {
	stack    Stack
	id       string
	roles    []string
	document iam.Document
}

func (r *reader) scope(s Stack) scope { return scope{Stack: s, exports: r.exports, work: r.work} }

func (r *reader) cannot(s Stack, id, what string, err error) {
	r.unreadable = append(r.unreadable, Unreadable{Stack: s.Name, LogicalID: id, What: what, Why: err.Error()})
}

// export notes what a stack exports. Exports that import others are not followed.
func (r *reader) export(s Stack) {
	r.work = new(int)
	for id, output := range s.Template.Outputs {
		if output.Export.Name == nil {
			continue
		}
		name, err := r.scope(s).value(output.Export.Name)
		if err != nil {
			r.cannot(s, id, "export", err)
			continue
		}
		value, err := r.scope(s).value(output.Value)
		if err != nil {
			r.cannot(s, id, "export", err)
			continue
		}
		r.exports[exportKey(s, fmt.Sprint(name))] = value
	}
}

func (r *reader) stack(s Stack) {
	r.work = new(int)
	if s.Template.Transform != nil {
		r.cannot(s, "Transform", fmt.Sprint(s.Template.Transform), fmt.Errorf("a macro rewrites this template when it is deployed"))
	}
	for _, id := range slices.Sorted(maps.Keys(s.Template.Resources)) {
		resource := s.Template.Resources[id]
		if resource.Condition != "" && (grants(resource) || isThing(resource.Type)) {
			there, err := r.scope(s).holds(resource.Condition)
			if err != nil {
				r.cannot(s, id, resource.Type, fmt.Errorf("it exists only under condition %s, which is decided when it is deployed: %w", resource.Condition, err))
				continue
			}
			if !there {
				continue
			}
		}
		if err := r.resource(s, id, resource); err != nil {
			r.cannot(s, id, resource.Type, err)
		}
	}
}

// grants reports whether a resource can give someone a permission, as far as its text shows.
func grants(r Resource) bool {
	_, bears := policyBearers[r.Type]
	return bears || strings.HasPrefix(r.Type, "AWS::IAM::") || holdsStatements(r.Properties)
}

func (r *reader) resource(s Stack, id string, resource Resource) error {
	switch resource.Type {
	case "":
		return fmt.Errorf("it has no type, so what it becomes is known only when it is deployed")
	case "AWS::IAM::Role":
		return r.role(s, id, resource)
	case "AWS::IAM::ManagedPolicy":
		return r.managedPolicy(s, id, resource)
	case "AWS::IAM::Policy", "AWS::IAM::RolePolicy":
		return r.rolePolicy(s, id, resource)
	case "AWS::Lambda::Permission":
		return r.permission(s, id, resource)
	case "AWS::Logs::ResourcePolicy":
		return r.logsPolicy(s, resource)
	}
	if of, ok := sharedPolicies[resource.Type]; ok {
		return r.sharedPolicy(s, resource, of)
	}
	if isThing(resource.Type) {
		r.thing(s, id, resource)
	}
	if bearer, ok := policyBearers[resource.Type]; ok {
		return r.resourcePolicy(s, id, resource, bearer)
	}
	if resource.Type == "AWS::Organizations::Policy" && slices.Contains(narrowing, resource.Properties["Type"]) {
		return nil // a world without it is wider than the one with it
	}
	if resource.Type == "AWS::IAM::OIDCProvider" {
		return nil // it admits nobody by itself; trusts that name it do
	}
	if resource.Type == "AWS::BedrockAgentCore::Policy" {
		return nil // Cedar, asked by a gateway after IAM has admitted the call; it grants nothing of AWS
	}
	if strings.HasPrefix(resource.Type, "AWS::IAM::") || neverSilent[resource.Type] || holdsStatements(resource.Properties) {
		return fmt.Errorf("this type can grant access and is not read")
	}
	if !strings.HasPrefix(resource.Type, "AWS::") && !strings.HasPrefix(resource.Type, "Custom::") {
		return fmt.Errorf("no type of AWS's own, so what it makes is known only when it is deployed")
	}
	return nil
}

// narrowing are the policies of an organization that only narrow (Organizations User Guide,
// orgs_manage_policies_authorization_policies).
var narrowing = []any{"SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"}

// neverSilent are types that grant without holding a policy document.
var neverSilent = map[string]bool{
	"AWS::Lambda::LayerVersionPermission": true, "AWS::Events::EventBusPolicy": true,
	"AWS::CloudFormation::Stack": true, "AWS::CloudFormation::Macro": true, "AWS::RAM::ResourceShare": true,
}

// holdsStatements finds a policy document anywhere in a resource's properties, also one
// that is written as text, as a log group's resource policy is.
func holdsStatements(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, `"Statement"`)
	case map[string]any:
		if _, ok := v["Statement"]; ok {
			return true
		}
		for _, item := range v {
			if holdsStatements(item) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(v, holdsStatements)
	}
	return false
}

func (r *reader) role(s Stack, id string, resource Resource) error {
	sc := r.scope(s)
	arn, err := sc.arn(id, resource, kinds[resource.Type])
	if err != nil {
		return err
	}
	boundary, err := sc.text(resource, "PermissionsBoundary")
	if err != nil {
		return err
	}
	if strings.HasPrefix(boundary, "<") {
		return fmt.Errorf("PermissionsBoundary: %s may be a name or an ARN", boundary)
	}
	trust, err := sc.document(resource.Properties["AssumeRolePolicyDocument"])
	if err != nil {
		return fmt.Errorf("AssumeRolePolicyDocument: %w", err)
	}
	role := iam.Role{ARN: iam.ARN(arn), Boundary: iam.ARN(boundary), Trust: trust, Policy: iam.Document{Version: iam.Version}, From: terms.Pos{File: s.Path}}
	if role.Session, err = sc.session(resource); err != nil {
		return err
	}
	if err := sc.inline(&role, resource); err != nil {
		return err
	}
	if err := sc.managed(&role, resource); err != nil {
		return err
	}
	r.world.Roles = append(r.world.Roles, role)
	return nil
}

// session is how long a session of the role may last, zero where it says nothing.
func (s scope) session(resource Resource) (time.Duration, error) {
	seconds, err := s.text(resource, "MaxSessionDuration")
	if seconds == "" || err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(seconds)
	if err != nil {
		return 0, fmt.Errorf("MaxSessionDuration: %w", err)
	}
	return time.Duration(n) * time.Second, nil
}

// items is a property that must be a list, empty where it is absent. Anything else is an
// error, because what it holds would be dropped.
func (s scope) items(v any) ([]any, error) {
	resolved, err := s.value(v)
	if err != nil || resolved == nil || resolved == noValue {
		return nil, err
	}
	list, ok := resolved.([]any)
	if !ok {
		return nil, fmt.Errorf("want a list, have %T", resolved)
	}
	return list, nil
}

func (s scope) inline(role *iam.Role, resource Resource) error {
	policies, err := s.items(resource.Properties["Policies"])
	if err != nil {
		return fmt.Errorf("Policies: %w", err)
	}
	for i, policy := range policies {
		object, _ := policy.(map[string]any)
		document, err := readDocument(object["PolicyDocument"])
		if err != nil {
			return fmt.Errorf("Policies[%d]: %w", i, err)
		}
		if err := add(role, document); err != nil {
			return fmt.Errorf("Policies[%d]: %w", i, err)
		}
	}
	return nil
}

// add joins a document to a role's. Documents of different language versions mean
// different things by the same text, so they are not joined.
func add(role *iam.Role, d iam.Document) error {
	if len(role.Policy.Statements) == 0 {
		role.Policy = d
		return nil
	}
	if d.Version != role.Policy.Version {
		return fmt.Errorf("policy language version %s beside %s", d.Version, role.Policy.Version)
	}
	role.Policy.Statements = append(role.Policy.Statements, d.Statements...)
	return nil
}

func (s scope) managed(role *iam.Role, resource Resource) error {
	list, err := s.items(resource.Properties["ManagedPolicyArns"])
	if err != nil {
		return fmt.Errorf("ManagedPolicyArns: %w", err)
	}
	for _, item := range list {
		arn, err := plainText(item)
		if err != nil {
			return fmt.Errorf("ManagedPolicyArns: %w", err)
		}
		role.Managed = append(role.Managed, iam.ARN(arn))
	}
	return nil
}

// document resolves and reads a policy document; text is read as JSON.
func (s scope) document(v any) (iam.Document, error) {
	resolved, err := s.value(v)
	if err != nil {
		return iam.Document{}, err
	}
	return readDocument(resolved)
}

// readDocument reads a resolved document; text is read as JSON.
func readDocument(resolved any) (d iam.Document, err error) {
	if text, ok := resolved.(string); ok {
		d, err = iam.ParseDocument([]byte(text))
	} else {
		d, err = iam.DocumentOf(resolved)
	}
	if err != nil {
		return iam.Document{}, err
	}
	for _, s := range d.Statements {
		for _, name := range append(slices.Clone(s.Resources.Of), s.Principals.AWS...) {
			if strings.HasPrefix(name, "<") {
				return iam.Document{}, fmt.Errorf("statement %s: %s may be a name or an ARN, and which account's is not known here", s.Sid, name)
			}
		}
	}
	return d, nil
}

func (r *reader) managedPolicy(s Stack, id string, resource Resource) error {
	sc := r.scope(s)
	arn, err := sc.arn(id, resource, kinds[resource.Type])
	if err != nil {
		return err
	}
	document, err := sc.document(resource.Properties["PolicyDocument"])
	if err != nil {
		return err
	}
	if err := onlyRoles(resource); err != nil {
		return err
	}
	r.world.Policies = append(r.world.Policies, iam.Policy{ARN: iam.ARN(arn), Kind: "managed", Document: document, Account: s.Account, From: terms.Pos{File: s.Path}})
	return r.hang(s, id, resource.Properties["Roles"], document)
}

func onlyRoles(resource Resource) error {
	for _, others := range []string{"Users", "Groups"} {
		if resource.Properties[others] != nil {
			return fmt.Errorf("it is attached to %s, which are not read", strings.ToLower(others))
		}
	}
	return nil
}

func (r *reader) rolePolicy(s Stack, id string, resource Resource) error {
	document, err := r.scope(s).document(resource.Properties["PolicyDocument"])
	if err != nil {
		return err
	}
	if err := onlyRoles(resource); err != nil {
		return err
	}
	roles := resource.Properties["Roles"]
	if name, ok := resource.Properties["RoleName"]; ok {
		roles = []any{name}
	}
	if roles == nil {
		return fmt.Errorf("it is attached to something that is not a role")
	}
	return r.hang(s, id, roles, document)
}

func (r *reader) hang(s Stack, id string, roles any, document iam.Document) error {
	list, err := r.scope(s).items(roles)
	if err != nil {
		return fmt.Errorf("Roles: %w", err)
	}
	a := attachment{stack: s, id: id, document: document}
	for _, item := range list {
		name, err := plainText(item)
		if err != nil {
			return err
		}
		a.roles = append(a.roles, name)
	}
	r.attached = append(r.attached, a)
	return nil
}

// attach hangs separate policies, and managed ones that are read here, on their roles.
func (r *reader) attach() {
	for _, a := range r.attached {
		for _, name := range a.roles {
			if err := r.attachTo(a.stack.Account, name, a.document); err != nil {
				r.cannot(a.stack, a.id, "attached policy", err)
			}
		}
	}
	for i := range r.world.Roles {
		role := &r.world.Roles[i]
		role.Managed = slices.DeleteFunc(role.Managed, func(arn iam.ARN) bool {
			policy, known := r.policy(arn)
			return known && add(role, policy.Document) == nil
		})
	}
}

func (r *reader) attachTo(account, name string, d iam.Document) error {
	for i := range r.world.Roles {
		role := &r.world.Roles[i]
		if role.ARN.Account() == account && role.ARN.Name() == name {
			return add(role, d)
		}
	}
	return fmt.Errorf("role %s is not in what was read", name)
}

func (r *reader) policy(arn iam.ARN) (iam.Policy, bool) {
	for _, p := range r.world.Policies {
		if p.ARN == arn && p.Kind == "managed" {
			return p, true
		}
	}
	return iam.Policy{}, false
}

// bearer says where a type keeps a resource policy, and on what it hangs: on itself, or on
// the ARN or name that a property gives.
type bearer struct{ document, on, arn string }

// policyBearers are the types whose resource policies are read.
var policyBearers = map[string]bearer{
	"AWS::KMS::Key":                         {document: "KeyPolicy"},
	"AWS::DynamoDB::Table":                  {document: "ResourcePolicy"},
	"AWS::ECR::Repository":                  {document: "RepositoryPolicyText"},
	"AWS::ECR::RegistryPolicy":              {document: "PolicyText"},
	"AWS::S3::BucketPolicy":                 {document: "PolicyDocument", on: "Bucket", arn: "arn:{p}:s3:::{n}"},
	"AWS::SecretsManager::ResourcePolicy":   {document: "ResourcePolicy", on: "SecretId", arn: "{n}"},
	"AWS::BedrockAgentCore::ResourcePolicy": {document: "Policy", on: "ResourceArn", arn: "{n}"},
}

func (r *reader) resourcePolicy(s Stack, id string, resource Resource, b bearer) error {
	for property, v := range resource.Properties {
		if property != b.document && holdsStatements(v) {
			r.cannot(s, id, resource.Type, fmt.Errorf("%s holds a policy too, which is not read", property)) // a table's stream has its own
		}
	}
	raw, ok := resource.Properties[b.document]
	if !ok && resource.Type == "AWS::KMS::Key" {
		return fmt.Errorf("without a KeyPolicy it gets AWS's own, which opens it to the account's IAM")
	}
	if !ok {
		return nil
	}
	if wrapped, ok := raw.(map[string]any); ok && wrapped["PolicyDocument"] != nil {
		raw = wrapped["PolicyDocument"] // AWS::DynamoDB::Table wraps its document
	}
	sc := r.scope(s)
	document, err := sc.document(raw)
	if err != nil {
		return err
	}
	arn, kind, err := sc.bearerARN(id, resource, b)
	if err != nil {
		return err
	}
	r.world.Policies = append(r.world.Policies, iam.Policy{ARN: iam.ARN(arn), Kind: kind, Document: document, Account: s.Account, From: terms.Pos{File: s.Path}})
	return nil
}

func (s scope) bearerARN(id string, resource Resource, b bearer) (arn, kind string, err error) {
	if b.on == "" {
		arn, err = s.arn(id, resource, kinds[resource.Type])
		return arn, resource.Type, err
	}
	on, err := s.text(resource, b.on)
	if err != nil {
		return "", "", err
	}
	return strings.NewReplacer("{p}", s.partition(), "{n}", on).Replace(b.arn), bearerKind(resource.Type, on), nil
}

// bearerKind is the type of the thing a separate policy resource hangs on.
func bearerKind(policyType, on string) string {
	switch {
	case policyType == "AWS::S3::BucketPolicy":
		return "AWS::S3::Bucket"
	case policyType == "AWS::SecretsManager::ResourcePolicy":
		return "AWS::SecretsManager::Secret"
	case strings.Contains(on, "/runtime-endpoint/"):
		return "AWS::BedrockAgentCore::RuntimeEndpoint"
	case strings.Contains(on, ":gateway/"):
		return "AWS::BedrockAgentCore::Gateway"
	case strings.Contains(on, ":memory/"):
		return "AWS::BedrockAgentCore::Memory"
	}
	return "AWS::BedrockAgentCore::Runtime"
}
