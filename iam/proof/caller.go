package proof

import (
	"strings"

	"remit/iam"
)

// Who calls is one string, so that Principal elements and the keys that follow from the
// caller (aws:PrincipalArn, aws:PrincipalAccount …) are questions about the same thing: a
// letter for the kind of caller, then its name. For a role's session it is the role.
//
//	Aarn:aws:iam::111122223333:role/app   a principal of an account
//	Slambda.amazonaws.com                 a service for itself
//	Ftoken.example                        someone an identity provider vouches for
//	N                                     nobody known
var (
	principals = join(text("Aarn:"), field, text(":"), field, text(":"), field, text(":"), field, text(":"), rest)
	services   = join(text("S"), rest)
	federated  = join(text("F"), rest)
	nobody     = text("N")
	field      = glob{iam.FieldRun}
	rest       = glob{iam.Run}
)

// ofAccount is every principal of an account, given as a glob.
func ofAccount(account glob) glob {
	return join(text("Aarn:"), field, text(":"), field, text(":"), field, text(":"), account.fielded(), text(":"), rest)
}

// callerKey is a context key that follows from who calls.
type callerKey struct {
	embed   func(value glob) glob
	present []glob
	absent  []glob
}

var callerKeys = map[string]callerKey{
	"aws:principalarn":          {func(v glob) glob { return join(text("A"), v) }, []glob{principals}, []glob{services, federated, nobody}},
	"aws:principalaccount":      {ofAccount, []glob{principals}, []glob{services, federated, nobody}},
	"aws:principalservicename":  {func(v glob) glob { return join(text("S"), v) }, []glob{services}, []glob{principals, federated, nobody}},
	"aws:principalisawsservice": {isService, []glob{services, principals}, []glob{federated, nobody}},
}

// isService is the callers of whom aws:PrincipalIsAWSService says value.
func isService(value glob) glob {
	switch s, _ := value.exact(); strings.ToLower(s) {
	case "true":
		return services
	case "false":
		return principals
	}
	return text("-") // of nobody
}

// truth is the callers for whom a condition on the key holds: exactly those fitting a
// value, or, negated, all others.
func (k callerKey) truth(op iam.Operator, values []glob) *atom {
	fits := make([]glob, len(values))
	for i, v := range values {
		fits[i] = k.embed(v)
	}
	if op.Absent() != op.Negated {
		fits = append(fits, k.absent...)
	}
	return &atom{dim: caller, negated: op.Negated, values: union(op.Fold, fits...)}
}

// called is the Principal or NotPrincipal element as an atom. Within the doubts that iam
// has about an element (a session's name, a NotPrincipal that lists half of a caller), it
// is all callers that may be meant, or only those that surely are.
func called(p iam.Principals, surely bool) *atom {
	named, doubted := names(p)
	switch {
	case p.Not && surely:
		named = append(named, doubted...)
	case p.Not:
		named = fully(p)
	case !surely:
		named = append(named, doubted...)
	}
	return &atom{dim: caller, negated: p.Not, values: union(false, named...)}
}

// names are the callers an element names, and those it may name.
func names(p iam.Principals) (named, doubted []glob) {
	for _, who := range p.AWS {
		arn := iam.ARN(who)
		switch {
		case who == "*":
			named = append(named, rest)
		case isAccount(who):
			named = append(named, ofAccount(text(who)))
		case arn.Part(5) == "root":
			named = append(named, ofAccount(text(arn.Account())))
		case !strings.HasPrefix(who, "arn:") || strings.ContainsAny(who, "*?") || strings.ContainsFunc(who, isPrivate):
			doubted = append(doubted, principals)
		case strings.HasPrefix(arn.Part(5), "assumed-role/"):
			doubted = append(doubted, sessions(arn)...)
		default:
			named = append(named, text("A"+who))
		}
	}
	for _, service := range p.Service {
		named = append(named, text("S"+service))
	}
	for _, provider := range p.Federated {
		named = append(named, text("F"+provider))
	}
	if len(p.Other) > 0 {
		doubted = append(doubted, rest)
	}
	return named, doubted
}

// sessions is the roles, on any path, that a session's ARN may belong to, and the ARN.
func sessions(arn iam.ARN) []glob {
	name, _, _ := strings.Cut(strings.TrimPrefix(arn.Part(5), "assumed-role/"), "/")
	role := text("Aarn:" + arn.Part(1) + ":iam::" + arn.Account() + ":role/")
	return []glob{join(role, text(name)), join(role, rest, text("/"+name)), text("A" + string(arn))}
}

// fully is the callers whom a NotPrincipal spares for certain: those listed together with
// their account.
func fully(p iam.Principals) []glob {
	var out []glob
	accounts := map[string]bool{}
	for _, who := range p.AWS {
		if isAccount(who) {
			accounts[who] = true
		}
		if arn := iam.ARN(who); arn.Part(5) == "root" {
			accounts[arn.Account()] = true
		}
	}
	for _, who := range p.AWS {
		if who == "*" {
			out = append(out, rest)
		}
		if arn := iam.ARN(who); accounts[arn.Account()] && !strings.ContainsAny(who, "*?") && !strings.HasPrefix(arn.Part(5), "assumed-role/") {
			out = append(out, text("A"+who))
		}
	}
	for _, service := range p.Service {
		out = append(out, text("S"+service))
	}
	for _, provider := range p.Federated {
		out = append(out, text("F"+provider))
	}
	return out
}

func isAccount(s string) bool { return len(s) == 12 && strings.Trim(s, "0123456789") == "" }

// kinds are the callers there can be: of every kind, or only those to whom documents
// without a Principal element are attached.
func kinds(attached bool) *atom {
	all := []glob{principals}
	if !attached {
		all = append(all, services, federated, nobody)
	}
	return &atom{dim: caller, values: union(false, all...)}
}

// name spells the caller of a witness.
func name(r *iam.Request, who string) {
	if who == "" {
		return
	}
	switch who[0] {
	case 'A':
		r.Principal = iam.ARN(who[1:])
	case 'S':
		r.Service = who[1:]
	case 'F':
		r.Provider = who[1:]
	}
}
