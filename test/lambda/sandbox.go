package lambda

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// sandbox is one process of a function and the Runtime API that only this process sees.
type sandbox struct {
	function *Function
	number   int
	process  *exec.Cmd
	server   *http.Server
	said     said
	started  time.Time
	ready    time.Time     // when it first asked for an event; set before asked is closed
	asked    chan struct{} // closed when it first asks for an event
	once     sync.Once
	died     chan struct{} // closed when the process has ended
	events   chan *invocation

	mu      sync.Mutex
	current *invocation
	served  int
	failed  *InitError // what it posted to init/error
}

// invocation is one event on its way, and where its answer goes.
type invocation struct {
	id       string
	event    Event
	deadline time.Time
	answer   chan result // of one
}

type result struct {
	Answer
	err error
}

// InitError says that a function ended before it asked for an event.
type InitError struct{ Function, Type, Said string }

// Error says what the process wrote, which Lambda would put into its log.
func (e *InitError) Error() string {
	return fmt.Sprintf("%s did not start: %s: %s", e.Function, e.Type, e.Said)
}

// FunctionError is what a function posted as its error.
type FunctionError struct {
	Message string `json:"errorMessage"`
	Type    string `json:"errorType"`
}

// Error is the function's own text.
func (e *FunctionError) Error() string { return e.Type + ": " + e.Message }

// Ended says that a process ended while it served.
type Ended struct{ Function, Why string }

// Error says why.
func (e *Ended) Error() string { return e.Function + " ended while it served: " + e.Why }

const api = "/2018-06-01/runtime/"

func newSandbox(f *Function, number int) *sandbox {
	return &sandbox{function: f, number: number, asked: make(chan struct{}), died: make(chan struct{}), events: make(chan *invocation, 1)}
}

// start runs bootstrap and waits until it asks for an event.
func (s *sandbox) start(ctx context.Context) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.server = &http.Server{Handler: s.routes(), ReadHeaderTimeout: time.Minute}
	go func() { _ = s.server.Serve(listener) }() // it ends when it is closed
	s.process = exec.Command(filepath.Join(s.function.Task, "bootstrap"))
	s.process.Dir, s.process.Env = s.function.Task, s.environment(listener.Addr().String())
	s.said.to = s.function.Log
	s.process.Stdout, s.process.Stderr = &s.said, &s.said
	s.started = time.Now()
	if err := s.process.Start(); err != nil {
		close(s.died)
		return err
	}
	go func() {
		_ = s.process.Wait() // how it ended is in ProcessState
		close(s.died)
	}()
	select {
	case <-s.asked:
		return nil
	case <-s.died:
		return s.didNotStart()
	case <-ctx.Done():
		s.close()
		return s.didNotStart()
	}
}

// environment is what Lambda defines (Lambda developer guide, configuration-envvars) and
// what the function declares. Nothing of this process gets in.
func (s *sandbox) environment(runtimeAPI string) []string {
	out := []string{
		"PATH=/usr/local/bin:/usr/bin:/bin", "LANG=en_US.UTF-8", "TZ=:UTC", "_HANDLER=bootstrap", "AWS_EXECUTION_ENV=AWS_Lambda_provided.al2023",
		"AWS_LAMBDA_RUNTIME_API=" + runtimeAPI, "LAMBDA_TASK_ROOT=" + s.function.Task, "LAMBDA_RUNTIME_DIR=" + s.function.Task,
		"AWS_LAMBDA_FUNCTION_NAME=" + s.function.Name, "AWS_LAMBDA_FUNCTION_VERSION=1", "AWS_LAMBDA_INITIALIZATION_TYPE=on-demand",
	}
	for name, value := range s.function.Environment {
		out = append(out, name+"="+value)
	}
	return out
}

func (s *sandbox) didNotStart() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failed != nil {
		return s.failed
	}
	<-s.died
	return &InitError{s.function.Name, "Runtime.ExitError", s.process.ProcessState.String() + ": " + s.said.text()}
}

func (s *sandbox) alive() bool {
	select {
	case <-s.died:
		return false
	default:
		return true
	}
}

func (s *sandbox) close() {
	if s.process != nil && s.process.Process != nil {
		_ = s.process.Process.Kill() // it may have ended
		<-s.died
	}
	if s.server != nil {
		_ = s.server.Close()
	}
}

func (s *sandbox) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+api+"invocation/next", s.next)
	mux.HandleFunc("POST "+api+"invocation/{id}/response", s.response)
	mux.HandleFunc("POST "+api+"invocation/{id}/error", s.error)
	mux.HandleFunc("POST "+api+"init/error", s.initError)
	return mux
}

// serve hands an event over and waits for the beginning of the answer. At the deadline the
// process is killed, as Lambda does it, and whoever still reads is told.
func (s *sandbox) serve(ctx context.Context, timeout time.Duration, e Event) (Answer, error) {
	i := s.invocation(timeout, e)
	limited, cancel := context.WithDeadline(ctx, i.deadline)
	stop := context.AfterFunc(limited, func() { _ = s.process.Process.Kill() })
	end := func() { stop(); cancel() }
	s.events <- i
	select {
	case r := <-i.answer:
		if r.err != nil {
			end()
			return Answer{}, r.err
		}
		r.Body = &ending{r.Body, end}
		return r.Answer, nil
	case <-s.died:
		defer end()
		return Answer{}, s.ended(limited, timeout, i)
	}
}

