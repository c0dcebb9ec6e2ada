package live

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	values "remit/iam"
)

// StandIn is a resource that the embedded AWS keeps as a record, because it has no service
// for it: what CloudFormation gave it, resolved, and its physical id.
type StandIn struct {
	Stack      string         `json:"stack"`
	LogicalID  string         `json:"logical_id"`
	Type       string         `json:"type"`
	PhysicalID string         `json:"physical_id"`
	Properties map[string]any `json:"properties"`
}

// maxStandIns bounds the answer, in bytes.
const maxStandIns = 64 << 20

// StandIns lists the stand-ins of an account. found is false where the endpoint is not the
// embedded AWS, as AWS itself is not.
func StandIns(ctx context.Context, endpoint, account string) (list []StandIn, found bool, err error) {
	if endpoint == "" {
		return nil, false, nil
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimRight(endpoint, "/")+"/remit/standins?account="+url.QueryEscape(account), nil)
	if err != nil {
		return nil, false, fmt.Errorf("stand-ins: %w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, false, fmt.Errorf("stand-ins: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, false, nil
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, maxStandIns)).Decode(&list); err != nil {
		return nil, false, nil // some other server's page
	}
	return list, true, nil
}

// ResourcePolicies reads the policies that hang on runtimes and their endpoints, with the
// runtimes' physical ids replaced by the symbols grants use.
func ResourcePolicies(list []StandIn) ([]values.Policy, error) {
	var pairs []string
	for _, s := range list {
		if s.Type == "AWS::BedrockAgentCore::Runtime" {
			pairs = append(pairs, s.PhysicalID, "<"+s.Stack+"."+s.LogicalID+">")
		}
	}
	symbols := strings.NewReplacer(pairs...)
	var out []values.Policy
	for _, s := range list {
		if s.Type != "AWS::BedrockAgentCore::ResourcePolicy" {
			continue
		}
		text, _ := s.Properties["Policy"].(string)
		document, err := values.ParseDocument([]byte(symbols.Replace(text)))
		if err != nil {
			return nil, fmt.Errorf("resource policy %s of %s: %w", s.LogicalID, s.Stack, err)
		}
		kind := "AWS::BedrockAgentCore::Runtime"
		if strings.Contains(s.PhysicalID, "/runtime-endpoint/") {
			kind += "Endpoint"
		}
		out = append(out, values.Policy{ARN: values.ARN(symbols.Replace(s.PhysicalID)), Kind: kind, Document: document})
	}
	return out, nil
}
