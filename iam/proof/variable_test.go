package proof

import (
	"testing"

	"remit/iam"
)

const (
	tag = "${aws:PrincipalTag/t}"
	def = "${aws:PrincipalTag/t, 'd'}"
)

func has(value string) iam.Condition     { return iam.When("StringEquals", "k:v", value) }
func tagged(absent string) iam.Condition { return iam.When("Null", "aws:PrincipalTag/t", absent) }
func not(values ...string) iam.Condition { return iam.When("StringNotEquals", "k:v", values...) }
func only(values ...string) iam.Condition {
	return iam.When("ForAllValues:StringEquals", "k:set", values...)
}

func TestAmongWhatMustNotMatchAVariableExcludesNoOther(t *testing.T) {
	answers(t, "what is listed beside a variable is refused", Subset(kept(has("c"), tagged("false")), kept(not("x"+tag, "c")), 0), false)
	answers(t, "and what is not is allowed", Subset(kept(has("b"), tagged("false")), kept(not("x"+tag, "c")), 0), true)
	answers(t, "a variable that is there", Subset(kept(not(tag), tagged("false")), kept(not(tag)), 0), true)
	unproved(t, "a variable that may be absent", Subset(kept(has("b")), kept(not("x"+tag)), 0))
	answers(t, "a key that is absent", Subset(kept(iam.When("Null", "k:v", "true")), kept(not(tag, "c")), 0), true)
	unproved(t, "a variable beside one that cannot be read", Subset(kept(has("b"), tagged("false")), kept(not("${x", "x"+tag)), 0))
	unproved(t, "one that cannot be read", Subset(kept(iam.When("StringEquals", "k:a", "x")), kept(iam.When("ArnNotEquals", "k:a", "nothing like it", "arn:aws:s3:::b")), 0))
}

func TestADefaultThatMustNotMatchIsADoubt(t *testing.T) {
	unproved(t, "the default itself", Empty(kept(not(def)), []iam.Statement{{When: []iam.Condition{has("d")}}}, 0))
	unproved(t, "anything else", Subset(kept(has("c")), kept(not(def)), 0))
}

func TestADefaultStandsWhereItsVariableIsAbsent(t *testing.T) {
	like := iam.When("StringEquals", "k:v", def)
	answers(t, "it is the default", Subset(kept(has("d"), tagged("true")), kept(like), 0), true)
	answers(t, "and nothing else", Empty(kept(like, has("c"), tagged("true")), nil, 0), true)
	answers(t, "unless the variable is there", Empty(kept(like, has("c"), tagged("false")), nil, 0), false)
	answers(t, "when it is no default any more", Subset(kept(has("d"), tagged("false")), kept(like), 0), false)
	answers(t, "the same", Subset(kept(like), kept(like), 0), true)
}

func TestASetOfValuesIsComparedWithAllThatMayStand(t *testing.T) {
	some := iam.When("ForAnyValue:StringEquals", "k:set", "a")
	answers(t, "each value may fit another", Subset(kept(only("a", "b")), kept(only("a", "b", "c")), 0), true)
	answers(t, "a variable that is there, or a text", Subset(kept(only(tag, "a"), tagged("false")), kept(only(tag, "a", "b")), 0), true)
	answers(t, "and not any other text", Subset(kept(only("z"), tagged("false")), kept(only(tag, "a")), 0), false)
	unproved(t, "a variable with a default", Subset(kept(only("a")), kept(only(def, "a")), 0))
	unproved(t, "what cannot be read may be anything", Empty(kept(only("${x", "b"), some), nil, 0))
	answers(t, "what can be read is sure", Subset(kept(only("a")), kept(only("${x", "a")), 0), true)
}
