package main

import (
	"cmp"
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

	Hook string `json:"hook,omitempty"` // the stack that an administrator deploys after it, if any
}

// sharedAccounts is what the company's own accounts are called where an environment is asked for.
const sharedAccounts = "shared"

func accounts(c *command, arguments []string) error {
	var out []account
	if c.env != sharedAccounts {
		err := c.eachSite(arguments, func(p *platform.Platform, e platform.Environment, site platform.Site) error {
			a := account{Environment: e.Name, Purpose: site.Purpose, ID: string(site.Account), Region: site.Region, Stage: p.Name + "-" + e.Name, Bootstrap: site.BootstrapStack()}
			if len(p.Hooked(e)) > 0 {
				a.Hook = platform.HookStage(p) + "/" + site.HookStack()
			}
			out = append(out, a)
			return nil
		})
		if err != nil {
			return err
		}
	}
	if c.env == "" || c.env == sharedAccounts {
		p, err := declaration(arguments)
		if err != nil {
			return err
		}
		out = append(out, shared(p)...)
	}
	var text strings.Builder
	for _, a := range out {
		fmt.Fprintf(&text, "%s %s %s %s %s %s %s\n", a.Environment, a.Purpose, a.ID, a.Region, a.Stage, a.Bootstrap, cmp.Or(a.Hook, "-"))
	}
	return c.print(out, text.String())
}

// shared is the accounts that an administrator deploys the pipeline and the guardrails to.
func shared(p *platform.Platform) []account {
	stages := map[string]string{platform.Pipeline: platform.PipelineStage(p), platform.OrganizationAccount: platform.OrganizationStage(p)}
	var out []account
	for _, site := range p.SharedSites() {
		out = append(out, account{Environment: sharedAccounts, Purpose: site.Purpose, ID: string(site.Account), Region: site.Region, Stage: stages[site.Purpose], Bootstrap: site.BootstrapStack()})
	}
	return out
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
	if arguments[0] == sharedAccounts {
		return printShared(c, p, arguments[1])
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

func printShared(c *command, p *platform.Platform, purpose string) error {
	var known []string
	for _, site := range p.SharedSites() {
		if site.Purpose == purpose {
			_, err := c.out.Write(bootstrap.Shared(p, site))
			return err
		}
		known = append(known, site.Purpose)
	}
	return usage{fmt.Sprintf("nothing is made in shared account %q; accounts: %s", purpose, strings.Join(known, ", "))}
}
