package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"remit/ledger"
	"remit/ledger/dynamo"
	"remit/platform"
)

// owner is what the directory knows of one datum: whose it is, and who stands in which
// relation to it.
type owner struct {
	Tenant    string              `json:"tenant"`
	Relations map[string][]string `json:"relations,omitempty"`
}

// maxImport bounds an import file, in bytes.
const maxImport = 256 << 20

// data loads and looks up the ownership directory of an environment, with the caller's own
// credentials.
func data(c *command, arguments []string) error {
	if len(arguments) == 0 {
		return usage{"data import FILE, data set DIRECTORY DATUM or data get DIRECTORY DATUM"}
	}
	verb, rest := arguments[0], arguments[1:]
	want := map[string]int{"import": 1, "set": 2, "get": 2}[verb]
	if want == 0 || len(rest) < want {
		return usage{"data import FILE, data set DIRECTORY DATUM or data get DIRECTORY DATUM"}
	}
	_, site, err := c.one(rest[want:])
	if err != nil {
		return err
	}
	d, err := directoryOf(context.Background(), site)
	if err != nil {
		return err
	}
	switch verb {
	case "import":
		return c.importOwners(d, rest[0])
	case "set":
		return c.setOwner(d, rest[0], rest[1])
	}
	return c.getOwner(d, rest[0], rest[1])
}

// one is the single environment that a command works on, and its platform account.
func (c *command) one(arguments []string) (platform.Environment, platform.Site, error) {
	p, err := declaration(arguments)
	if err != nil {
		return platform.Environment{}, platform.Site{}, err
	}
	if c.env == "" {
		return platform.Environment{}, platform.Site{}, usage{"which environment? --env names it"}
	}
	e, ok := p.Environment(c.env)
	if !ok {
		return platform.Environment{}, platform.Site{}, usage{fmt.Sprintf("no environment is called %q", c.env)}
	}
	return e, p.Site(e, platform.PlatformAccount), nil
}

// directoryOf is the store of an environment's two tables.
func directoryOf(ctx context.Context, site platform.Site) (*dynamo.Store, error) {
	if _, err := callerOf(ctx, site); err != nil {
		return nil, err
	}
	session, err := credentialsOf(ctx, site)
	if err != nil {
		return nil, err
	}
	return &dynamo.Store{Client: dynamodb.NewFromConfig(session), Tables: map[string]string{ledger.LedgerTable: site.Ledger(), ledger.DirectoryTable: site.Directory()}}, nil
}

// importOwners reads {"directory": {"datum": {"tenant": …, "relations": {"name": ["user"]}}}}
// and writes every owner. What is wrong with the file is said before anything is written.
func (c *command) importOwners(d *dynamo.Store, path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return usage{err.Error()}
	}
	owners, err := readOwners(text)
	if err != nil {
		return usage{path + ": " + err.Error()}
	}
	n := 0
	for _, directory := range slices.Sorted(maps.Keys(owners)) {
		for _, datum := range slices.Sorted(maps.Keys(owners[directory])) {
			if err := write(d, directory, datum, owners[directory][datum]); err != nil {
				return fmt.Errorf("%d written, then %s %s: %w; importing again is safe", n, directory, datum, err)
			}
			if n++; n%1000 == 0 {
				fmt.Fprintf(c.err, "remit: %d owners written\n", n)
			}
		}
	}
	return c.print(map[string]int{"written": n}, fmt.Sprintf("%d owners written\n", n))
}

// readOwners is strict: an owner that was misread could be somebody else.
func readOwners(text []byte) (map[string]map[string]owner, error) {
	if len(text) > maxImport {
		return nil, fmt.Errorf("%d bytes, at most %d are read; split the file", len(text), maxImport)
	}
	var owners map[string]map[string]owner
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&owners); err != nil {
		return nil, fmt.Errorf(`want {"directory": {"datum": {"tenant": …, "relations": {"name": ["user"]}}}}: %w`, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("bytes after the object")
	}
	for directory, datums := range owners {
		for datum, o := range datums {
			if o.Tenant == "" || directory == "" || datum == "" {
				return nil, fmt.Errorf("%s %s: an owner is a tenant", directory, datum)
			}
			for relation, users := range o.Relations {
				if relation == "" || len(users) == 0 || slices.Contains(users, "") {
					return nil, fmt.Errorf("%s %s: relation %q names no user", directory, datum, relation)
				}
			}
		}
	}
	return owners, nil
}

// write replaces what the directory knows of a datum.
func write(d *dynamo.Store, directory, datum string, o owner) error {
	item := ledger.Item{"tenant": {S: o.Tenant}}
	for relation, users := range o.Relations {
		item["relation/"+relation] = ledger.Value{SS: users}
	}
	ctx, cancel := context.WithTimeout(context.Background(), compareTimeout)
	defer cancel()
	return d.Apply(ctx, rand.Text(), []ledger.Op{{Key: ledger.OwnerKey(directory, datum), Put: item}})
}

func (c *command) setOwner(d *dynamo.Store, directory, datum string) error {
	if c.tenant == "" {
		return usage{"whose is it? --tenant names the owner"}
	}
	o := owner{Tenant: c.tenant, Relations: map[string][]string{}}
	for _, given := range c.relations {
		name, users, ok := strings.Cut(given, "=")
		if !ok || name == "" || users == "" {
			return usage{"--relation NAME=USER,USER"}
		}
		o.Relations[name] = strings.Split(users, ",")
	}
	if err := write(d, directory, datum, o); err != nil {
		return err
	}
	return c.print(o, fmt.Sprintf("%s %s belongs to %s\n", directory, datum, o.Tenant))
}

func (c *command) getOwner(d *dynamo.Store, directory, datum string) error {
	item, err := d.Get(context.Background(), ledger.OwnerKey(directory, datum))
	if err != nil {
		return err
	}
	if item == nil {
		fmt.Fprintf(c.err, "remit: nobody owns %s in %s, so every call about it is refused\n", datum, directory)
		return errFindings
	}
	o := owner{Tenant: item["tenant"].S, Relations: map[string][]string{}}
	var text strings.Builder
	fmt.Fprintf(&text, "%s %s belongs to %s\n", directory, datum, o.Tenant)
	for _, name := range slices.Sorted(maps.Keys(item)) {
		if relation, ok := strings.CutPrefix(name, "relation/"); ok {
			o.Relations[relation] = item[name].SS
			fmt.Fprintf(&text, "  %s: %s\n", relation, strings.Join(item[name].SS, ", "))
		}
	}
	return c.print(o, text.String())
}
