// Command build compiles every Lambda function of this checkout for arm64 and zips it. It
// takes the directory to leave the zips in, and does again only what changed.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"remit/artifact"
)

func main() {
	into := artifact.Dir
	if len(os.Args) > 1 {
		into = os.Args[1]
	}
	if err := build(into); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func build(into string) error {
	mains, err := filepath.Glob("lambdas/*/bootstrap")
	if err != nil || len(mains) == 0 {
		return fmt.Errorf("no function in lambdas/*/bootstrap: run this at the root of the checkout")
	}
	if err := os.MkdirAll(into, 0o755); err != nil {
		return err
	}
	for _, main := range mains {
		function := filepath.Base(filepath.Dir(main))
		if err := compile(main, filepath.Join(into, function)); err != nil {
			return fmt.Errorf("%s: %w", main, err)
		}
		changed, err := artifact.Binary(filepath.Join(into, function), artifact.Built(into, function))
		if err != nil {
			return fmt.Errorf("%s: %w", main, err)
		}
		if changed {
			fmt.Fprintf(os.Stderr, "remit: built %s\n", function)
		}
	}
	return nil
}

// compile makes a static binary that is the same from every directory (Go issue 16860);
// Lambda's own RPC mode is left out (aws-lambda-go, lambda.norpc).
func compile(main, binary string) error {
	run := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags", "-s -w -buildid=", "-o", binary, "./"+main)
	run.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64")
	run.Stdout, run.Stderr = os.Stderr, os.Stderr
	return run.Run()
}
