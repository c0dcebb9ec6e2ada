package live

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	values "remit/iam"
)

// account is an IAM with two roles, one of them not ours, and one policy. It answers as the
// real one does: documents percent-encoded, boundaries only by GetRole.
type account struct{ broken string }

const statement = `{"Version":"2012-10-17","Statement":[{"Sid":"A","Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"}]}`

func encoded(text string) *string { return aws.String(url.PathEscape(text)) }

func (a account) fails(what string) error {
	if a.broken == what {
		return errors.New("access denied")
	}
	return nil
}

func (a account) ListRoles(context.Context, *iam.ListRolesInput, ...func(*iam.Options)) (*iam.ListRolesOutput, error) {
	return &iam.ListRolesOutput{Roles: []types.Role{
		{RoleName: aws.String("ours"), Path: aws.String("/remit/"), Arn: aws.String("arn:aws:iam::111111111111:role/remit/ours")},
		{RoleName: aws.String("theirs"), Path: aws.String("/"), Arn: aws.String("arn:aws:iam::111111111111:role/theirs")},
	}}, a.fails("list")
}

func (a account) GetRole(_ context.Context, in *iam.GetRoleInput, _ ...func(*iam.Options)) (*iam.GetRoleOutput, error) {
	trust := encoded(strings.Replace(statement, `"Resource":"arn:aws:s3:::b/*"`, `"Principal":{"Service":"lambda.amazonaws.com"}`, 1))
	if a.broken == "trust" {
		trust = encoded(`{"Statement":[{"Effect":"Maybe"}]}`)
	}
	return &iam.GetRoleOutput{Role: &types.Role{
		RoleName: in.RoleName, Arn: aws.String("arn:aws:iam::111111111111:role/remit/" + *in.RoleName), MaxSessionDuration: aws.Int32(7200),
		PermissionsBoundary: &types.AttachedPermissionsBoundary{PermissionsBoundaryArn: aws.String("arn:aws:iam::111111111111:policy/remit/fence/f")}, AssumeRolePolicyDocument: trust,
	}}, a.fails("role")
}

func (a account) ListRolePolicies(context.Context, *iam.ListRolePoliciesInput, ...func(*iam.Options)) (*iam.ListRolePoliciesOutput, error) {
	return &iam.ListRolePoliciesOutput{PolicyNames: []string{"remit"}}, a.fails("inline")
}

func (a account) GetRolePolicy(context.Context, *iam.GetRolePolicyInput, ...func(*iam.Options)) (*iam.GetRolePolicyOutput, error) {
	return &iam.GetRolePolicyOutput{PolicyDocument: encoded(statement)}, a.fails("document")
}

func (a account) ListAttachedRolePolicies(context.Context, *iam.ListAttachedRolePoliciesInput, ...func(*iam.Options)) (*iam.ListAttachedRolePoliciesOutput, error) {
	return &iam.ListAttachedRolePoliciesOutput{AttachedPolicies: []types.AttachedPolicy{{PolicyArn: aws.String("arn:aws:iam::aws:policy/ReadOnlyAccess")}}}, a.fails("attached")
}

func (a account) ListPolicies(context.Context, *iam.ListPoliciesInput, ...func(*iam.Options)) (*iam.ListPoliciesOutput, error) {
	return &iam.ListPoliciesOutput{Policies: []types.Policy{{PolicyName: aws.String("f"), Path: aws.String("/remit/fence/"), Arn: aws.String("arn:aws:iam::111111111111:policy/remit/fence/f"), DefaultVersionId: aws.String("v3")}}}, a.fails("policies")
}

func (a account) GetPolicyVersion(_ context.Context, in *iam.GetPolicyVersionInput, _ ...func(*iam.Options)) (*iam.GetPolicyVersionOutput, error) {
	if *in.VersionId != "v3" {
		return nil, errors.New("not the default version")
	}
	return &iam.GetPolicyVersionOutput{PolicyVersion: &types.PolicyVersion{Document: encoded(statement)}}, a.fails("version")
}

func TestAnAccountReadsBackAsTheWorldItHolds(t *testing.T) {
	w, err := World(context.Background(), account{}, "/remit/")
	if err != nil {
		t.Fatal(err)
	}
	got := w.Text(values.View{})
	for _, want := range []string{"role /remit/ours", "session 2h", "boundary  f", "service lambda.amazonaws.com", "s3:GetObject", "attached  arn:aws:iam::aws:policy/ReadOnlyAccess", "managed policy /remit/fence/f"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q was lost on the way back:\n%s", want, got)
		}
	}
	if strings.Contains(got, "theirs") {
		t.Error("a role that is not Remit's was read")
	}
}

func TestWhatCannotBeReadIsAnErrorAndNeverAnEmptyWorld(t *testing.T) {
	for _, broken := range []string{"list", "role", "trust", "inline", "document", "attached", "policies", "version"} {
		if w, err := World(context.Background(), account{broken}, "/remit/"); err == nil || len(w.Roles)+len(w.Policies) != 0 {
			t.Errorf("%s could not be read, and the answer is %d roles (%v)", broken, len(w.Roles), err)
		}
	}
}

func TestRuntimesResourcePoliciesAreReadUnderTheNamesThatGrantsUse(t *testing.T) {
	embedded := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/remit/standins" || r.URL.Query().Get("account") != "111111111111" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(`[
		 {"stack":"s","logical_id":"Runtime","type":"AWS::BedrockAgentCore::Runtime","physical_id":"x__y__z-0123456789"},
		 {"stack":"s","logical_id":"P","type":"AWS::BedrockAgentCore::ResourcePolicy","physical_id":"arn:aws:bedrock-agentcore:us-east-1:111111111111:runtime/x__y__z-0123456789/runtime-endpoint/z",
		  "properties":{"Policy":"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"A\",\"Effect\":\"Deny\",\"Principal\":\"*\",\"Action\":\"*\",\"Resource\":\"arn:aws:bedrock-agentcore:us-east-1:111111111111:runtime/x__y__z-0123456789/runtime-endpoint/z\"}]}"}}]`))
	}))
	defer embedded.Close()
	list, found, err := StandIns(context.Background(), embedded.URL, "111111111111")
	if err != nil || !found {
		t.Fatalf("%v %v", found, err)
	}
	policies, err := ResourcePolicies(list)
	const arn = "arn:aws:bedrock-agentcore:us-east-1:111111111111:runtime/<s.Runtime>/runtime-endpoint/z"
	if err != nil || len(policies) != 1 || policies[0].ARN != arn || policies[0].Kind != "AWS::BedrockAgentCore::RuntimeEndpoint" || policies[0].Document.Statements[0].Resources.Of[0] != arn {
		t.Errorf("%+v %v", policies, err)
	}
	list[1].Properties["Policy"] = "{"
	if _, err := ResourcePolicies(list); err == nil {
		t.Error("an unreadable policy was dropped")
	}
}

func TestAnEndpointThatIsNotTheEmbeddedAWSHasNoStandIns(t *testing.T) {
	other := httptest.NewServer(http.NotFoundHandler())
	defer other.Close()
	for _, endpoint := range []string{"", other.URL} {
		if list, found, err := StandIns(context.Background(), endpoint, "111111111111"); list != nil || found || err != nil {
			t.Errorf("%q: %v %v %v", endpoint, list, found, err)
		}
	}
}
