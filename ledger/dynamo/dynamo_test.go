package dynamo

import (
	"context"
	"fmt"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"remit/ledger"
	"remit/ledger/dynamo/local"
	"remit/ledger/ledgertest"
	"remit/test/absent"
)

// endpoint is a running DynamoDB Local, or "" with the reason why there is none.
var (
	endpoint string
	lacking  error
)

func TestMain(m *testing.M) {
	if os.Getenv(clientEnv) != "" {
		beClient()
		return
	}
	os.Exit(func() int {
		url, stop, err := local.Start("../..")
		if err != nil {
			fmt.Fprintf(os.Stderr, "\nDYNAMODB LOCAL DID NOT RUN: %v\n  So the ledger was not tried over the DynamoDB API. Run tools/dynamodb; it needs Java 17 and npm.\n\n", err)
			if os.Getenv("REMIT_CONFORMANCE") == "1" {
				return 1
			}
			lacking = err
			return m.Run()
		}
		defer stop()
		endpoint = url
		fmt.Fprintln(os.Stderr, "DynamoDB Local runs:", url)
		return m.Run()
	}())
}

var tables atomic.Int64

// tried is a store over tables of its own. Its patience is long: what is tested is what
// DynamoDB answers, and one laptop serves all of it.
func tried(t *testing.T) *Store {
	t.Helper()
	if endpoint == "" {
		absent.Skip(t, "nothing was tried over the DynamoDB API", lacking)
	}
	c := local.Client(endpoint)
	prefix := fmt.Sprintf("t%d-%d-", os.Getpid(), tables.Add(1))
	s := &Store{Client: c, Tables: map[string]string{ledger.LedgerTable: prefix + "ledger", ledger.DirectoryTable: prefix + "directory"}, Patience: time.Minute, TryTime: time.Minute}
	for _, in := range []*dynamodb.CreateTableInput{Table(s.Tables[ledger.LedgerTable]), Directory(s.Tables[ledger.DirectoryTable])} {
		if _, err := c.CreateTable(context.Background(), in); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() {
		for _, name := range s.Tables {
			_, _ = c.DeleteTable(context.Background(), &dynamodb.DeleteTableInput{TableName: aws.String(name)})
		}
	})
	return s
}

func TestDynamoDBLocal(t *testing.T) {
	ledgertest.Run(t, func(t *testing.T) ledger.Store { return tried(t) })
}
