package proof

import (
	"strings"

	"remit/iam"
)

// aws:SourceArn and aws:SourceAccount speak of the same resource, the one for which a
// service calls, so that where the ARN states an account it is that account (IAM User
// Guide, reference_policies_condition-keys, aws:SourceAccount). An ARN without one, such
// as a bucket's, leaves the account free, and so does a service that sends only one key.
const (
	sourceARN     = "aws:sourcearn"
	sourceAccount = "aws:sourceaccount"
)

// sources narrows a box in which both keys must be there, and reports whether anything is
// left.
func (p *pass) sources(b box) (box, bool) {
	arn, _ := b.at(sourceARN)
	account, _ := b.at(sourceAccount)
	if arn.absent() || account.absent() || p.several(sourceARN) || p.several(sourceAccount) {
		return b, true
	}
	for _, l := range account.lits {
		if l.values == nil {
			return b, true
		}
		var ok bool
		if b, ok = p.assert(b, p.ofARN(l)); !ok {
			return b, false
		}
	}
	arn, _ = b.at(sourceARN)
	values, _ := p.solve(arn) // one, because the key is there and what is left of a box has values
	if stated := iam.ARN(values[0]).Account(); stated != "" && !strings.ContainsFunc(values[0], isSymbol) {
		return p.assert(b, p.is(&atom{dim: sourceAccount, values: union(false, text(stated))}))
	}
	return b, true
}

// ofARN is what a literal on the account says of the ARN: its account field is empty, or
// is one of which the literal is true.
func (p *pass) ofARN(l literal) literal {
	var fits []glob
	for _, g := range l.values.all() {
		fits = append(fits, join(text("arn:"), field, text(":"), field, text(":"), field, text(":"), g.fielded(), text(":"), rest))
	}
	if l.wantsFit() {
		fits = append(fits, join(text("arn:"), field, text(":"), field, text(":"), field, text("::"), rest))
	}
	return literal{p.intern(&atom{dim: sourceARN, negated: !l.wantsFit(), values: union(l.values.fold, fits...)}), true}
}
