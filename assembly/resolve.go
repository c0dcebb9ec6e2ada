package assembly

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"remit/iam"

	"remit/terms"
)

// scope resolves intrinsics inside one stack.
type scope struct {
	Stack
	exports map[string]any // account region name → value
	depth   int
	work    *int // values resolved so far for this stack
}

// maxDepth bounds intrinsics inside intrinsics, and resources that refer to themselves.
const maxDepth = 64

// maxWork and maxText bound what a few intrinsics that name each other several times can
// grow to. CDK's own largest templates stay a thousand times below.
const (
	maxWork = 1 << 22
	maxText = iam.MaxDocument
)

// value resolves every intrinsic in a decoded JSON value, or says which one it cannot.
func (s scope) value(v any) (any, error) {
	if s.depth++; s.depth > maxDepth {
		return nil, fmt.Errorf("intrinsics nested more than %d deep, or in a circle", maxDepth)
	}
	if *s.work++; *s.work > maxWork {
		return nil, fmt.Errorf("more than %d values to resolve in one stack", maxWork)
	}
	switch v := v.(type) {
	case []any:
		return s.list(v)
	case map[string]any:
		if name, argument, ok := intrinsic(v); ok {
			return s.call(name, argument)
		}
		return s.object(v)
	}
	return v, nil
}

func (s scope) list(v []any) (any, error) {
	out := make([]any, 0, len(v))
	for _, item := range v {
		resolved, err := s.value(item)
		if err != nil {
			return nil, err
		}
		if resolved != noValue {
			out = append(out, resolved)
		}
	}
	return out, nil
}

func (s scope) object(v map[string]any) (any, error) {
	out := map[string]any{}
	for key, item := range v {
		resolved, err := s.value(item)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		if resolved != noValue {
			out[key] = resolved
		}
	}
	return out, nil
}

// noValue is what AWS::NoValue resolves to: the property is not there.
var noValue any = new(struct{})

func intrinsic(v map[string]any) (name string, argument any, ok bool) {
	if len(v) != 1 {
		return "", nil, false
	}
	for key, argument := range v {
		if key == "Ref" || strings.HasPrefix(key, "Fn::") {
			return key, argument, true
		}
	}
	return "", nil, false
}

func (s scope) call(name string, argument any) (any, error) {
	switch name {
	case "Ref":
		id, ok := argument.(string)
		if !ok {
			return nil, fmt.Errorf("Ref of %T", argument)
		}
		return s.ref(id)
	case "Fn::GetAtt":
		return s.getAttText(argument)
	case "Fn::Sub":
		return s.sub(argument)
	case "Fn::If":
		return s.choose(argument)
	}
	resolved, err := s.value(argument)
	if err != nil {
		return nil, err
	}
	switch name {
	case "Fn::Join":
		return join(resolved)
	case "Fn::Split":
		return split(resolved)
	case "Fn::Select":
		return pick(resolved)
	case "Fn::ImportValue":
		return s.imported(resolved)
	case "Fn::FindInMap":
		return s.findInMap(resolved)
	}
	return nil, fmt.Errorf("%s is not resolved here", name)
}

func (s scope) partition() string { return terms.Partition(s.Region) }

func (s scope) pseudo(id string) (any, bool) {
	switch id {
	case "AWS::AccountId":
		return s.Account, true
	case "AWS::Region":
		return s.Region, true
	case "AWS::Partition":
		return s.partition(), true
	case "AWS::StackName":
		return s.Name, true
	case "AWS::URLSuffix":
		if s.partition() == "aws-cn" {
			return "amazonaws.com.cn", true
		}
		return "amazonaws.com", true
	case "AWS::StackId":
		return fmt.Sprintf("arn:%s:cloudformation:%s:%s:stack/%s/<%s.StackId>", s.partition(), s.Region, s.Account, s.Name, s.Name), true
	case "AWS::NoValue":
		return noValue, true
	}
	return nil, false
}

func (s scope) ref(id string) (any, error) {
	if v, ok := s.pseudo(id); ok {
		return v, nil
	}
	if p, ok := s.Template.Parameters[id]; ok {
		return p.value(id)
	}
	r, ok := s.Template.Resources[id]
	if !ok {
		return nil, fmt.Errorf("Ref %s names nothing in this template", id)
	}
	return s.refOf(id, r)
}

