// Package proof decides questions about IAM documents for all requests at once. It knows
// the grammar of iam and nothing of Remit or AWS accounts. Start with [Search], the one
// question everything else is, or [Subset]. The zero [Answer] is unknown, which is a
// failure.
package proof

import "remit/iam"

// Answer is yes, no with a witness, or unknown with the reason. The zero Answer is
// unknown.
type Answer struct {
	Yes     bool
	Witness *iam.Request // set: the answer is no, and this request shows it
	Why     string
}

// Search asks for a request that every document of Within allows and no document of
// Beyond allows, and on which every statement of Where matches (its effect is ignored, an
// element it lacks matches all). Yes means that there is none.
//
// Budget bounds the work, in steps of about a microsecond; zero is [Budget].
type Search struct {
	Within, Beyond []iam.Document
	Where          []iam.Statement
	Budget         int
}

// Budget is the work one search may do if it does not say otherwise.
const Budget = 1_000_000

// Run answers the search.
func (s Search) Run() Answer {
	return Answer{Why: "no decision procedure is built into this version"}
}

// Subset asks whether every request that a allows, b allows too.
func Subset(a, b iam.Document, budget int) Answer {
	return Search{Within: []iam.Document{a}, Beyond: []iam.Document{b}, Budget: budget}.Run()
}

// Disjoint asks whether no request is allowed by both.
func Disjoint(a, b iam.Document, budget int) Answer {
	return Search{Within: []iam.Document{a, b}, Budget: budget}.Run()
}

// Empty asks whether a allows nothing on which every statement of where matches.
func Empty(a iam.Document, where []iam.Statement, budget int) Answer {
	return Search{Within: []iam.Document{a}, Where: where, Budget: budget}.Run()
}
