// Command bench measures the ratios that design and README speak of, side by side in one
// run, and prints them beside the number to hold. Its exit code says only whether
// everything ran: a figure that does not hold is for a reader to judge, because machines
// differ and are busy. tools/bench builds what it runs.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// Where tools/bench puts what is measured.
const (
	appBinary   = ".tools/bench/app"
	emptyBinary = ".tools/bench/empty"
	remitBinary = "bin/remit"
	meridian    = "environments/meridian"
)

// moreLanes is how many lanes every agent gets in every environment for the slope: enough
// that noise divided by all of them is small, and within the 100% that shares may make.
const moreLanes = 10

func main() {
	rounds := flag.Int("rounds", 7, "how often each program runs")
	asJSON := flag.Bool("json", false, "print JSON")
	agents := flag.Int("judge", 0, "instead, judge the worked company with so many agents once, and print nothing else; bench runs itself so")
	flag.Parse()
	if *agents > 0 {
		if err := judge(*agents); err != nil {
			fmt.Fprintln(os.Stderr, "remit: bench:", err)
			os.Exit(1)
		}
		return
	}
	if err := bench(*rounds, *asJSON); err != nil {
		fmt.Fprintln(os.Stderr, "remit: bench:", err)
		os.Exit(1)
	}
}

func bench(rounds int, asJSON bool) error {
	dir, err := os.MkdirTemp("", "remit-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	rows, err := measure(rounds, dir)
	if err != nil {
		return err
	}
	say("verify, beside cfn-lint and cdk diff, and its growth")
	judged, err := beside(rounds, dir)
	if err != nil {
		return err
	}
	grown, err := growth(rounds)
	if err != nil {
		return err
	}
	say("the decision core, and cedar-go on the same policies")
	core, err := decided(rounds)
	if err != nil {
		return err
	}
	say("the interceptor, and a flood of unknown keys")
	calls, err := intercepted(rounds)
	if err != nil {
		return err
	}
	say("the ledger over DynamoDB Local, and the broker")
	kept, err := inDynamoDB(rounds)
	if err != nil {
		return err
	}
	asked, err := brokered(rounds)
	if err != nil {
		return err
	}
	say("the functions as they are deployed")
	deployed, err := lambdas(rounds, dir)
	if err != nil {
		return err
	}
	rows = slices.Concat(rows, judged, grown, core, calls, kept, asked, deployed)
	if asJSON {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(rows)
	}
	_, err = os.Stdout.WriteString(table(rows))
	return err
}

func measure(rounds int, dir string) ([]row, error) {
	grown := filepath.Join(dir, "grown")
	if err := os.Mkdir(grown, 0o700); err != nil {
		return nil, err
	}
	added, err := grow(meridian, grown, moreLanes)
	if err != nil {
		return nil, err
	}
	say("synth without the template validator, %d rounds of three apps", rounds)
	plain, err := sideBySide(rounds, synth(dir, emptyBinary, "", false), synth(dir, appBinary, meridian, false), synth(dir, appBinary, grown, false))
	if err != nil {
		return nil, err
	}
	say("synth with it, %d rounds of two apps", rounds)
	validated, err := sideBySide(rounds, synth(dir, emptyBinary, "", true), synth(dir, appBinary, meridian, true))
	if err != nil {
		return nil, err
	}
	say("remit check")
	checked, err := sideBySide(10*rounds, program{command: []string{"true"}}, program{command: []string{remitBinary, "check", meridian}})
	if err != nil {
		return nil, err
	}
	empty, company, grownCompany := plain[0], plain[1], plain[2]
	return []row{
		wallRatio("synth of meridian, all environments : empty app", empty, company, 2),
		wallRatio("the same, template validator on", validated[0], validated[1], 0),
		slope("one more lane in one environment", company, grownCompany, added, 25),
		peakRatio("peak memory of that synth : empty app", empty, company),
		peakRatio("the same, template validator on", validated[0], validated[1]),
		difference("remit check of meridian, over true", checked[0], checked[1]),
	}, nil
}

// synth is one run of an app. Its packages are unpacked into a cache of this benchmark's
// own, because one shared with other apps may be half filled, and then every run unpacks.
func synth(dir, binary, declaration string, validation bool) program {
	context, err := json.Marshal(map[string]string{"platform": declaration})
	if err != nil {
		panic(err) // strings always encode
	}
	return program{[]string{binary}, []string{
		"CDK_CONTEXT_JSON=" + string(context),
		"CDK_OUTDIR=" + filepath.Join(dir, "cdk.out"),
		"CDK_VALIDATION=" + strconv.FormatBool(validation),
		"JSII_RUNTIME_PACKAGE_CACHE_ROOT=" + filepath.Join(dir, "jsii"),
	}}
}

func say(format string, values ...any) {
	fmt.Fprintf(os.Stderr, "remit: bench: "+format+"\n", values...)
}
