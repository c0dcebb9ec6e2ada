// Package assembly reads CloudFormation: a cloud assembly or single templates, ours or
// anyone's, into an iam.World. It resolves intrinsics to symbolic ARNs of the right
// account and partition, or says UNREADABLE; it never guesses and never drops. It knows
// no declaration. Start with [Read].
package assembly
