// Package proof decides questions about IAM documents for all requests at once. It knows
// the grammar of iam and nothing of Remit or AWS accounts. Start with [Subset]. The zero
// [Answer] is unknown, which is a failure.
package proof

import "remit/iam"

// Answer is yes, no with a witness, or unknown with the reason. The zero Answer is
// unknown.
type Answer struct {
	Yes     bool
	Witness *iam.Request // set: the answer is no, and this request shows it
	Why     string
}

// Subset asks whether every request that a allows, b allows too, within a work budget.
func Subset(a, b iam.Document, budget int) Answer {
	return Answer{Why: "no decision procedure is built into this version"}
}
