package proof

import (
	"strings"

	"remit/iam"
	"remit/iam/catalog"
)

// likely is the same witness with names that exist, where they show the same: an action
// that AWS has, a caller and a resource as people name them. The smallest string that
// fits, "s3:x", is right and tells a reader little.
func (p *pass) likely(b box, r iam.Request) iam.Request {
	for _, d := range b {
		for _, v := range p.known(d, r) {
			if !admitted(d.lits, v) {
				continue
			}
			likelier := r
			set(&likelier, d.dim, []string{v})
			if p.shows(likelier) == nil {
				r = likelier
				break
			}
		}
	}
	if lower := r.Action; lower == strings.ToLower(lower) {
		if a, ok := catalog.Lookup(lower); ok {
			r.Action = a.String()
		}
	}
	return r
}

func admitted(lits []literal, v string) bool {
	for _, l := range lits {
		if !l.admits(v) {
			return false
		}
	}
	return true
}

// known are names of one dimension that exist or could.
func (p *pass) known(d domain, r iam.Request) []string {
	switch {
	case d.finite:
		return nil
	case d.dim == action:
		return actionsOf(d)
	case d.dim == caller:
		return []string{"Aarn:aws:iam::123456789012:role/any", "Aarn:aws:iam::210987654321:role/any"}
	case d.dim == resource:
		service, _, _ := strings.Cut(strings.ToLower(r.Action), ":")
		return []string{"arn:aws:" + service + ":us-east-1:123456789012:any", "arn:aws:" + service + ":::any", "*"}
	}
	return nil
}

// actionsOf are AWS's actions under the first pattern that names a service, or a few
// that a reviewer fears.
func actionsOf(d domain) []string {
	for _, l := range d.lits {
		if !l.wantsFit() {
			continue
		}
		for _, g := range l.values.globs {
			pattern := g.pattern()
			if service, _, ok := strings.Cut(pattern, ":"); ok && !strings.ContainsAny(service, "*?") {
				return lowered(catalog.Expand(pattern))
			}
		}
	}
	return []string{"iam:createaccesskey", "sts:assumerole", "s3:getobject", "dynamodb:getitem", "lambda:invokefunction", "ec2:runinstances"}
}

func lowered(list []string) []string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = strings.ToLower(s)
	}
	return out
}

// pattern is the glob as a policy spells it.
func (g glob) pattern() string {
	out := make([]rune, len(g))
	for i, r := range g {
		switch {
		case runs(r):
			r = '*'
		case r < 0:
			r = '?'
		}
		out[i] = r
	}
	return string(out)
}
