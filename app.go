// Command remit-app synthesizes a company's declaration: load → stages → synth. The CDK
// CLI runs it (cdk.json). The context key "platform" says which declaration; everything
// else is in the declaration itself. With the key "release" it leaves out what the pipeline does
// not deploy: itself, hooks and guardrails.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/jsii-runtime-go"

	"remit/artifact"
	"remit/constructs"
	"remit/platform/load"
	"remit/terms"
)

func main() {
	if err := synth(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func synth() error {
	defer jsii.Close()
	app := awscdk.NewApp(nil)
	dir, ok := app.Node().TryGetContext(jsii.String("platform")).(string)
	if !ok {
		return fmt.Errorf("which company? give its declaration's directory: cdk synth -c platform=environments/NAME")
	}
	p, err := load.Dir(dir, terms.Date(time.Now().UTC().Format(time.DateOnly)))
	if err != nil {
		return err
	}
	built := constructs.Built{Functions: functions(), Packed: filepath.Join(functions(), "packed")}
	if _, err := os.Stat(artifact.Built(built.Functions, "entry")); err != nil {
		return fmt.Errorf("the Lambda functions are not built: run `go run ./artifact/build` first (%w)", err)
	}
	for _, e := range p.Environments {
		constructs.Environment(app, p, e, built)
	}
	if _, only := app.Node().TryGetContext(jsii.String("release")).(string); !only {
		constructs.Administration(app, p, built)
	}
	app.Synth(nil)
	return nil
}

// functions is where the built Lambda functions are.
func functions() string {
	if dir := os.Getenv("REMIT_FUNCTIONS"); dir != "" {
		return dir
	}
	return artifact.Dir
}
