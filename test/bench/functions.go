package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"

	"remit/artifact"
	"remit/platform"
	"remit/platform/load"
	"remit/test/lambda"
	"remit/test/lambda/cloud"
)

// functions are the built Lambda functions, by the numbers to hold of each: size in MB of
// its binary for arm64, and ms from the start of its process until it asks for an event.
var functions = []string{"approve", "authorizer", "closing", "entry", "meter", "model", "operate", "reach", "request", "response", "sweep", "watch"}

const (
	holdBinary = 12.0
	holdStart  = 20.0
)

// lambdas are the rows of the deployed functions.
func lambdas(rounds int, dir string) ([]row, error) {
	sizes, err := binaries(dir)
	if err != nil {
		return nil, err
	}
	started, err := starting(rounds, dir)
	return append(sizes, started...), err
}

func binaries(dir string) ([]row, error) {
	var rows []row
	for _, function := range functions {
		size, err := sizeOf(function, dir)
		if err != nil {
			return nil, err
		}
		rows = append(rows, newRow(function+", binary for arm64", "MB", []float64{float64(size) / 1e6}, holdBinary, fmt.Sprintf("%d bytes", size)))
	}
	return rows, nil
}

func starting(rounds int, dir string) ([]row, error) {
	world, err := cloud.New("")
	if err != nil {
		return nil, err
	}
	defer world.Close()
	deployed, err := deploy(world, dir)
	if err != nil {
		return nil, err
	}
	started, err := starts(rounds, deployed)
	if err != nil {
		return nil, err
	}
	var rows []row
	for i, f := range deployed {
		calls := 0
		if calls, err = callsOf(f, world); err != nil {
			return nil, err
		}
		rows = append(rows, newRow(f.Name+", process start to first event asked for", "ms", started[i], holdStart, fmt.Sprintf("calls of a local AWS: %d", calls)))
	}
	return rows, nil
}

func sizeOf(function, dir string) (int64, error) {
	binary := filepath.Join(dir, function+".arm64")
	if err := artifact.Compile("lambdas/"+function+"/bootstrap", binary, "linux", "arm64"); err != nil {
		return 0, err
	}
	info, err := os.Stat(binary)
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// callsOf is how many calls of AWS one start makes.
func callsOf(f *lambda.Function, world *cloud.Cloud) (int, error) {
	defer f.Close()
	before := len(world.Calls())
	_, err := f.Warm(context.Background())
	return len(world.Calls()) - before, err
}

// starts measures the functions in turn, so that whatever else the machine does falls on
// all of them. The first round is not kept.
func starts(rounds int, of []*lambda.Function) ([][]float64, error) {
	kept := make([][]float64, len(of))
	for round := range rounds + 1 {
		for i, f := range of {
			took, err := warm(f)
			if err != nil {
				return nil, err
			}
			if round > 0 {
				kept[i] = append(kept[i], milliseconds(took))
			}
		}
	}
	return kept, nil
}

// warm is the median of some starts.
func warm(f *lambda.Function) (time.Duration, error) {
	defer f.Close()
	took := make([]float64, 5)
	for i := range took {
		one, err := f.Warm(context.Background())
		if err != nil {
			return 0, err
		}
		took[i] = float64(one)
	}
	return time.Duration(median(took)), nil
}

// deploy makes what meridian's dev deploys, as far as functions start without an event.
func deploy(world *cloud.Cloud, dir string) ([]*lambda.Function, error) {
	p, err := load.Dir(meridian, "2026-11-23")
	if err != nil {
		return nil, err
	}
	e, found := p.Environment("dev")
	lanes := p.Lanes(e)
	if !found || len(lanes) == 0 {
		return nil, errors.New(meridian + " declares no environment dev with a lane")
	}
	site, lane := p.Site(e, platform.PlatformAccount), lanes[0]
	world.Put(platform.DoorURL(site), "http://door.example/")
	entrance, err := json.Marshal(p.Entrance(e))
	if err != nil {
		return nil, err
	}
	bundle := p.Bundle(lane)
	text, err := bundle.Canonical()
	if err != nil {
		return nil, err
	}
	tables := map[string]string{"REMIT_LEDGER": site.Ledger(), "REMIT_DIRECTORY": site.Directory(), "REMIT_CALL_KEY": cloud.CallKey}
	door := with(tables, map[string]string{"REMIT_REGISTRY": platform.RegistryPath(site), "REMIT_DELEGATION_KEY": cloud.DelegationKey})
	side := with(tables, map[string]string{"REMIT_ISSUER": "http://door.example", "REMIT_SEAL_KEY": cloud.SealKey})
	own := map[string]string{"REMIT_ISSUER": "http://door.example", "REMIT_TOOL": lane.Tools[0].Name}
	authorizer, err := unpacked(world, dir, "authorizer", nil, own)
	if err != nil {
		return nil, err
	}
	entry, err := unpacked(world, dir, "entry", map[string][]byte{"entrance.json": entrance}, door)
	if err != nil {
		return nil, err
	}
	request, err := unpacked(world, dir, "request", map[string][]byte{"bundle.json": text}, side)
	return []*lambda.Function{authorizer, entry, request}, err
}

func with(a, b map[string]string) map[string]string {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}

func unpacked(world *cloud.Cloud, dir, function string, documents map[string][]byte, environment map[string]string) (*lambda.Function, error) {
	zipped, err := lambda.Build(function, dir)
	if err != nil {
		return nil, err
	}
	task, err := lambda.Unpack(zipped, documents, dir)
	if err != nil {
		return nil, err
	}
	return &lambda.Function{Name: function, Task: task, Environment: with(world.Environment("arn:aws:iam::111111111111:role/"+function), environment), Timeout: time.Minute}, nil
}
