// Command mcp runs the MCP project's conformance suite, server side, against remit dev, once
// for each revision that remit dev announces. What does not pass, and what passes without
// having been checked, must be what exceptions.txt excuses, no more and no less. It knows
// how to start both; what a message means is theirs. tools/conformance installs the suite.
//
// The suite sends no bearer token and asks for tools of its own. A proxy on loopback adds
// the token and, where a declared tool can stand for one of the suite's, its name.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"

	"remit/test/conformance/listed"
)

func main() {
	var c conformance
	flag.StringVar(&c.remit, "remit", "bin/remit", "the built command")
	flag.StringVar(&c.suite, "suite", ".tools/conformance/node_modules/@modelcontextprotocol/conformance", "where the suite is installed")
	flag.StringVar(&c.plan, "plan", "test/conformance/mcp/meridian.json", "whom the suite acts for")
	flag.StringVar(&c.exceptions, "exceptions", "test/conformance/mcp/exceptions.txt", "what need not pass, and why")
	flag.Parse()
	if err := c.run(); err != nil {
		fmt.Fprintln(os.Stderr, "remit: conformance:", err)
		os.Exit(1)
	}
}

// conformance is where everything is that one run needs.
type conformance struct{ remit, suite, plan, exceptions string }

// plan is for whom the suite acts, and which call stands for a tool of the suite's own.
type plan struct {
	Company, User, Agent, Purpose string
	Stands                        map[string]toolCall
}

type toolCall struct {
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
}

func (c conformance) run() error {
	text, err := os.ReadFile(c.exceptions)
	if err != nil {
		return err
	}
	excuses, err := listed.Read(string(text))
	if err != nil {
		return fmt.Errorf("%s: %w", c.exceptions, err)
	}
	outcomes, err := c.measure()
	if err != nil {
		return err
	}
	fmt.Print(outcomes.summary())
	if complaints := outcomes.against(excuses); complaints != "" {
		return fmt.Errorf("%s and the suite disagree:\n%s", c.exceptions, complaints)
	}
	return nil
}

// measure starts remit dev and runs the suite once for each revision that it announces.
func (c conformance) measure() (outcomes, error) {
	var p plan
	text, err := os.ReadFile(c.plan)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &p); err != nil {
		return nil, fmt.Errorf("%s: %w", c.plan, err)
	}
	server, err := serve(c.remit, p)
	if err != nil {
		return nil, err
	}
	defer server.stop()
	revisions, err := server.announced()
	if err != nil {
		return nil, err
	}
	out := outcomes{}
	for _, revision := range revisions {
		if out[revision], err = c.suiteAt(server, revision); err != nil {
			return nil, fmt.Errorf("revision %s: %w", revision, err)
		}
	}
	return out, nil
}
