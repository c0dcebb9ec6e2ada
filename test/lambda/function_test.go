package lambda

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

// behaviour is the variable that makes this test binary a function of its own.
const behaviour = "REMIT_BEHAVIOUR"

// behaviours are functions that go wrong in one way each, and some that do not.
var behaviours = map[string]func(){
	"exits":  func() { fmt.Fprintln(os.Stderr, "no such table"); os.Exit(3) },
	"posts":  postInitError,
	"hangs":  func() { sdk.Start(func() error { select {} }) },
	"leaves": func() { sdk.Start(func() error { os.Exit(4); return nil }) },
	"fails":  func() { sdk.Start(func() error { return errors.New("no such order") }) },
	"panics": func() { sdk.Start(func() error { panic("a bug") }) },
	"cuts": func() {
		sdk.Start(func() (io.Reader, error) {
			return io.MultiReader(strings.NewReader("the first half"), failing{errors.New("the rest is lost")}), nil
		})
	},
	"environment": func() { sdk.Start(func() ([]string, error) { return os.Environ(), nil }) },
	"context":     func() { sdk.Start(contextOf) },
	"waits":       func() { sdk.Start(wait) },
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func postInitError() {
	url := "http://" + os.Getenv("AWS_LAMBDA_RUNTIME_API") + api + "init/error"
	response, err := http.Post(url, "application/json", strings.NewReader(`{"errorType":"Runtime.NoKeys","errorMessage":"no key answers"}`))
	if err != nil || response.StatusCode != http.StatusAccepted {
		os.Exit(5)
	}
	os.Exit(1)
}

func contextOf(ctx context.Context) (map[string]any, error) {
	c, _ := lambdacontext.FromContext(ctx)
	deadline, set := ctx.Deadline()
	return map[string]any{"custom": c.ClientContext.Custom["tool"], "arn": c.InvokedFunctionArn, "late": !set || time.Until(deadline) > time.Hour}, nil
}

// wait asks the address in its event, which answers when the test wants it to.
func wait(address string) (string, error) {
	response, err := http.Get(address)
	if err != nil {
		return "", err
	}
	return response.Status, response.Body.Close()
}

func behaving(t *testing.T, how string, timeout time.Duration) *Function {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	task := t.TempDir()
	if err := os.Symlink(self, filepath.Join(task, "bootstrap")); err != nil {
		t.Fatal(err)
	}
	f := &Function{Name: how, Task: task, Environment: map[string]string{behaviour: how}, Timeout: timeout}
	t.Cleanup(f.Close)
	return f
}

func TestAFunctionThatEndsBeforeItAsksForAnEventDidNotStart(t *testing.T) {
	for how, says := range map[string]string{"exits": "no such table", "posts": "no key answers"} {
		_, err := behaving(t, how, time.Minute).Call(context.Background(), Event{})
		var failed *InitError
		if !errors.As(err, &failed) || !strings.Contains(failed.Said, says) {
			t.Errorf("%s: %v", how, err)
		}
	}
}

func TestAFunctionThatDoesNotAnswerInTimeIsEnded(t *testing.T) {
	f := behaving(t, "hangs", 50*time.Millisecond)
	var ended *Ended
	if _, err := f.Call(context.Background(), Event{Payload: []byte(`{}`)}); !errors.As(err, &ended) || !strings.Contains(ended.Why, "timed out") {
		t.Errorf("a late answer would pass for one in time: %v", err)
	}
}

func TestAFunctionThatLeavesWhileItServesAnswersNothing(t *testing.T) {
	var ended *Ended
	if _, err := behaving(t, "leaves", time.Minute).Call(context.Background(), Event{Payload: []byte(`{}`)}); !errors.As(err, &ended) || !strings.Contains(ended.Why, "exit status 4") {
		t.Errorf("what it left unsaid passes for an answer: %v", err)
	}
}

func TestAnErrorIsTheFunctionsOwn(t *testing.T) {
	for how, says := range map[string]string{"fails": "no such order", "panics": "a bug"} {
		var failure *FunctionError
		if _, err := behaving(t, how, time.Minute).Call(context.Background(), Event{Payload: []byte(`{}`)}); !errors.As(err, &failure) || !strings.Contains(failure.Message, says) {
			t.Errorf("%s: %v", how, err)
		}
	}
}

func TestAHalfAnswerDoesNotPassForAWholeOne(t *testing.T) {
	text, err := behaving(t, "cuts", time.Minute).Call(context.Background(), Event{Payload: []byte(`{}`)})
	var failure *FunctionError
	if string(text) != "the first half" || !errors.As(err, &failure) || !strings.Contains(failure.Message, "the rest is lost") {
		t.Errorf("%q, %v", text, err)
	}
}

func TestNothingOfThisProcessesEnvironmentGetsIn(t *testing.T) {
	t.Setenv("REMIT_ISSUER", "https://somebody.example")
	text, err := behaving(t, "environment", time.Minute).Call(context.Background(), Event{Payload: []byte(`{}`)})
	if err != nil || strings.Contains(string(text), "somebody") || !strings.Contains(string(text), "LAMBDA_TASK_ROOT=") {
		t.Errorf("a variable that is not deployed is there, or Lambda's are not: %s, %v", text, err)
	}
}

func TestAnEventComesWithItsContextAndDeadline(t *testing.T) {
	text, err := behaving(t, "context", time.Minute).Call(context.Background(), Event{Payload: []byte(`{}`), ClientContext: []byte(`{"custom":{"tool":"t"}}`)})
	if want := `{"arn":"arn:aws:lambda:us-east-1:111111111111:function:context:live","custom":"t","late":false}`; err != nil || string(text) != want {
		t.Errorf("it sees %s, %v, want %s", text, err, want)
	}
}

func TestASandboxServesOneEventAtATimeAndThenAnother(t *testing.T) {
	f := behaving(t, "waits", time.Minute)
	arrived, let := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-let
	}))
	defer server.Close()
	done := make(chan error)
	for range 2 {
		go func() {
			_, err := f.Call(context.Background(), Event{Payload: []byte(`"` + server.URL + `"`)})
			done <- err
		}()
	}
	<-arrived
	<-arrived // both at once, so they are in two
	if got := f.Sandboxes(); got != 2 {
		t.Errorf("two events at once are in %d sandboxes", got)
	}
	close(let)
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
