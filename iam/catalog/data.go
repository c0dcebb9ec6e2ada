package catalog

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"sync"
)

// data is written by refresh.mjs: an index, the condition keys and every
// service, each a gzip member holding one JSON value.
//
//go:embed data.json.gz
var data []byte

// file is the decoded index, and the rest of data still to be decoded.
type file struct {
	origin   Origin
	keys     func() keyring
	services map[string]func() service // by prefix, which AWS writes in lower case
}

// service is one service's data, each map keyed by name in lower case.
type service struct {
	actions   map[string]Action
	resources map[string]Resource
	formats   map[string][]pattern // the ARNs of resources
}

// service finds a service by its prefix in any case.
func (f file) service(prefix string) (service, bool) {
	once, ok := f.services[strings.ToLower(prefix)]
	if !ok {
		return service{}, false
	}
	return once(), true
}

// read returns the one file of the program.
var read = sync.OnceValue(decode)

// decode decodes the index alone.
func decode() file {
	var index struct {
		Origin   Origin
		Keys     int
		Services []struct {
			Name string
			Size int
		}
	}
	rest := unpack(data, &index)
	next := func(size int) []byte {
		member := rest[:size]
		rest = rest[size:]
		return member
	}
	keys := next(index.Keys)
	f := file{
		origin:   index.Origin,
		keys:     sync.OnceValue(func() keyring { return unpackKeys(keys) }),
		services: make(map[string]func() service, len(index.Services)),
	}
	for _, s := range index.Services {
		member := next(s.Size)
		f.services[s.Name] = sync.OnceValue(func() service { return unpackService(member) })
	}
	return f
}

func unpackService(member []byte) service {
	var raw struct {
		Name      string
		Actions   []Action
		Resources []Resource
	}
	unpack(member, &raw)
	s := service{
		actions:   make(map[string]Action, len(raw.Actions)),
		resources: make(map[string]Resource, len(raw.Resources)),
		formats:   make(map[string][]pattern, len(raw.Resources)),
	}
	for _, a := range raw.Actions {
		a.Service = raw.Name
		s.actions[strings.ToLower(a.Name)] = a
	}
	for _, r := range raw.Resources {
		r.Service = raw.Name
		lower := strings.ToLower(r.Name)
		s.resources[lower] = r
		for _, arn := range r.ARNs {
			s.formats[lower] = append(s.formats[lower], format(arn))
		}
	}
	return s
}

// unpack decodes the gzip member that b starts with into v and returns the
// bytes after it. The data is part of the program, so damage to it is a fault
// of the build, which the tests find, and not an error to hand to a caller.
func unpack(b []byte, v any) (rest []byte) {
	from := bytes.NewReader(b)
	z, err := gzip.NewReader(from)
	if err == nil {
		z.Multistream(false)
		d := json.NewDecoder(z)
		if err = d.Decode(v); err == nil {
			_, err = d.Token() // to the end of the member, where gzip checks its sum
		}
	}
	if !errors.Is(err, io.EOF) {
		panic("catalog: data.json.gz is damaged (run make catalog): " + err.Error())
	}
	return b[len(b)-from.Len():]
}
