// Command build compiles every Lambda function of this checkout for arm64 and zips it. It
// takes the directory to leave the zips in, and does again only what changed.
package main

import (
	"fmt"
	"os"
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
		if err := artifact.Compile(main, filepath.Join(into, function), "linux", "arm64"); err != nil {
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
