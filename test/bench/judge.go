package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"remit/grants"
	"remit/iam"
	"remit/platform"
	"remit/platform/load"
	"remit/verify"
)

// sizes are how many agents each of three environments has; each agent has four tools of
// its own. The middle one is the one to hold.
var sizes = []int{5, 50, 200}

const (
	toolsEach  = 4
	holdVerify = 1.0 // s
)

// enlarged is the worked company with so many agents and tools, all alike but for their names.
func enlarged(p *platform.Platform, agents int) *platform.Platform {
	agent, tool := p.Agents[0], p.Tools[slices.IndexFunc(p.Tools, func(t platform.Tool) bool { return t.Reach == nil })]
	for i := len(p.Agents); i < agents; i++ {
		a := agent
		a.Name, a.Tools = fmt.Sprintf("agent-%d", i), nil
		for j := range toolsEach {
			t := tool
			t.Name = fmt.Sprintf("tool_%d_%d", i, j)
			a.Tools = append(a.Tools, t.Name)
			p.Tools = append(p.Tools, t)
		}
		p.Agents = append(p.Agents, a)
		for k := range p.Environments {
			settle(&p.Environments[k], agent.Name, a)
		}
	}
	return p
}

// settle gives an environment one lane of a new agent, like that of another one, and a
// function behind each of its tools.
func settle(e *platform.Environment, like string, a platform.Agent) {
	set := e.Lanes[slices.IndexFunc(e.Lanes, func(l platform.LaneSet) bool { return l.Agent == like })]
	set.Agent, set.Lanes = a.Name, set.Lanes[:1]
	e.Lanes = append(e.Lanes, set)
	for _, tool := range a.Tools {
		e.Targets = append(e.Targets, platform.Target{Tool: tool, Lambda: &platform.LambdaTarget{Function: strings.ReplaceAll(tool, "_", "-"), Alias: "live"}})
	}
}

// judge is what the command does when it is run as -judge AGENTS: the declaration, what it
// intends, and the judgement, in a process of its own, so that its memory is its own too.
func judge(agents int) error {
	debug.SetGCPercent(400) // as remit verify does
	p, err := load.Dir(meridian, "2026-11-23")
	if err != nil {
		return err
	}
	p = enlarged(p, agents)
	var w iam.World
	for _, e := range p.Environments {
		w = w.Plus(grants.Intended(p, e.Name))
	}
	report := verify.Judge(verify.Case{World: w, Platform: p, Today: "2026-11-23"})
	fmt.Printf("%d roles\n", len(w.Roles))
	if !report.Clean() {
		return fmt.Errorf("what is measured is not what is promised: %s", report.Findings[0].Text(nil))
	}
	return nil
}

// growth are the rows of verify over three environments of more and more agents.
func growth(rounds int) ([]row, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	var programs []program
	for _, agents := range sizes {
		programs = append(programs, program{command: []string{self, "-judge", fmt.Sprint(agents)}})
	}
	took, err := sideBySide(rounds, programs...)
	if err != nil {
		return nil, err
	}
	var rows []row
	for i, agents := range sizes {
		hold := 0.0
		if agents == 50 {
			hold = holdVerify
		}
		rows = append(rows, whole(fmt.Sprintf("verify of 3 environments × %d agents × %d tools", agents, agents*toolsEach), took[i], hold))
	}
	return append(rows, wallRatio("verify at 3 × 200 agents : at 3 × 50", took[1], took[2], 0)), nil
}

// beside are the rows of verify and of what others say of the same assembly, each from its
// start to its end: cfn-lint, and the security part of cdk diff against an embedded AWS in
// which nothing is deployed yet, so that every statement is a change.
func beside(rounds int, dir string) ([]row, error) {
	own := filepath.Join(dir, "beside")
	assembly := filepath.Join(own, "cdk.out")
	if _, err := synth(own, appBinary, meridian, false).run(); err != nil {
		return nil, err
	}
	endpoint, stop, err := embedded()
	if err != nil {
		return nil, err
	}
	defer stop()
	took, err := sideBySide(rounds,
		program{command: []string{remitBinary, "verify", "--platform", meridian, assembly}},
		program{command: []string{"tools/cfn-lint", assembly + "/**/*.template.json"}},
		program{[]string{"cdk", "diff", "**", "--app", assembly, "--security-only", "--no-notices", "--method=template"},
			[]string{"AWS_ENDPOINT_URL=" + endpoint, "AWS_ACCESS_KEY_ID=333333333333", "AWS_SECRET_ACCESS_KEY=embedded", "AWS_SESSION_TOKEN=", "AWS_REGION=us-east-1"}},
	)
	if err != nil {
		return nil, err
	}
	verified, linted, diffed := took[0], took[1], took[2]
	return []row{
		whole("remit verify of meridian's assembly", verified, 0),
		wallRatio("cfn-lint, same templates : remit verify", verified, linted, 0),
		wallRatio("cdk diff --security-only, same : remit verify", verified, diffed, 0),
		peakRatio("peak memory of cfn-lint : remit verify", verified, linted),
		peakRatio("peak memory of cdk diff : remit verify", verified, diffed),
	}, nil
}

// embedded starts the embedded AWS on a free port of loopback, and answers how to stop it.
func embedded() (endpoint string, stop func(), err error) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	_, port, _ := net.SplitHostPort(free.Addr().String()) // an address that is listened on has a port
	if err := free.Close(); err != nil {
		return "", nil, err
	}
	aws := exec.Command(".tools/python/bin/python", "emulator/serve.py", "--port", port)
	said, err := aws.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := aws.Start(); err != nil {
		return "", nil, err
	}
	stop = func() { _, _ = aws.Process.Kill(), aws.Wait() }
	if err := ready(said); err != nil {
		stop()
		return "", nil, err
	}
	return "http://localhost:" + port, stop, nil
}

// ready waits until the embedded AWS says so, and reads on so that it is never held up.
func ready(said io.Reader) error {
	for lines := bufio.NewScanner(said); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "emulator: ready") {
			go func() { _, _ = io.Copy(io.Discard, said) }()
			return nil
		}
	}
	return errors.New("the embedded AWS did not start")
}
