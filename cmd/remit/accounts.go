package main

import (
	"fmt"
	"strings"

	"remit/bootstrap"
	"remit/platform"
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
	var out []account
	var text strings.Builder
	err := c.eachSite(arguments, func(p *platform.Platform, e platform.Environment, site platform.Site) error {
		a := account{Environment: e.Name, Purpose: site.Purpose, ID: string(site.Account), Region: site.Region, Stage: p.Name + "-" + e.Name, Bootstrap: site.BootstrapStack()}
		out = append(out, a)
		fmt.Fprintf(&text, "%s %s %s %s %s %s\n", a.Environment, a.Purpose, a.ID, a.Region, a.Stage, a.Bootstrap)
		return nil
	})
	if err != nil {
		return err
	}
	return c.print(out, text.String())
}

// eachSite visits every account of the environments a command speaks of.
func (c *command) eachSite(arguments []string, visit func(*platform.Platform, platform.Environment, platform.Site) error) error {
	p, err := declaration(arguments)
	if err != nil {
		return err
	}
	environments, err := c.environmentsOf(p)
	if err != nil {
		return err
	}
	for _, e := range environments {
		for _, site := range p.Sites(e) {
			if err := visit(p, e, site); err != nil {
				return fmt.Errorf("%s %s: %w", e.Name, site.Purpose, err)
			}
		}
	}
	return nil
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
