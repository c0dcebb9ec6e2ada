package artifact

import (
	"fmt"
	"os"
	"os/exec"
)

// Compile compiles one function of this checkout, whose root must be the working
// directory: a static binary that is the same from every directory (Go issue 16860), without
// Lambda's own RPC mode (aws-lambda-go, lambda.norpc). Functions are deployed for linux and
// arm64; a test runs them on the machine it is on.
func Compile(main, binary, goos, goarch string) error {
	run := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags", "lambda.norpc", "-ldflags", "-s -w -buildid=", "-o", binary, "./"+main)
	run.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch)
	if said, err := run.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", main, err, said)
	}
	return nil
}
