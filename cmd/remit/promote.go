package main

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"remit/change"
	"remit/platform"
	"remit/promotion"
)

// promoted is an edit as it is printed for programs. Was and Is are the lane before and after;
// one that was not, or is no more, is null.
type promoted struct {
	File        string       `json:"file"`
	Environment string       `json:"environment"`
	Agent       string       `json:"agent"`
	Lane        string       `json:"lane"`
	Gone        string       `json:"gone,omitempty"`
	Was         any          `json:"was"`
	Is          any          `json:"is"`
	Class       change.Class `json:"class"`
	Written     bool         `json:"written"`
	Diff        string       `json:"diff"`
}

// promote edits which version a lane runs, in the environment's file and nowhere else.
func promote(c *command, arguments []string) error {
	if len(arguments) < 3 {
		return usage{"promote what? ENVIRONMENT AGENT LANE"}
	}
	s, err := openEnvironment(arguments[0], arguments[1], arguments[3:])
	if err != nil {
		return err
	}
	edit, err := s.edit(c, arguments[2])
	if err != nil {
		return err
	}
	text, err := edit.Apply(s.shown, s.text)
	if err != nil {
		return err
	}
	after, err := s.as(edit, text)
	if err != nil {
		return err
	}
	if !c.dryRun && !bytes.Equal(text, s.text) {
		if err := s.write(text); err != nil {
			return err
		}
	}
	return s.say(c, edit, text, after)
}

// lanesOf is what an agent runs in an environment.
func lanesOf(p *platform.Platform, environment, agent string) ([]platform.Lane, error) {
	if _, ok := p.Agent(agent); !ok {
		return nil, usage{fmt.Sprintf("%s has no agent %q; %s", p.Name, agent, among(agent, agentNames(p)))}
	}
	e, _ := p.Environment(environment)
	i := slices.IndexFunc(e.Lanes, func(set platform.LaneSet) bool { return set.Agent == agent })
	if i < 0 {
		return nil, fmt.Errorf("%s runs no version of %s; declare its first lane, and its limits, by hand", environment, agent)
	}
	return e.Lanes[i].Lanes, nil
}

func laneOf(lanes []platform.Lane, name string) (platform.Lane, bool) {
	i := slices.IndexFunc(lanes, func(l platform.Lane) bool { return l.Name == name })
	if i < 0 {
		return platform.Lane{}, false
	}
	return lanes[i], true
}

func laneNames(lanes []platform.Lane) string {
	var out []string
	for _, l := range lanes {
		out = append(out, l.Name)
	}
	return strings.Join(out, ", ")
}

// edit is what the command line asks for.
func (s *environmentFile) edit(c *command, lane string) (promotion.Edit, error) {
	switch {
	case c.back && (c.share != "" || c.from != ""):
		return promotion.Edit{}, usage{"--back goes to an earlier version of the lane; it takes --to, and no --share or --from"}
	case c.back:
		return s.goBack(c, lane)
	case c.to != "" && (c.share != "" || c.from != ""):
		return promotion.Edit{}, usage{"--to LANE makes a lane's version another lane's; it takes no --share or --from"}
	case c.to != "":
		return s.become(lane, c.to)
	}
	return s.forward(lane, c.share, c.from)
}

// become gives a lane's version to another lane of the same environment, and ends the first.
func (s *environmentFile) become(lane, to string) (promotion.Edit, error) {
	from, err := s.running(lane)
	if err != nil {
		return promotion.Edit{}, err
	}
	into, err := s.running(to)
	if err != nil {
		return promotion.Edit{}, err
	}
	if lane == to {
		return promotion.Edit{}, usage{"--to names another lane than the one whose version it takes"}
	}
	return promotion.Edit{Agent: s.agent, Lane: versioned(into, from), Gone: lane}, nil
}

func (s *environmentFile) running(name string) (platform.Lane, error) {
	lane, ok := laneOf(s.lanes, name)
	if !ok {
		return lane, usage{fmt.Sprintf("%s runs no lane %q of %s; it runs %s", s.environment.Name, name, s.agent, laneNames(s.lanes))}
	}
	return lane, nil
}

// versioned is a lane with another's version: name and share stay.
func versioned(lane, version platform.Lane) platform.Lane {
	version.Name, version.Share = lane.Name, lane.Share
	return version
}

