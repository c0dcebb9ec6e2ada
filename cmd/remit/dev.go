package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"remit/dev"
	"remit/platform"
	"remit/platform/load"
)

// developer serves one environment with synthetic data until it is interrupted.
func developer(c *command, arguments []string) error {
	p, err := declaration(arguments)
	if err != nil {
		return err
	}
	if c.env == "" {
		c.env = synthetic(p)
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", c.port))
	if err != nil {
		return fmt.Errorf("port %d: %w; --port names another", c.port, err)
	}
	defer listener.Close()
	base := "http://" + listener.Addr().String()
	server, err := dev.New(directory(arguments), c.env, base, time.Now, c.err)
	if err != nil {
		return err
	}
	if err := c.greet(p, server, base); err != nil {
		return err
	}
	go sweeping(server)
	return (&http.Server{Handler: server.Handler(), ReadHeaderTimeout: 10 * time.Second}).Serve(listener)
}

// sweeping ends what is due, each second: a laptop's runs are short.
func sweeping(server *dev.Server) {
	for range time.Tick(time.Second) {
		_ = server.Sweep(context.Background()) // what could not be ended stays due
	}
}

// synthetic is the first environment that invented users may stand in.
func synthetic(p *platform.Platform) string {
	for _, e := range p.Environments {
		if e.Data.Kind == "synthetic" {
			return e.Name
		}
	}
	return ""
}

// greeting is what dev prints when it is ready, for scripts with --json.
type greeting struct {
	Base      string            `json:"base"`
	Logins    map[string]string `json:"logins"`    // invented user → login token
	Approvals map[string]string `json:"approvals"` // invented user → where they approve what waits
	Lanes     []string          `json:"lanes"`
}

func (c *command) greet(p *platform.Platform, server *dev.Server, base string) error {
	e, _ := p.Environment(c.env)
	g := greeting{Base: base, Logins: map[string]string{}, Approvals: map[string]string{}}
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s, synthetic data, on %s (interrupt to stop)\n\n", p.Name, e.Name, base)
	for _, lane := range p.Lanes(e) {
		g.Lanes = append(g.Lanes, lane.Agent+"/"+lane.Lane)
		fmt.Fprintf(&text, "  lane %s/%s\n", lane.Agent, lane.Lane)
	}
	for _, u := range e.Data.Users {
		token, err := server.Login(u.Name)
		if err != nil {
			return err
		}
		g.Logins[u.Name], g.Approvals[u.Name] = token, base+"/login/"+u.Name
		fmt.Fprintf(&text, "\n  %s, %s of %s:\n  %s\n", u.Name, strings.Join(u.Roles, " and "), u.Tenant, token)
	}
	if len(g.Lanes) == 0 {
		return usage{"no lane runs in " + e.Name}
	}
	agent := p.Lanes(e)[0].Actor
	fmt.Fprintf(&text, "\nan application opens an execution, and hands the agent its token and gateway:\n"+
		"  curl -s %s/executions -H \"Authorization: Bearer $LOGIN\" -d '{\"agent\": %q, \"purpose\": %q}'\n"+
		"what waits for a user is at %[1]s/login/USER, which logs that invented user in with a browser\n%[4]s"+
		"decisions follow here, each with its four verdicts and the reference the agent sees\n", base, agent.Name, agent.Purposes[0], happens(p, e, base))
	return c.print(g, text.String())
}

// happens tells how to have an event happen that closes an item, if any does.
func happens(p *platform.Platform, e platform.Environment, base string) string {
	closings := p.Closings(e)
	if len(closings) == 0 {
		return ""
	}
	c := closings[0]
	return fmt.Sprintf("an event of the company's closes what %s made:\n  curl -s %s/events/%s -d '{\"detail-type\": %q, \"detail\": {%q: …}}'\n", c.Tool, base, c.Bus, c.Event, c.ID)
}

// directory reads a declaration from disk, again whenever a file of it changes.
type directory []string

// Stamp changes with the files' names, sizes and times.
func (d directory) Stamp() string {
	var out strings.Builder
	files, _ := filepath.Glob(filepath.Join(d.dir(), "*.yaml"))
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			fmt.Fprintln(&out, f, info.Size(), info.ModTime().UnixNano())
		}
	}
	return out.String()
}

// Load reads it.
func (d directory) Load() (*platform.Platform, error) { return load.Dir(d.dir(), today()) }

func (d directory) dir() string {
	if len(d) > 0 {
		return d[0]
	}
	dirs, err := declarations()
	if err != nil || len(dirs) != 1 {
		return "."
	}
	return dirs[0]
}
