// Package conformance asks others whether Remit is right: another implementation of IAM's
// evaluation, and a solver. Both run as processes of their own, installed under .tools/ by
// test/conformance/install, and neither is linked. It holds tests only.
package conformance
