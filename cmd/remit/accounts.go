package main

import (
	"fmt"
	"strings"

	"remit/bootstrap"
)

// account is one line of accounts.
type account struct {
	Environment string `json:"environment"`
	Purpose     string `json:"purpose"`
	ID          string `json:"account"`
	Region      string `json:"region"`
	Stage       string `json:"stage"`     // the CDK stage that deploys here
	Bootstrap   string `json:"bootstrap"` // the name of the bootstrap stack
}

func accounts(c *command, arguments []string) error {
	p, err := declaration(arguments)
	if err != nil {
		return err
	}
	environments, err := c.environmentsOf(p)
	if err != nil {
		return err
	}
	var out []account
	var text strings.Builder
	for _, e := range environments {
		for _, site := range p.Sites(e) {
			a := account{Environment: e.Name, Purpose: site.Purpose, ID: string(site.Account), Region: site.Region, Stage: p.Name + "-" + e.Name, Bootstrap: site.BootstrapStack()}
			out = append(out, a)
			fmt.Fprintf(&text, "%s %s %s %s %s %s\n", a.Environment, a.Purpose, a.ID, a.Region, a.Stage, a.Bootstrap)
		}
	}
	return c.print(out, text.String())
}

// printBootstrap prints the template itself, which is JSON with and without --json.
func printBootstrap(c *command, arguments []string) error {
	if len(arguments) < 2 {
		return usage{"which environment and account?"}
	}
	p, err := declaration(arguments[2:])
	if err != nil {
		return err
	}
	c.env = arguments[0]
	environments, err := c.environmentsOf(p)
	if err != nil {
		return err
	}
	var known []string
	for _, site := range p.Sites(environments[0]) {
		if site.Purpose == arguments[1] {
			_, err := c.out.Write(bootstrap.Template(p, environments[0], site))
			return err
		}
		known = append(known, site.Purpose)
	}
	return usage{fmt.Sprintf("nothing is made in account %q of %s; accounts: %s", arguments[1], arguments[0], strings.Join(known, ", "))}
}
