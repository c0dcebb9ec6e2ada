package verify

// Rule is one thing that must not be so. Sentence says it, Why says who is hurt otherwise,
// Source where that is known from. A Declared rule compares with a declaration.
type Rule struct {
	ID, Sentence, Why, Source string
	Declared                  bool
	judge                     func(*court) []Finding
}

// Rules is every rule, in the order of RULES.md.
var Rules []Rule

func init() {
	Rules = append([]Rule{
		unreadable, unseen, undeclared,
		isolation, reference,
		boundary, shed, fence,
		ceiling, ceilingOfBoundary, beyondBoundary,
		memory, managedMemory, ledgerRule, operations, promotion, forAllValues,
		trustAccount, trustForeign, trustService, trustFederated, halves, openResource,
		escalation, passRole,
		gatewayRule, runtimeRule, engineRule,
		audit, trail,
		deadAction, never, wildcard,
	}, compromises...)
}
