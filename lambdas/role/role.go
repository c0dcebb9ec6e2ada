// Package role is who a function is to AWS: the region, the credentials of its role and the
// endpoints, as Lambda puts them into its environment. It knows no other place where
// credentials may be, and no AWS service. Start with [Config].
//
// The SDK's own loader also looks into files, instance metadata, SSO and processes. A
// function has none of those, and the code for them was a tenth of the largest binary and a
// sixth of the interceptors.
package role

import (
	"context"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"remit/lambdas/environ"
)

// Config is for making clients. It panics where Lambda's own variables are missing (Lambda
// developer guide, configuration-envvars), because nothing could then be called. The
// credentials outlive the process that reads them: Lambda replaces it before they expire.
func Config() aws.Config {
	return aws.Config{
		Region:        environ.Must("AWS_REGION"),
		Credentials:   credentials.NewStaticCredentialsProvider(environ.Must("AWS_ACCESS_KEY_ID"), environ.Must("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN")),
		ConfigSources: []any{endpoints{}},
		BaseEndpoint:  everywhere(),
	}
}

// everywhere is the one endpoint of an AWS that is not AWS's, nil for AWS's own.
func everywhere() *string {
	if url := os.Getenv("AWS_ENDPOINT_URL"); url != "" {
		return &url
	}
	return nil
}

// endpoints are the SDK's variables for the endpoint of a single service (AWS SDKs and Tools
// Reference Guide, feature-ss-endpoints). The SDK finds this method by its name.
type endpoints struct{}

// GetServiceBaseEndpoint answers the endpoint of a service by its SDK id, such as KMS.
func (endpoints) GetServiceBaseEndpoint(_ context.Context, service string) (url string, found bool, err error) {
	url = os.Getenv("AWS_ENDPOINT_URL_" + strings.ToUpper(strings.ReplaceAll(service, " ", "_")))
	return url, url != "", nil
}
