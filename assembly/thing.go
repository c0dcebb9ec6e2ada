package assembly

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"remit/iam"
	"remit/terms"
)

// things are the types that become resources of the world, besides roles and documents: what
// a permission is worth depends on them. Every AgentCore type is one.
var things = map[string]bool{
	"AWS::CloudTrail::Trail": true, "AWS::DynamoDB::Table": true, "AWS::ECR::Repository": true, "AWS::Events::EventBus": true, "AWS::IAM::OIDCProvider": true,
	"AWS::KMS::Key": true, "AWS::Lambda::EventSourceMapping": true, "AWS::Lambda::Function": true, "AWS::Lambda::Url": true, "AWS::Logs::LogGroup": true, "AWS::S3::Bucket": true,
	"AWS::SNS::Topic": true, "AWS::SQS::Queue": true, "AWS::SecretsManager::Secret": true, "AWS::SSM::Parameter": true,
}

func isThing(kind string) bool {
	return things[kind] || strings.HasPrefix(kind, "AWS::BedrockAgentCore::") && kind != "AWS::BedrockAgentCore::ResourcePolicy"
}

// thing notes a resource with every setting that can be read. A setting that cannot is
// listed by its path, for the rules that want it.
func (r *reader) thing(s Stack, id string, resource Resource) {
	sc := r.scope(s)
	work := maxWork - min(maxWork, settingsWork)
	sc.work = &work
	out := iam.Resource{Type: resource.Type, Account: s.Account, Region: s.Region, Settings: map[string][]string{}, From: terms.Pos{File: s.Path}}
	arn, err := sc.thingARN(id, resource)
	if err != nil {
		arn = sc.unnamed(id, resource.Type) // nothing can name it then, and a grant that tries is unreadable itself
		out.Unread = append(out.Unread, "name")
	}
	out.ARN = iam.ARN(arn)
	for _, property := range slices.Sorted(maps.Keys(resource.Properties)) {
		sc.settle(&out, property, resource.Properties[property])
	}
	r.world.Resources = append(r.world.Resources, out)
}

// settingsWork bounds what one resource's settings may cost: they are read besides what
// grants, and must not take its share.
const settingsWork = 1 << 12

// settle flattens one property. Objects and lists are walked before they are resolved, so
// that one value nobody knows costs that value and not its neighbours.
func (s scope) settle(out *iam.Resource, path string, v any) {
	if s.depth++; s.depth > maxDepth || *s.work > maxWork {
		out.Unread = append(out.Unread, path)
		return
	}
	*s.work++
	if object, ok := v.(map[string]any); ok {
		if _, _, isCall := intrinsic(object); !isCall {
			for _, key := range slices.Sorted(maps.Keys(object)) {
				s.settle(out, path+"."+key, object[key])
			}
			return
		}
		resolved, err := s.value(object)
		if err != nil {
			out.Unread = append(out.Unread, path)
			return
		}
		if again, isObject := resolved.(map[string]any); isObject {
			if _, _, isCall := intrinsic(again); isCall {
				out.Unread = append(out.Unread, path)
				return
			}
		}
		v = resolved
		if object, ok := v.(map[string]any); ok {
			s.settle(out, path, object)
			return
		}
	}
	if list, ok := v.([]any); ok {
		for _, item := range list {
			s.settle(out, path, item)
		}
		return
	}
	if v == nil || v == noValue {
		return
	}
	text, err := plainText(v)
	if err != nil {
		out.Unread = append(out.Unread, path)
		return
	}
	out.Settings[path] = append(out.Settings[path], text)
}

// thingARN is the ARN of a thing. AgentCore's own parts that IAM knows no ARN for (targets
// authorize on their gateway) get one that no policy can name.
func (s scope) thingARN(id string, r Resource) (string, error) {
	switch r.Type {
	case "AWS::BedrockAgentCore::RuntimeEndpoint":
		return s.endpointARN(r)
	case "AWS::IAM::OIDCProvider":
		url, err := s.text(r, "Url")
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("arn:%s:iam::%s:oidc-provider/%s", s.partition(), s.Account, strings.TrimPrefix(url, "https://")), nil
	case "AWS::SSM::Parameter":
		name, err := s.physicalName(id, r, kinds[r.Type])
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("arn:%s:ssm:%s:%s:parameter/%s", s.partition(), s.Region, s.Account, strings.TrimPrefix(name, "/")), nil
	}
	k, known := kinds[r.Type]
	if !known || k.arn == "" {
		return s.unnamed(id, r.Type), nil
	}
	return s.arn(id, r, k)
}

// unnamed stands for the ARN of a thing whose own is not known here.
func (s scope) unnamed(id, of string) string {
	service, kind, _ := strings.Cut(strings.TrimPrefix(of, "AWS::"), "::")
	return fmt.Sprintf("arn:%s:%s:%s:%s:<%s>/<%s.%s>", s.partition(), strings.ToLower(service), s.Region, s.Account, kind, s.Name, id)
}
