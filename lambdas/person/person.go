// Package person is who sends a request to an address that AWS signs people in at: somebody in a
// role of people, whose trust sees to it that a session bears the name of who took it. It knows
// ARNs of sessions and what Lambda says of a caller; it knows no list of people. Start with [In].
package person

import (
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/lambdaurl"
)

// Identity is who sends a request, as AWS verified it: the ARN of a role's session. The zero
// Identity is nobody.
type Identity struct{ ARN string }

// In is the name of somebody's session of a role. A role without a session, of another account
// or of another name is nobody's, and so is a role without an ARN.
func In(role string, who Identity) (name string, is bool) {
	name, of := strings.CutPrefix(who.ARN, sessions(role))
	if role == "" || !of || strings.TrimSpace(name) == "" || strings.Contains(name, "/") {
		return "", false
	}
	return name, true
}

// sessions is what ARNs of a role's sessions begin with. They do not carry the role's path
// (IAM User Guide, reference_identifiers), and no two roles of an account differ in it alone.
func sessions(role string) string {
	parts := strings.SplitN(role, ":", 6) // arn:partition:iam::account:role/path/name
	if len(parts) < 6 {
		return ""
	}
	return "arn:" + parts[1] + ":sts::" + parts[4] + ":assumed-role/" + parts[5][strings.LastIndexByte(parts[5], '/')+1:] + "/"
}

// Verified is whose signature Lambda checked (Lambda developer guide, urls-invocation: what
// requestContext.authorizer.iam says). Without one it is nobody.
func Verified(r *http.Request) Identity {
	request, ok := lambdaurl.RequestFromContext(r.Context())
	if !ok || request.RequestContext.Authorizer == nil || request.RequestContext.Authorizer.IAM == nil {
		return Identity{}
	}
	return Identity{ARN: request.RequestContext.Authorizer.IAM.UserARN}
}