// value is the parameter's default as Ref answers it: lists are written as one text.
func (p Parameter) value(id string) (any, error) {
	if p.Default == nil {
		return nil, fmt.Errorf("parameter %s has no default, so its value is known only when it is deployed", id)
	}
	if strings.HasPrefix(p.Type, "AWS::SSM::") {
		return nil, fmt.Errorf("parameter %s names an SSM parameter, whose value is known only when it is deployed", id)
	}
	text, ok := p.Default.(string)
	if !ok || p.Type != "CommaDelimitedList" && !strings.HasPrefix(p.Type, "List<") {
		return p.Default, nil
	}
	var out []any
	for item := range strings.SplitSeq(text, ",") {
		out = append(out, strings.TrimSpace(item))
	}
	return out, nil
}

func (s scope) getAttText(argument any) (any, error) {
	if text, ok := argument.(string); ok {
		id, attribute, _ := strings.Cut(text, ".")
		return s.getAtt(id, attribute)
	}
	if list, ok := argument.([]any); ok && len(list) == 2 {
		id, isID := list[0].(string)
		attribute, isName := list[1].(string)
		if isID && isName {
			return s.getAtt(id, attribute)
		}
	}
	return nil, fmt.Errorf("Fn::GetAtt of %v", argument)
}

func (s scope) getAtt(id, attribute string) (any, error) {
	r, ok := s.Template.Resources[id]
	if !ok {
		return nil, fmt.Errorf("Fn::GetAtt %s names nothing in this template", id)
	}
	return s.attributeOf(id, r, attribute)
}

// sub resolves "text ${Name} ${Id.Attribute} ${!Literal}", with or without own variables.
// Policy variables are written ${!aws:…} there and come out as ${aws:…}.
func (s scope) sub(argument any) (any, error) {
	text, ok := argument.(string)
	own := map[string]any{}
	if list, isList := argument.([]any); isList && len(list) == 2 {
		text, ok = list[0].(string)
		own, _ = list[1].(map[string]any)
	}
	if !ok {
		return nil, fmt.Errorf("Fn::Sub of %T", argument)
	}
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "${")
		out.WriteString(before)
		if !found {
			return out.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return nil, fmt.Errorf("Fn::Sub has ${ without }")
		}
		word, err := s.subWord(name, own)
		if err != nil {
			return nil, err
		}
		if out.WriteString(word); out.Len() > maxText {
			return nil, fmt.Errorf("Fn::Sub makes a text longer than %d bytes", maxText)
		}
		text = after
	}
}

func (s scope) subWord(name string, own map[string]any) (string, error) {
	if literal, ok := strings.CutPrefix(name, "!"); ok {
		return "${" + literal + "}", nil
	}
	v, err := s.variable(name, own)
	if err != nil {
		return "", err
	}
	return plainText(v)
}

func (s scope) variable(name string, own map[string]any) (any, error) {
	if v, ok := own[name]; ok {
		return s.value(v)
	}
	if id, attribute, dotted := strings.Cut(name, "."); dotted {
		return s.getAtt(id, attribute)
	}
	return s.ref(name)
}

func plainText(v any) (string, error) {
	switch v := v.(type) {
	case string:
		return v, nil
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64), nil
	case bool:
		return strconv.FormatBool(v), nil
	}
	return "", fmt.Errorf("want text, have %T", v)
}

func join(v any) (any, error) {
	list, ok := v.([]any)
	if !ok || len(list) != 2 {
		return nil, fmt.Errorf("Fn::Join of %v", v)
	}
	by, isText := list[0].(string)
	items, isList := list[1].([]any)
	if !isText || !isList {
		return nil, fmt.Errorf("Fn::Join of %v", v)
	}
	words, size := make([]string, 0, len(items)), 0
	for _, item := range items {
		word, err := plainText(item)
		if err != nil {
			return nil, fmt.Errorf("Fn::Join: %w", err)
		}
		if size += len(by) + len(word); size > maxText {
			return nil, fmt.Errorf("Fn::Join makes a text longer than %d bytes", maxText)
		}
		words = append(words, word)
	}
	return strings.Join(words, by), nil
}

func split(v any) (any, error) {
	list, ok := v.([]any)
	if ok && len(list) == 2 {
		by, isText := list[0].(string)
		text, isString := list[1].(string)
		if isText && isString {
			var out []any
			for word := range strings.SplitSeq(text, by) {
				out = append(out, word)
			}
			return out, nil
		}
	}
	return nil, fmt.Errorf("Fn::Split of %v", v)
}