// ended is why there is no answer: the last word of the process, if it had one.
func (s *sandbox) ended(limited context.Context, timeout time.Duration, i *invocation) error {
	select {
	case r := <-i.answer:
		if r.err != nil {
			return r.err
		}
	default:
	}
	if limited.Err() != nil {
		return &Ended{s.function.Name, fmt.Sprintf("timed out after %v", timeout)}
	}
	return &Ended{s.function.Name, s.process.ProcessState.String() + ": " + s.said.text()}
}

func (s *sandbox) invocation(timeout time.Duration, e Event) *invocation {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.served++
	return &invocation{id: fmt.Sprintf("%08d-0000-4000-8000-%012d", s.number, s.served), event: e, deadline: time.Now().Add(timeout), answer: make(chan result, 1)}
}

// ending calls off the deadline once an answer has been read to its end.
type ending struct {
	io.ReadCloser
	end func()
}

// Read reads, and notices the end.
func (e *ending) Read(p []byte) (int, error) {
	n, err := e.ReadCloser.Read(p)
	if err != nil {
		e.end()
	}
	return n, err
}

// Close stops reading. The function goes on to its end, as in Lambda.
func (e *ending) Close() error {
	e.end()
	return e.ReadCloser.Close()
}

func (s *sandbox) next(w http.ResponseWriter, r *http.Request) {
	s.once.Do(func() {
		s.ready = time.Now()
		defer close(s.asked)
		s.function.push(s)
	})
	if s.turn(nil) {
		s.function.push(s)
	}
	select {
	case i := <-s.events:
		s.turn(i)
		deliver(w, s.function.Name, i)
	case <-r.Context().Done():
	}
}

// turn makes another invocation the current one, and reports whether there was one before.
func (s *sandbox) turn(i *invocation) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.current != nil
	s.current = i
	return was
}

func deliver(w http.ResponseWriter, function string, i *invocation) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Lambda-Runtime-Aws-Request-Id", i.id)
	h.Set("Lambda-Runtime-Deadline-Ms", strconv.FormatInt(i.deadline.UnixMilli(), 10))
	h.Set("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:111111111111:function:"+function+":live")
	h.Set("Lambda-Runtime-Trace-Id", "Root=1-00000000-000000000000000000000000;Sampled=0")
	if len(i.event.ClientContext) > 0 {
		h.Set("Lambda-Runtime-Client-Context", string(i.event.ClientContext))
	}
	_, _ = w.Write(i.event.Payload) // a process that has gone is noticed elsewhere
}

// answering is the current invocation, if the process speaks of it.
func (s *sandbox) answering(w http.ResponseWriter, r *http.Request) *invocation {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current == nil || s.current.id != r.PathValue("id") {
		http.Error(w, `{"errorType":"InvalidRequestID"}`, http.StatusBadRequest)
		return nil
	}
	return s.current
}

// response passes the answer on as it is posted. An error after its beginning is in the
// trailers (Lambda developer guide, runtimes-custom, "Implementing response streaming").
func (s *sandbox) response(w http.ResponseWriter, r *http.Request) {
	i := s.answering(w, r)
	if i == nil {
		return
	}
	read, write := io.Pipe()
	i.answer <- result{Answer: Answer{r.Header.Get("Content-Type"), read}}
	_, err := io.Copy(write, r.Body)
	if errors.Is(err, io.ErrClosedPipe) { // whoever asked has gone, and the function goes on
		_, err = io.Copy(io.Discard, r.Body)
	}
	if kind := r.Trailer.Get("Lambda-Runtime-Function-Error-Type"); kind != "" && err == nil {
		err = trailing(kind, r.Trailer.Get("Lambda-Runtime-Function-Error-Body"))
	}
	if err == nil {
		w.WriteHeader(http.StatusAccepted)
	}
	_ = write.CloseWithError(err) // it never fails
}

func trailing(kind, body string) error {
	failure := &FunctionError{Type: kind}
	if text, err := base64.StdEncoding.DecodeString(body); err == nil {
		_ = json.Unmarshal(text, failure) // the type is known without it
	}
	return failure
}

func (s *sandbox) error(w http.ResponseWriter, r *http.Request) {
	i := s.answering(w, r)
	if i == nil {
		return
	}
	failure := &FunctionError{}
	if err := json.NewDecoder(r.Body).Decode(failure); err != nil {
		failure.Type, failure.Message = "unreadable", err.Error()
	}
	w.WriteHeader(http.StatusAccepted)
	i.answer <- result{err: failure}
}

func (s *sandbox) initError(w http.ResponseWriter, r *http.Request) {
	var failure FunctionError
	_ = json.NewDecoder(r.Body).Decode(&failure) // what cannot be read is an error without a text
	s.mu.Lock()
	s.failed = &InitError{s.function.Name, failure.Type, failure.Message}
	s.mu.Unlock()
	w.WriteHeader(http.StatusAccepted)
}

// said keeps the end of what a process wrote.
type said struct {
	mu   sync.Mutex
	kept bytes.Buffer
	to   io.Writer
}

// mostSaid bounds it, in bytes: a panic with its stack.
const mostSaid = 64 << 10

// Write keeps, and passes on.
func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept.Write(p)
	if over := s.kept.Len() - mostSaid; over > 0 {
		s.kept.Next(over)
	}
	if s.to != nil {
		return s.to.Write(p)
	}
	return len(p), nil
}

func (s *said) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.TrimSpace(s.kept.String())
}
