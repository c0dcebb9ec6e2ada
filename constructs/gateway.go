package constructs

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsbedrockagentcore"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"remit/platform"
	"remit/policy"
	"remit/policy/cedar"
)

// gateway is the lane's own: it admits tokens of our issuer for this lane alone, asks the
// lane's two interceptors and its policy engine, and knows the lane's targets. It is ready
// when the resources it also answers are there: the last policy, after which none is missing.
func gateway(s stack, lane platform.Running, bundle *policy.Bundle, role awsiam.CfnRole, request, response made, reach *made) (awsbedrockagentcore.CfnGateway, []awscdk.CfnResource) {
	engine := awsbedrockagentcore.NewCfnPolicyEngine(s.Stack, jsii.String("Engine"), &awsbedrockagentcore.CfnPolicyEngineProps{
		Name: jsii.String(lane.Engine()), Description: jsii.String("Remit: which user roles may call which tool of this lane"),
	})
	g := awsbedrockagentcore.NewCfnGateway(s.Stack, jsii.String("Gateway"), &awsbedrockagentcore.CfnGatewayProps{
		Name: jsii.String(lane.Gateway()), RoleArn: role.AttrArn(), ProtocolType: jsii.String("MCP"),
		AuthorizerType: jsii.String("CUSTOM_JWT"),
		AuthorizerConfiguration: map[string]any{"customJwtAuthorizer": map[string]any{
			"discoveryUrl":    *doorURL(lane) + ".well-known/openid-configuration",
			"allowedAudience": []any{lane.Term().String()},
		}},
		InterceptorConfigurations: []any{interceptor("REQUEST", request), interceptor("RESPONSE", response)},
		// Said in so many words: an engine that only logs decides nothing.
		PolicyEngineConfiguration: map[string]any{"arn": engine.AttrPolicyEngineArn(), "mode": "ENFORCE"},
		// No search tool and no streaming: both would answer past the filter.
		ProtocolConfiguration: map[string]any{"mcp": map[string]any{"supportedVersions": []any{"2025-06-18", "2025-03-26"}}},
	})
	var targets []awscdk.CfnResource
	for _, tool := range lane.Tools {
		targets = append(targets, target(s, lane, tool, bundle.Tools[tool.Name], g, reach))
	}
	return g, policies(s, bundle, engine, g, targets)
}

// doorURL is the front door's address, with a slash at its end.
func doorURL(lane platform.Running) *string {
	return awscdk.Fn_ImportValue(jsii.String(exportName(lane.AccountStack(), "DoorUrl")))
}

func interceptor(point string, f made) map[string]any {
	return map[string]any{
		"interceptor":        map[string]any{"lambda": map[string]any{"arn": f.alias.Ref()}},
		"interceptionPoints": []any{point},
		"inputConfiguration": map[string]any{"passRequestHeaders": true}, // without them nobody is asking
	}
}

// policies are made after the targets, whose tools they name, and one after the other:
// AgentCore judges each by what the engine holds, so the permits come first
// (policy/cedar says why). It answers what waits for all of them: the last.
func policies(s stack, bundle *policy.Bundle, engine awsbedrockagentcore.CfnPolicyEngine, g awsbedrockagentcore.CfnGateway, after []awscdk.CfnResource) []awscdk.CfnResource {
	rendered, err := cedar.Render(bundle, *g.AttrGatewayArn())
	if err != nil {
		panic(err) // platform/load refuses what the engine cannot be told
	}
	for _, p := range rendered {
		made := awsbedrockagentcore.NewCfnPolicy(s.Stack, jsii.String("Policy"+platform.Pascal(p.Name)), &awsbedrockagentcore.CfnPolicyProps{
			Name: jsii.String(p.Name), Description: jsii.String(p.Why), PolicyEngineId: engine.AttrPolicyEngineId(),
			Definition:      map[string]any{"cedar": map[string]any{"statement": p.Statement}},
			EnforcementMode: jsii.String("ACTIVE"), ValidationMode: jsii.String("FAIL_ON_ANY_FINDINGS"),
		})
		for _, other := range after {
			made.AddResourceDependency(other, nil)
		}
		after = []awscdk.CfnResource{made}
	}
	return after
}

// identityHeaders are what the REQUEST interceptor tells a target; nothing else passes.
var identityHeaders = []any{"X-Remit-User", "X-Remit-Tenant", "X-Remit-Lane", "X-Remit-Execution", "X-Remit-Call", "X-Remit-Key", "X-Remit-Assertion", "X-Remit-Arguments"}

// target is what one tool resolves to here, with its declared credential.
func target(s stack, lane platform.Running, tool platform.Tool, t *policy.Tool, g awsbedrockagentcore.CfnGateway, reach *made) awscdk.CfnResource {
	resolved, _ := lane.Environment.Target(tool.Name)
	props := &awsbedrockagentcore.CfnGatewayTargetProps{
		GatewayIdentifier: g.AttrGatewayIdentifier(), Name: jsii.String(platform.TargetName(tool.Name)), Description: jsii.String(tool.Purpose),
		TargetConfiguration:   map[string]any{"mcp": configuration(lane, tool, t, resolved, reach)},
		MetadataConfiguration: map[string]any{"allowedRequestHeaders": identityHeaders},
	}
	if by := credentials(lane, resolved); by != nil {
		props.CredentialProviderConfigurations = []any{by}
	}
	return awsbedrockagentcore.NewCfnGatewayTarget(s.Stack, jsii.String("Target"+platform.Pascal(tool.Name)), props)
}