func pick(v any) (any, error) {
	list, ok := v.([]any)
	if !ok || len(list) != 2 {
		return nil, fmt.Errorf("Fn::Select of %v", v)
	}
	index, err := plainText(list[0])
	if err != nil {
		return nil, fmt.Errorf("Fn::Select: %w", err)
	}
	i, err := strconv.Atoi(index)
	items, ok := list[1].([]any)
	if err != nil || !ok || i < 0 || i >= len(items) {
		return nil, fmt.Errorf("Fn::Select %s of %v", index, list[1])
	}
	return items[i], nil
}

func (s scope) imported(v any) (any, error) {
	name, err := plainText(v)
	if err != nil {
		return nil, fmt.Errorf("Fn::ImportValue: %w", err)
	}
	value, ok := s.exports[exportKey(s.Stack, name)]
	if !ok {
		return nil, fmt.Errorf("Fn::ImportValue %s: no stack read here exports it in this account and region", name)
	}
	return value, nil
}

func exportKey(s Stack, name string) string { return s.Account + " " + s.Region + " " + name }

func (s scope) findInMap(v any) (any, error) {
	list, ok := v.([]any)
	if !ok || len(list) != 3 {
		return nil, fmt.Errorf("Fn::FindInMap of %v", v)
	}
	keys := make([]string, 0, 3)
	for _, item := range list {
		key, err := plainText(item)
		if err != nil {
			return nil, fmt.Errorf("Fn::FindInMap: %w", err)
		}
		keys = append(keys, key)
	}
	value, ok := s.Template.Mappings[keys[0]][keys[1]][keys[2]]
	if !ok {
		return nil, fmt.Errorf("Fn::FindInMap finds nothing at %s", strings.Join(keys, "."))
	}
	return value, nil
}

// text is a property that must be text, "" where it is absent.
func (s scope) text(r Resource, property string) (string, error) {
	v, ok := r.Properties[property]
	if !ok {
		return "", nil
	}
	resolved, err := s.value(v)
	if err != nil {
		return "", fmt.Errorf("%s: %w", property, err)
	}
	if resolved == noValue {
		return "", nil
	}
	return plainText(resolved)
}

// kind says how CloudFormation names a type: the property that holds its name, the ARN
// made of it, which attribute is that ARN, and whether Ref answers name or ARN. The names
// are from each type's page in the CloudFormation reference, "Return values".
type kind struct {
	name, arn, attribute string
	refIsARN             bool
}

// kinds by type. In arn, {p} is the partition, {r} the region, {a} the account, {n} the
// name, {path} the IAM path.
var kinds = map[string]kind{
	"AWS::IAM::Role":                               {"RoleName", "arn:{p}:iam::{a}:role{path}{n}", "Arn", false},
	"AWS::IAM::ManagedPolicy":                      {"ManagedPolicyName", "arn:{p}:iam::{a}:policy{path}{n}", "PolicyArn", true},
	"AWS::IAM::User":                               {"UserName", "arn:{p}:iam::{a}:user{path}{n}", "Arn", false},
	"AWS::KMS::Key":                                {"", "arn:{p}:kms:{r}:{a}:key/{n}", "Arn", false},
	"AWS::DynamoDB::Table":                         {"TableName", "arn:{p}:dynamodb:{r}:{a}:table/{n}", "Arn", false},
	"AWS::S3::Bucket":                              {"BucketName", "arn:{p}:s3:::{n}", "Arn", false},
	"AWS::SQS::Queue":                              {"QueueName", "arn:{p}:sqs:{r}:{a}:{n}", "Arn", false},
	"AWS::SNS::Topic":                              {"TopicName", "arn:{p}:sns:{r}:{a}:{n}", "TopicArn", true},
	"AWS::Lambda::Function":                        {"FunctionName", "arn:{p}:lambda:{r}:{a}:function:{n}", "Arn", false},
	"AWS::Logs::LogGroup":                          {"LogGroupName", "arn:{p}:logs:{r}:{a}:log-group:{n}:*", "Arn", false},
	"AWS::ECR::Repository":                         {"RepositoryName", "arn:{p}:ecr:{r}:{a}:repository/{n}", "Arn", false},
	"AWS::ECR::RegistryPolicy":                     {"", "arn:{p}:ecr:{r}:{a}:repository", "", false}, // it speaks of every repository of the account
	"AWS::Events::EventBus":                        {"Name", "arn:{p}:events:{r}:{a}:event-bus/{n}", "Arn", false},
	"AWS::SSM::Parameter":                          {"Name", "", "", false},
	"AWS::SecretsManager::Secret":                  {"", "arn:{p}:secretsmanager:{r}:{a}:secret:{n}", "Id", true},
	"AWS::BedrockAgentCore::Runtime":               {"", "arn:{p}:bedrock-agentcore:{r}:{a}:runtime/{n}", "AgentRuntimeArn", false},
	"AWS::BedrockAgentCore::Gateway":               {"", "arn:{p}:bedrock-agentcore:{r}:{a}:gateway/{n}", "GatewayArn", false},
	"AWS::BedrockAgentCore::PolicyEngine":          {"", "arn:{p}:bedrock-agentcore:{r}:{a}:policy-engine/{n}", "PolicyEngineArn", false},
	"AWS::BedrockAgentCore::Memory":                {"", "arn:{p}:bedrock-agentcore:{r}:{a}:memory/{n}", "MemoryArn", true},
	"AWS::BedrockAgentCore::ResourcePolicy":        {"", "", "", false},
	"AWS::BedrockAgentCore::CodeInterpreterCustom": {"", "arn:{p}:bedrock-agentcore:{r}:{a}:code-interpreter-custom/{n}", "CodeInterpreterArn", false},
	"AWS::BedrockAgentCore::BrowserCustom":         {"", "arn:{p}:bedrock-agentcore:{r}:{a}:browser-custom/{n}", "BrowserArn", false},
	"AWS::CodeBuild::Project":                      {"Name", "arn:{p}:codebuild:{r}:{a}:project/{n}", "Arn", false},
	"AWS::CloudTrail::Trail":                       {"TrailName", "arn:{p}:cloudtrail:{r}:{a}:trail/{n}", "Arn", false},
	"AWS::Lambda::EventSourceMapping":              {"", "arn:{p}:lambda:{r}:{a}:event-source-mapping:{n}", "EventSourceMappingArn", false},
}

