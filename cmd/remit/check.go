package main

import (
	"errors"
	"fmt"
	"strings"

	"remit/platform/load"
)

// checked is what check says of one declaration.
type checked struct {
	Declaration  string        `json:"declaration"`
	Environments []string      `json:"environments"`
	Problems     load.Problems `json:"problems"`
}

func check(c *command, arguments []string) error {
	if len(arguments) == 0 {
		var err error
		if arguments, err = declarations(); err != nil {
			return err
		}
	}
	var out []checked
	var text strings.Builder
	found := 0
	for _, dir := range arguments {
		result, err := c.checkOne(dir)
		if err != nil {
			return err
		}
		found += len(result.Problems)
		out = append(out, result)
		if len(result.Problems) > 0 {
			fmt.Fprintf(&text, "%s%s: %s\n", result.Problems.Error(), dir, count(len(result.Problems), "problem"))
			continue
		}
		fmt.Fprintf(&text, "%s: clean: %s\n", dir, strings.Join(result.Environments, ", "))
	}
	if err := c.print(out, text.String()); err != nil {
		return err
	}
	if found > 0 {
		return errFindings
	}
	return nil
}

// checkOne reads the whole declaration even when one environment is asked for: rules hold
// between environments.
func (c *command) checkOne(dir string) (checked, error) {
	result := checked{Declaration: dir, Environments: []string{}, Problems: load.Problems{}}
	if err := isDirectory(dir); err != nil {
		return result, err
	}
	p, err := load.Dir(dir, today())
	if errors.As(err, &result.Problems) {
		return result, nil
	}
	environments, err := c.environmentsOf(p)
	for _, e := range environments {
		result.Environments = append(result.Environments, e.Name)
	}
	return result, err
}
