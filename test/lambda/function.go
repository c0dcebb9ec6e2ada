// Package lambda runs the deployed functions where there is no AWS: it unpacks the zip that
// a deployment would upload, starts its bootstrap with nothing but the environment that
// Lambda gives, and serves the Runtime API to it (Lambda developer guide, runtimes-api). It
// knows no function of ours, and nothing of what stands behind one. Start with [Function];
// a function URL is [Function.ServeHTTP].
//
// As in Lambda a sandbox serves one invocation at a time; while it is busy, another starts.
// What Lambda does besides, memory, throttling, a frozen process, is not here.
package lambda

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"remit/artifact"
)

// Function is one deployed function. Task and Timeout are required; Timeout is the
// function's own. Whoever uses one ends it with [Function.Close].
type Function struct {
	Name        string
	Task        string            // the directory that its zip was unpacked into
	Environment map[string]string // all there is, besides what Lambda itself sets
	Timeout     time.Duration
	Log         io.Writer // gets what the function writes to standard output and error; nil drops it

	mu   sync.Mutex
	idle []*sandbox
	all  []*sandbox
	last int // the newest sandbox's number
}

// Build compiles and zips a function of this checkout, whose root is the working directory,
// as a deployment does but for the machine it is on. It answers the zip.
func Build(function, into string) (zipped string, err error) {
	binary, zipped := filepath.Join(into, function), artifact.Built(into, function)
	if err := artifact.Compile("lambdas/"+function+"/bootstrap", binary, runtime.GOOS, runtime.GOARCH); err != nil {
		return "", err
	}
	_, err = artifact.Binary(binary, zipped)
	return zipped, err
}

// Unpack packs a built function with its documents, as a deployment does, and unpacks the
// zip below a directory. It answers the task root.
func Unpack(zipped string, documents map[string][]byte, below string) (task string, err error) {
	digest, err := artifact.Pack(zipped, documents, below)
	if err != nil {
		return "", err
	}
	task = filepath.Join(below, digest)
	return task, unzip(filepath.Join(below, artifact.Name(digest)), task)
}

func unzip(zipped, into string) error {
	archive, err := zip.OpenReader(zipped)
	if err != nil {
		return err
	}
	defer func() { _ = archive.Close() }() // it was only read
	if err := os.MkdirAll(into, 0o755); err != nil {
		return err
	}
	for _, file := range archive.File {
		if err := extract(file, filepath.Join(into, filepath.Base(file.Name))); err != nil {
			return fmt.Errorf("unpack %s: %w", file.Name, err)
		}
	}
	return nil
}

func extract(file *zip.File, to string) error {
	in, err := file.Open()
	if err != nil {
		return err
	}
	defer func() { _ = in.Close() }() // it was only read
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, file.Mode())
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in) //nolint:gosec // G110: the zip is our own build
	if closed := out.Close(); err == nil {
		err = closed
	}
	return err
}

// Event is one invocation. ClientContext is JSON, empty for none.
type Event struct {
	Payload       []byte
	ClientContext []byte
}

// Answer is what a function answers, as it comes. Reading Body fails when the function
// fails or times out after it began. Whoever gets an Answer closes Body.
type Answer struct {
	ContentType string
	Body        io.ReadCloser
}

// Invoke has an idle sandbox serve an event, or a new one. It fails with [*InitError] when
// the function does not start, with [*FunctionError] when it answers an error, and with
// [*Ended] when it exits or runs out of time.
func (f *Function) Invoke(ctx context.Context, e Event) (Answer, error) {
	s, err := f.sandbox(ctx)
	if err != nil {
		return Answer{}, err
	}
	return s.serve(ctx, f.Timeout, e)
}

// Call is [Function.Invoke] for a function whose answer is read whole.
func (f *Function) Call(ctx context.Context, e Event) ([]byte, error) {
	answer, err := f.Invoke(ctx, e)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }() // it was only read
	return io.ReadAll(answer.Body)
}

// Warm starts a sandbox and waits until it asks for its first event. It answers how long
// that took, from the start of the process.
func (f *Function) Warm(ctx context.Context) (time.Duration, error) {
	s, err := f.start(ctx)
	if err != nil {
		return 0, err
	}
	return s.ready.Sub(s.started), nil
}

// sandbox is an idle one that still runs, or a new one.
func (f *Function) sandbox(ctx context.Context) (*sandbox, error) {
	for {
		s := f.pop()
		if s == nil {
			break
		}
		if s.alive() {
			return s, nil
		}
	}
	if _, err := f.start(ctx); err != nil {
		return nil, err
	}
	return f.sandbox(ctx)
}

func (f *Function) pop() *sandbox {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.idle) == 0 {
		return nil
	}
	s := f.idle[len(f.idle)-1]
	f.idle = f.idle[:len(f.idle)-1]
	return s
}

func (f *Function) push(s *sandbox) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.idle = append(f.idle, s)
}

func (f *Function) start(ctx context.Context) (*sandbox, error) {
	f.mu.Lock()
	f.last++
	s := newSandbox(f, f.last)
	f.all = append(f.all, s)
	f.mu.Unlock()
	return s, s.start(ctx)
}

// Sandboxes is how many were started so far.
func (f *Function) Sandboxes() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.all)
}

// Close ends all sandboxes, as Lambda does at last: without asking.
func (f *Function) Close() {
	f.mu.Lock()
	all := slices.Clone(f.all)
	f.mu.Unlock()
	for _, s := range all {
		s.close()
	}
}