// isSymbol reports whether a text holds what CloudFormation will choose.
func isSymbol(text string) bool { return strings.Contains(text, "<") }

// identifiers are attributes that answer the physical id itself.
var identifiers = []string{"AgentRuntimeId", "GatewayIdentifier", "PolicyEngineId", "MemoryId", "KeyId", "RoleId"}

func (s scope) refOf(id string, r Resource) (any, error) {
	k, known := kinds[r.Type]
	if known && k.refIsARN {
		return s.arn(id, r, k)
	}
	return s.physicalName(id, r, k)
}

// physicalName is the declared name, or the symbol for one that CloudFormation chooses.
func (s scope) physicalName(id string, r Resource, k kind) (string, error) {
	if k.name != "" {
		if name, err := s.text(r, k.name); name != "" || err != nil {
			return name, err
		}
	}
	return "<" + s.Name + "." + id + ">", nil
}

func (s scope) arn(id string, r Resource, k kind) (string, error) {
	name, err := s.physicalName(id, r, k)
	if err != nil {
		return "", err
	}
	path := "/"
	if declared, err := s.text(r, "Path"); err != nil {
		return "", err
	} else if declared != "" {
		path = declared
	}
	return strings.NewReplacer("{p}", s.partition(), "{r}", s.Region, "{a}", s.Account, "{n}", name, "{path}", path).Replace(k.arn), nil
}

func (s scope) attributeOf(id string, r Resource, attribute string) (any, error) {
	k, known := kinds[r.Type]
	switch {
	case r.Type == "AWS::BedrockAgentCore::RuntimeEndpoint" && attribute == "AgentRuntimeEndpointArn":
		return s.endpointARN(r)
	case known && k.arn != "" && attribute == k.attribute:
		return s.arn(id, r, k)
	case known && slices.Contains(identifiers, attribute):
		return s.physicalName(id, r, kind{})
	case strings.HasSuffix(attribute, "Arn"):
		return nil, fmt.Errorf("Fn::GetAtt %s.%s: the shape of this ARN of a %s is not known here", id, attribute, r.Type)
	}
	return "<" + s.Name + "." + id + "." + attribute + ">", nil
}

func (s scope) endpointARN(r Resource) (string, error) {
	runtime, err := s.text(r, "AgentRuntimeId")
	if err != nil {
		return "", err
	}
	name, err := s.text(r, "Name")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("arn:%s:bedrock-agentcore:%s:%s:runtime/%s/runtime-endpoint/%s", s.partition(), s.Region, s.Account, runtime, name), nil
}
