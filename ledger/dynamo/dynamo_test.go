package dynamo

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"remit/ledger"
	"remit/ledger/ledgertest"
)

// endpoint is a running DynamoDB Local, or "" with the reason why there is none.
var (
	endpoint string
	absent   error
)

func TestMain(m *testing.M) {
	if os.Getenv(clientEnv) != "" {
		beClient()
		return
	}
	os.Exit(func() int {
		stop, err := startLocal()
		if err != nil {
			fmt.Fprintf(os.Stderr, "\nDYNAMODB LOCAL DID NOT RUN: %v\n  So the ledger was not tried over the DynamoDB API. Run tools/dynamodb; it needs Java 17 and npm.\n\n", err)
			if os.Getenv("REMIT_CONFORMANCE") == "1" {
				return 1
			}
			absent = err
			return m.Run()
		}
		defer stop()
		return m.Run()
	}())
}

// startLocal starts DynamoDB Local on a free port and waits until it answers.
func startLocal() (stop func(), err error) {
	dir, err := filepath.Abs("../../.tools/dynamodb/emulator")
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, "DynamoDBLocal.jar")); err != nil {
		return nil, err
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	port := free.Addr().(*net.TCPAddr).Port
	free.Close()
	java := exec.Command("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Djava.library.path=./DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar",
		"-port", fmt.Sprint(port), "-inMemory", "-disableTelemetry")
	var said bytes.Buffer
	java.Dir, java.Stdout, java.Stderr = dir, &said, &said
	if err := java.Start(); err != nil {
		return nil, err
	}
	stop = func() { _ = java.Process.Kill(); _ = java.Wait() }
	url := fmt.Sprintf("http://127.0.0.1:%d", port)
	for deadline := time.Now().Add(60 * time.Second); ; {
		if r, err := http.Get(url); err == nil {
			r.Body.Close()
			break
		}
		if time.Now().After(deadline) {
			stop()
			return nil, fmt.Errorf("it did not answer within a minute: %s", said.String())
		}
		time.Sleep(50 * time.Millisecond) // polling a port, not a synchronisation between parts under test
	}
	endpoint = url
	fmt.Fprintln(os.Stderr, "DynamoDB Local runs:", url)
	return stop, nil
}

func client(at string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: aws.String(at), Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
}

var tables atomic.Int64

// local is a store over tables of its own. Its patience is long: what is tested is what
// DynamoDB answers, and one laptop serves all of it.
func local(t *testing.T) *Store {
	t.Helper()
	if endpoint == "" {
		t.Skipf("DYNAMODB LOCAL DID NOT RUN: %v; nothing was tried over the DynamoDB API", absent)
	}
	c := client(endpoint)
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
	ledgertest.Run(t, func(t *testing.T) ledger.Store { return local(t) })
}
