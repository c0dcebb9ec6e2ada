package iam

import (
	"cmp"
	"slices"
	"strings"

	"remit/terms"
)

// Resource is a thing that IAM speaks of and that is no document: a gateway, a function, a
// table, a trail. Settings are its properties by dotted path, items of lists gathered under
// one path ("PolicyEngineConfiguration.Mode" → ["ENFORCE"]); numbers and booleans are text.
// Unread are the paths whose value is known only when it is deployed: a rule that needs one
// of them has not seen it, and says so. The zero Resource is nothing.
type Resource struct {
	ARN             ARN
	Type            string // CloudFormation's, "AWS::Lambda::Function"
	Account, Region string
	Settings        map[string][]string
	Unread          []string
	From            terms.Pos
}

// Setting is the single value of a path, "" where there is none or more than one.
func (r Resource) Setting(path string) string {
	if values := r.Settings[path]; len(values) == 1 {
		return values[0]
	}
	return ""
}

// Unknown reports whether a path, something inside it or something around it was not read.
func (r Resource) Unknown(path string) bool {
	return slices.ContainsFunc(r.Unread, func(unread string) bool {
		return unread == path || strings.HasPrefix(unread, path+".") || strings.HasPrefix(path, unread+".")
	})
}

// Of lists the world's resources of one type, in ARN order.
func (w World) Of(kind string) []Resource {
	var out []Resource
	for _, r := range w.Resources {
		if r.Type == kind {
			out = append(out, r)
		}
	}
	return out
}

func canonicalResources(list []Resource) []Resource {
	if len(list) == 0 {
		return nil
	}
	out := slices.Clone(list)
	slices.SortStableFunc(out, func(a, b Resource) int {
		return cmp.Or(cmp.Compare(a.ARN, b.ARN), cmp.Compare(a.Type, b.Type))
	})
	return out
}
