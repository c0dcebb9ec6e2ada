// Package authorizer lets an API Gateway REST API of a tool's owner check who calls it,
// where the API cannot ask IAM: the gateway shows a signed assertion of each call, and this
// REQUEST authorizer verifies it. It knows one tool and the front door's keys; it knows no
// lane and no limit. Start with [Authorizer.Serve]. The zero [Authorizer] denies.
//
// The assertion binds tool, user, lane and arguments for at most a minute. An authorizer
// does not see the body, so it passes the arguments' digest on: the API compares it, or has
// a mapping template do so.
package authorizer

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"remit/identity"
)

// Verifier checks an assertion for one tool and the arguments it claims.
type Verifier interface {
	VerifyCall(ctx context.Context, raw, tool string, arguments [32]byte, now time.Time) (identity.Call, error)
}

// Authorizer serves one tool. All fields are required.
type Authorizer struct {
	Tool     string
	Verifier Verifier
	Now      func() time.Time
}

// Header carries the assertion; Digest the SHA-256 of the canonical arguments, in hex, which
// the assertion must state too.
const (
	Header = "X-Remit-Assertion"
	Digest = "X-Remit-Arguments"
)

// Serve answers an allow for exactly the method that was asked, with the identity as
// context, or a deny. It never answers an error: API Gateway would say 500, and try again.
func (a *Authorizer) Serve(ctx context.Context, r events.APIGatewayCustomAuthorizerRequestTypeRequest) (reply events.APIGatewayCustomAuthorizerResponse, _ error) {
	defer func() {
		if recover() != nil {
			reply = answer("nobody", "Deny", r.MethodArn)
		}
	}()
	call, ok := a.verify(ctx, r)
	if !ok {
		return answer("nobody", "Deny", r.MethodArn), nil
	}
	reply = answer(call.User.ID, "Allow", r.MethodArn)
	reply.Context = map[string]any{
		"user": call.User.ID, "tenant": call.User.Tenant, "lane": call.Lane.String(), "execution": string(call.Execution), "key": call.Key, "arguments": hex.EncodeToString(call.Arguments[:]),
	}
	return reply, nil
}

func (a *Authorizer) verify(ctx context.Context, r events.APIGatewayCustomAuthorizerRequestTypeRequest) (identity.Call, bool) {
	if a.Tool == "" || a.Verifier == nil || a.Now == nil || !isOne(r.MethodArn) {
		return identity.Call{}, false
	}
	assertion, ok := one(r.MultiValueHeaders, Header)
	digest, also := one(r.MultiValueHeaders, Digest)
	bytes, err := hex.DecodeString(digest)
	if !ok || !also || err != nil || len(bytes) != 32 {
		return identity.Call{}, false
	}
	call, err := a.Verifier.VerifyCall(ctx, assertion, a.Tool, [32]byte(bytes), a.Now())
	return call, err == nil
}

// isOne: the policy names the method as it was asked, and a path may hold what IAM reads as
// a wildcard or a variable (IAM User Guide, reference_policies_elements_resource and
// reference_policies_variables): that is not one method.
func isOne(method string) bool {
	return method != "" && !strings.ContainsAny(method, "*?") && !strings.Contains(method, "${")
}

// one is a header that is there exactly once, whatever its case.
func one(headers map[string][]string, name string) (string, bool) {
	var found []string
	for key, values := range headers {
		if strings.EqualFold(key, name) {
			found = append(found, values...)
		}
	}
	return strings.Join(found, ""), len(found) == 1 && found[0] != ""
}

func answer(principal, effect, method string) events.APIGatewayCustomAuthorizerResponse {
	if method == "" {
		method = "*" // a denial of everything: an empty resource would be an error of the API's
	}
	return events.APIGatewayCustomAuthorizerResponse{PrincipalID: principal, PolicyDocument: events.APIGatewayCustomAuthorizerPolicy{
		Version: "2012-10-17", Statement: []events.IAMPolicyStatement{{Action: []string{"execute-api:Invoke"}, Effect: effect, Resource: []string{method}}},
	}}
}