// forward starts a lane, changes its share, ends it, or gives it the version that runs in the
// environment before.
func (s *environmentFile) forward(name, share, from string) (promotion.Edit, error) {
	lane, runs := laneOf(s.lanes, name)
	edit := promotion.Edit{Agent: s.agent, Lane: lane}
	if !slices.Contains(s.declared.LaneNames, name) {
		return edit, usage{fmt.Sprintf("no lane is called %q; lanes may be called %s", name, strings.Join(s.declared.LaneNames, ", "))}
	}
	if share != "" {
		if err := edit.Lane.Share.UnmarshalText([]byte(share)); err != nil {
			return edit, usage{"--share: " + err.Error()}
		}
	}
	switch {
	case runs && share != "" && edit.Lane.Share == 0 && from == "":
		return promotion.Edit{Agent: s.agent, Gone: name}, nil
	case share != "" && edit.Lane.Share == 0:
		return edit, usage{"--share 0% ends a lane that runs, and takes no --from"}
	case runs && share != "" && from == "":
		return edit, nil
	case !runs && share == "":
		return edit, usage{fmt.Sprintf("%s would start; --share says which part of the users it serves", name)}
	}
	edit.Lane.Name = name
	version, err := s.origin(name, from)
	edit.Lane = versioned(edit.Lane, version)
	return edit, err
}

// origin is the version that comes from another environment. What does not run in the one
// that deploy.from names is refused, as the pipeline would refuse it.
func (s *environmentFile) origin(name, from string) (platform.Lane, error) {
	before := s.environment.Deploy.From
	environment, lane, _ := strings.Cut(from, "/")
	if environment == "" {
		environment = before
	}
	if err := s.mayComeFrom(environment); err != nil {
		return platform.Lane{}, err
	}
	lanes, err := lanesOf(s.declared, environment, s.agent)
	if err != nil {
		return platform.Lane{}, err
	}
	version, err := pick(lanes, environment, lane, name)
	if err != nil || before == "" || before == environment {
		return version, err
	}
	return version, s.runsIn(before, version)
}

func (s *environmentFile) mayComeFrom(environment string) error {
	_, declared := s.declared.Environment(environment)
	switch {
	case environment == "":
		return usage{fmt.Sprintf("%s declares no deploy.from; --from names the environment that the version comes from", s.environment.Name)}
	case environment == s.environment.Name:
		return usage{"--from names another environment; within one, LANE --to LANE2 makes a version another lane's"}
	case !declared:
		return usage{fmt.Sprintf("%s has no environment %q; it has %s", s.declared.Name, environment, strings.Join(environmentNames(s.declared), ", "))}
	}
	return nil
}

// pick is the lane that was named, else the one of the same name, else the only one.
func pick(lanes []platform.Lane, environment, named, name string) (platform.Lane, error) {
	if named != "" {
		lane, ok := laneOf(lanes, named)
		if !ok {
			return lane, usage{fmt.Sprintf("%s has no lane %q; it has %s", environment, named, laneNames(lanes))}
		}
		return lane, nil
	}
	if lane, ok := laneOf(lanes, name); ok {
		return lane, nil
	}
	if len(lanes) > 1 {
		return platform.Lane{}, usage{fmt.Sprintf("which version of %s? --from %s/LANE names one of %s", environment, environment, laneNames(lanes))}
	}
	return lanes[0], nil
}

func (s *environmentFile) runsIn(environment string, version platform.Lane) error {
	lanes, err := lanesOf(s.declared, environment, s.agent)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(lanes, func(l platform.Lane) bool { return promotion.SameVersion(l, version) }) {
		return fmt.Errorf("%s takes versions from %s, and %s runs no %s with code %s and these prompts and parameters; promote it to %s first",
			s.environment.Name, environment, environment, s.agent, version.Code, environment)
	}
	return nil
}

// say prints the edit as a diff, and says what it needs.
func (s *environmentFile) say(c *command, edit promotion.Edit, text []byte, after *platform.Platform) error {
	name := s.environment.Name
	verdict := change.Classify(s.declared, after, name, accessOf(s.declared, after, name))
	p := promoted{File: s.shown, Environment: name, Agent: s.agent, Lane: edit.Lane.Name, Gone: edit.Gone,
		Class: verdict.Class, Written: !c.dryRun && !bytes.Equal(text, s.text), Diff: unified(s.shown, s.text, text)}
	if p.Lane == "" {
		p.Lane = edit.Gone
	}
	was, _ := laneOf(s.lanes, p.Lane)
	p.Was, p.Is = words(was), words(edit.Lane)
	if was.Name == "" {
		p.Was = nil
	}
	fmt.Fprintf(c.err, "remit: %s: %s\n", name, verdict.Summary())
	if p.Written {
		fmt.Fprintf(c.err, "remit: %s is written; commit it, and what deploys %s deploys it\n", s.shown, name)
	}
	return c.print(p, p.Diff)
}

// unified is a diff that git apply takes where the command was run. A file elsewhere is shown
// by its own name.
func unified(path string, was, is []byte) string {
	if !filepath.IsLocal(path) {
		path = filepath.Base(path)
	}
	path = filepath.ToSlash(filepath.Clean(path))
	text := string(diff.Diff("a/"+path, was, "b/"+path, is))
	_, text, _ = strings.Cut(text, "\n") // git would take the line before for its own, from the repository's root
	return text
}
