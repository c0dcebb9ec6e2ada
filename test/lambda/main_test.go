package lambda

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"remit/ledger/dynamo/local"
	"remit/test/absent"
)

// What all tests share: the built functions, and a running DynamoDB Local, "" without one.
var (
	built    string
	dynamodb string
	lacking  error // why there is none
)

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
		url, stop, err := local.Start(".")
		if err != nil {
			lacking = err
		}
		defer stop()
		dynamodb = url
		if built, err = os.MkdirTemp("", "remit-lambda-"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(built)
		for _, function := range []string{"entry", "approve", "request", "response", "reach", "authorizer", "sweep", "closing", "meter", "operate", "model", "watch", "gate", "hook"} {
			if _, err := Build(function, built); err != nil {
				fmt.Fprintln(os.Stderr, err)
				return 1
			}
		}
		return m.Run()
	}())
}

// inputs has the go command note what the functions are built of, which it cannot know: it
// would answer from its cache after a function has changed, or DynamoDB Local has come.
// Names are whole, because it does not know of TestMain's change of directory either.
var inputs = sync.OnceValue(func() error {
	root, err := os.Getwd()
	if err != nil {
		return err
	}
	_, _ = os.Stat(filepath.Join(root, local.Dir)) // whether it is there is all that matters
	for _, dir := range []string{"artifact", "attest", "audit", "constructs", "environments", "identity", "lambdas", "ledger", "policy", "shelf", "terms"} {
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
	if dynamodb == "" {
		absent.Skip(t, "no built function was tried on a call that is allowed", fmt.Sprintf("DynamoDB Local: %v; run tools/dynamodb, which needs Java 17 and npm", lacking))
	}
}
