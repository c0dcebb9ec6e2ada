// Command bootstrap is an API Gateway REQUEST authorizer for one tool, which the tool's
// owner deploys in front of an API that cannot ask IAM.
package main

import (
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"remit/identity"
	"remit/lambdas/authorizer"
	"remit/lambdas/entry/calls"
	"remit/lambdas/environ"
)

func main() {
	tool, door := environ.Must("REMIT_TOOL"), strings.TrimSuffix(environ.Must("REMIT_ISSUER"), "/")
	fetch := identity.OverHTTP(&http.Client{Timeout: 3 * time.Second})
	a := &authorizer.Authorizer{Tool: tool, Verifier: environ.Or(calls.Verifier(door, tool, fetch)), Now: time.Now}
	lambda.Start(a.Serve)
}