func configuration(lane platform.Running, tool platform.Tool, t *policy.Tool, resolved platform.Target, reach *made) map[string]any {
	switch {
	case resolved.Lambda != nil:
		return lambdaTarget(tool, t, lambdaARN(lane, *resolved.Lambda))
	case resolved.Reach != nil:
		return lambdaTarget(tool, t, *reach.alias.Ref())
	case resolved.APIGateway != nil:
		method, path, _ := strings.Cut(resolved.APIGateway.Operation, " ")
		return map[string]any{"apiGateway": &awsbedrockagentcore.CfnGatewayTarget_ApiGatewayTargetConfigurationProperty{
			RestApiId: jsii.String(resolved.APIGateway.API), Stage: jsii.String(resolved.APIGateway.Stage),
			ApiGatewayToolConfiguration: map[string]any{
				"toolFilters":   []any{map[string]any{"filterPath": path, "methods": []any{method}}},
				"toolOverrides": []any{map[string]any{"name": tool.Name, "description": tool.Purpose, "path": path, "method": method}},
			},
		}}
	case resolved.OpenAPI != nil:
		return map[string]any{"openApiSchema": map[string]any{"inlinePayload": openAPI(tool, t, *resolved.OpenAPI)}}
	}
	return map[string]any{"mcpServer": map[string]any{"endpoint": resolved.MCPServer.URL}}
}

func lambdaARN(lane platform.Running, t platform.LambdaTarget) string {
	site := lane.Site
	for _, a := range lane.Environment.Accounts {
		if a.Purpose == t.Account {
			site.Account = a.ID
		}
	}
	return site.ARN("lambda", "function:"+t.Function+":"+t.Alias)
}

func lambdaTarget(tool platform.Tool, t *policy.Tool, arn string) map[string]any {
	return map[string]any{"lambda": map[string]any{
		"lambdaArn": arn,
		"toolSchema": map[string]any{"inlinePayload": []any{map[string]any{
			"name": tool.Name, "description": tool.Purpose, "inputSchema": schema(decoded(t.Input)),
		}}},
	}}
}

func decoded(text []byte) map[string]any {
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		panic(err) // platform.Bundle encoded it
	}
	return out
}

// schema is what of a JSON Schema AgentCore takes in a tool's definition (CreateGatewayTarget
// API, SchemaDefinition): types, properties, items. The interceptor validates all of it.
func schema(s map[string]any) map[string]any {
	out := map[string]any{"type": orObject(s["type"])}
	if description, ok := s["description"].(string); ok {
		out["description"] = description
	}
	if properties, ok := s["properties"].(map[string]any); ok && len(properties) > 0 {
		inner := map[string]any{}
		for name, property := range properties {
			if p, ok := property.(map[string]any); ok {
				inner[name] = schema(p)
			}
		}
		out["properties"] = inner
	}
	if required, ok := s["required"].([]any); ok && len(required) > 0 {
		out["required"] = required
	}
	if items, ok := s["items"].(map[string]any); ok {
		out["items"] = schema(items)
	}
	return out
}

func orObject(kind any) any {
	if text, ok := kind.(string); ok {
		return text
	}
	return "object"
}

// openAPI is a document with the tool's one operation: path parameters where the path names
// them, query parameters for a GET, and else a JSON body.
func openAPI(tool platform.Tool, t *policy.Tool, target platform.OpenAPITarget) string {
	method, path, _ := strings.Cut(target.Operation, " ")
	operation := map[string]any{
		"operationId": tool.Name, "summary": tool.Purpose,
		"responses": map[string]any{"200": map[string]any{"description": "the tool's reply"}},
	}
	input := decoded(t.Input)
	properties, _ := input["properties"].(map[string]any)
	body := map[string]any{}
	var parameters []any
	for name, property := range properties {
		place := "query"
		switch {
		case strings.Contains(path, "{"+name+"}"):
			place = "path"
		case method != "GET" && method != "DELETE":
			body[name] = property
			continue
		}
		parameters = append(parameters, map[string]any{"name": name, "in": place, "required": place == "path" || requires(input, name), "schema": property})
	}
	if parameters != nil {
		operation["parameters"] = sortedByName(parameters)
	}
	if len(body) > 0 {
		operation["requestBody"] = map[string]any{"required": true, "content": map[string]any{"application/json": map[string]any{"schema": map[string]any{"type": "object", "properties": body}}}}
	}
	text, err := json.Marshal(map[string]any{
		"openapi": "3.0.3", "info": map[string]any{"title": tool.Name, "version": "1"},
		"servers": []any{map[string]any{"url": target.Server}},
		"paths":   map[string]any{path: map[string]any{strings.ToLower(method): operation}},
	})
	if err != nil {
		panic(err) // maps of decoded JSON always encode
	}
	return string(text)
}

func requires(input map[string]any, name string) bool {
	required, _ := input["required"].([]any)
	return slices.Contains(required, any(name))
}

// sortedByName keeps templates the same from run to run.
func sortedByName(parameters []any) []any {
	name := func(p any) string { return p.(map[string]any)["name"].(string) } // as openAPI makes them
	slices.SortFunc(parameters, func(a, b any) int { return strings.Compare(name(a), name(b)) })
	return parameters
}

// credentials is how the gateway shows itself to a target: the declared key, or its role.
func credentials(lane platform.Running, t platform.Target) map[string]any {
	switch {
	case t.Credential != "":
		return map[string]any{"credentialProviderType": "API_KEY", "credentialProvider": map[string]any{"apiKeyCredentialProvider": map[string]any{
			"providerArn": lane.ARN("bedrock-agentcore", "token-vault/default/apikeycredentialprovider/"+lane.CredentialProvider(t.Credential)),
		}}}
	case t.OpenAPI != nil || t.MCPServer != nil:
		return nil
	}
	return map[string]any{"credentialProviderType": "GATEWAY_IAM_ROLE"}
}
