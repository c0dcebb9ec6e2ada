// Package conformance asks others whether Remit is right: another implementation of IAM's
// evaluation, a solver, and the schema of the log that code hosts read. The first two run
// as processes of their own; all are installed under .tools/ by test/conformance/install,
// and nothing of them is linked. It holds tests only.
package conformance
