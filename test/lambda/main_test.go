package lambda

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// What all tests share: the built functions, and a running DynamoDB Local, "" without one.
var (
	built    string
	dynamodb string
	absent   error // why there is none
)

const emulator = ".tools/dynamodb/emulator"

func TestMain(m *testing.M) {
	if how := behaviours[os.Getenv(behaviour)]; how != nil {
		how()
		return
	}
	os.Exit(func() int {
		if err := os.Chdir("../.."); err != nil { // functions are built at the root of the checkout
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		stop, err := startDynamoDB()
		if err != nil {
			absent = err
		}
		defer stop()
		if built, err = os.MkdirTemp("", "remit-lambda-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(built)
		for _, function := range []string{"entry", "approve", "request", "response", "reach", "authorizer", "sweep", "closing"} {
			if _, err := Build(function, built); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		}
		return m.Run()
	}())
}

// startDynamoDB starts DynamoDB Local on a free port, one database for every access key, and
// waits until it answers. Stop may be called whether it runs or not.
func startDynamoDB() (stop func(), err error) {
	stop = func() {}
	dir, err := filepath.Abs(emulator)
	if err != nil {
		return stop, err
	}
	if _, err := os.Stat(filepath.Join(dir, "DynamoDBLocal.jar")); err != nil {
		return stop, err
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return stop, err
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	java := exec.Command("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Djava.library.path=./DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar",
		"-port", fmt.Sprint(port), "-inMemory", "-sharedDb", "-disableTelemetry")
	var said bytes.Buffer
	java.Dir, java.Stdout, java.Stderr = dir, &said, &said
	if err := java.Start(); err != nil {
		return stop, err
	}
	stop = func() { _ = java.Process.Kill(); _ = java.Wait() }
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) { // polling a port
		if r, err := http.Get(url); err == nil {
			r.Body.Close()
			dynamodb = url
			return stop, nil
		}
	}
	stop()
	return func() {}, errors.New("it did not answer within a minute: " + said.String())
}

// inputs has the go command note what the functions are built of, which it cannot know: it
// would answer from its cache after a function has changed, or DynamoDB Local has come.
// Names are whole, because it does not know of TestMain's change of directory either.
var inputs = sync.OnceValue(func() error {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	_, _ = os.Stat(filepath.Join(root, emulator)) // whether it is there is all that matters
	for _, dir := range []string{"artifact", "audit", "constructs", "environments", "identity", "lambdas", "ledger", "policy", "terms"} {
		if err := filepath.WalkDir(filepath.Join(root, dir), func(string, fs.DirEntry, error) error { return nil }); err != nil {
			return err
		}
	}
	_, err = os.Stat(filepath.Join(root, "go.mod"))
	return err
})

func TestTheLedgerOfTheseTestsIsDynamoDBLocal(t *testing.T) {
	if err := inputs(); err != nil {
		t.Fatal(err)
	}
	says := fmt.Sprintf("DYNAMODB LOCAL DID NOT RUN: %v\n  So no built function was tried on a call that is allowed. Run tools/dynamodb; it needs Java 17 and npm.", absent)
	switch {
	case dynamodb != "":
	case os.Getenv("REMIT_CONFORMANCE") == "1":
		t.Fatal(says)
	default:
		t.Skip(says)
	}
}
