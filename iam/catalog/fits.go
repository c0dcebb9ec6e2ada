package catalog

import (
	"slices"
	"strings"
)

// Fits reports whether an ARN may name a resource that AWS documents for the
// action. The ARN is a policy's: it may contain * and ?, and ${...} for what is
// not known yet, and then it fits if it can be completed to one that does. So
// "${Table.Arn}" fits every action on some resource.
//
// "*" fits only a [Action.WildcardOnly] action, and such an action fits nothing
// else. The service must be spelled out, as IAM requires. Unknown actions fit
// nothing.
//
// AWS does not document which identifiers may contain a slash, so any may; but
// an ARN that AWS also documents as another, narrower type is of that type:
// "table/t/index/i" is not a table, nor "bucket/key" a bucket. A colon alone
// does not make another type, because permission on function:f extends to
// function:f:alias.
func Fits(action, arn string) bool {
	a, ok := Lookup(action)
	if !ok {
		return false
	}
	if arn == "*" {
		return a.WildcardOnly()
	}
	target := symbolic(arn)
	if !strings.HasPrefix(arn, "${") && !namesService(target) {
		return false
	}
	s, _ := read().service(a.Service)
	return slices.ContainsFunc(a.Resources, func(u Use) bool {
		return slices.ContainsFunc(s.formats[strings.ToLower(u.Type)], func(f pattern) bool {
			return overlap(f, target) && !s.narrows(f, target, a)
		})
	})
}

// narrows reports whether a type the action does not list has a format narrower
// than f that covers the target.
func (s service) narrows(f, target pattern, a Action) bool {
	for name, formats := range s.formats {
		listed := slices.ContainsFunc(a.Resources, func(u Use) bool { return strings.EqualFold(u.Type, name) })
		if !listed && slices.ContainsFunc(formats, func(g pattern) bool {
			return words(g) > words(f) && covers(g, target) && covers(f, g)
		}) {
			return true
		}
	}
	return false
}

// symbolic reads a policy's ARN. Its wildcards pass colons, because a * that ends
// one part of an ARN may match beyond it (IAM user guide, element Resource).
func symbolic(arn string) pattern {
	return parse(arn, func(string) pattern { return pattern{run} })
}

// namesService reports whether an ARN has a partition and a service without
// wildcards.
func namesService(arn pattern) bool {
	if !slices.Equal(arn[:min(4, len(arn))], literal("arn:")) {
		return false
	}
	partition := slices.Index(arn[4:], ':')
	if partition < 1 {
		return false
	}
	rest := arn[4+partition+1:]
	service := slices.Index(rest, ':')
	return service > 0 && slices.Min(rest[:service]) >= 0
}

// format reads an ARN format of the data. A placeholder is at least one
// character, and passes colons only in the last of an ARN's six parts.
func format(arn string) pattern {
	parts := strings.SplitN(arn, ":", 6)
	fields, resource := strings.Join(parts[:len(parts)-1], ":")+":", parts[len(parts)-1]
	p := parse(fields, func(string) pattern { return pattern{fieldOne, fieldRun} })
	return append(p, parse(resource, func(name string) pattern {
		// Documented for every method, yet the API's root has no path: GET on
		// it is "GET/".
		if name == "ApiSpecificResourcePath" {
			return pattern{run}
		}
		return pattern{one, run}
	})...)
}
