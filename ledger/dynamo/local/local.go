// Package local is DynamoDB Local as a process, for tests and benchmarks: AWS's own
// DynamoDB API on loopback, which tools/dynamodb installs. Start with [Start].
package local

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

// Dir is where tools/dynamodb puts it, in the checkout.
const Dir = ".tools/dynamodb/emulator"

// patience is how long a Java process may take to answer.
const patience = time.Minute

// Start starts one on a free port, in memory, one database for every access key, and waits
// until it answers. It fails when it is not installed below root, or does not answer. Stop
// ends it; it may be called whether it runs or not.
func Start(root string) (url string, stop func(), err error) {
	nothing := func() {}
	dir, err := filepath.Abs(filepath.Join(root, Dir))
	if err != nil {
		return "", nothing, err
	}
	if _, err := os.Stat(filepath.Join(dir, "DynamoDBLocal.jar")); err != nil {
		return "", nothing, err
	}
	port, err := free()
	if err != nil {
		return "", nothing, err
	}
	java := exec.Command("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Djava.library.path=./DynamoDBLocal_lib", "-jar", "DynamoDBLocal.jar",
		"-port", fmt.Sprint(port), "-inMemory", "-sharedDb", "-disableTelemetry")
	var said bytes.Buffer
	java.Dir, java.Stdout, java.Stderr = dir, &said, &said
	if err := java.Start(); err != nil {
		return "", nothing, err
	}
	stop = func() { _ = java.Process.Kill(); _ = java.Wait() } // it has nothing to save
	url = fmt.Sprintf("http://127.0.0.1:%d", port)
	if !answers(url) {
		stop()
		return "", nothing, fmt.Errorf("it did not answer within %v: %s", patience, said.String())
	}
	return url, stop, nil
}

func free() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

func answers(url string) bool {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	for ctx.Err() == nil {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return false
		}
		if response, err := http.DefaultClient.Do(request); err == nil {
			_ = response.Body.Close() // nothing in it is read
			return true
		}
		time.Sleep(50 * time.Millisecond) // between two looks at a port
	}
	return false
}

// Client calls one with made-up credentials, which it does not check.
func Client(url string) *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{Region: "us-east-1", BaseEndpoint: aws.String(url), Credentials: credentials.NewStaticCredentialsProvider("test", "test", "")})
}
