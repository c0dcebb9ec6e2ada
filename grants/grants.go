// Package grants derives the IAM that a declaration intends: *Platform → the iam.World
// of every account. It is pure, one function per kind of role, and each says what the
// role may do, what it may not, and why. It knows no CDK and reads no template, so the
// intended IAM can be read, tested and compared without synth. Start with [Intended].
package grants
