// Package environ is what a Lambda's main reads before it serves: its environment
// variables and the documents in its zip. It knows no AWS service. Start with [Must].
//
// A function that cannot read its own settings must not start: Lambda then answers every
// invocation with an error, and for AgentCore an interceptor that fails is a denial.
package environ

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"remit/policy"
	"remit/terms"
)

// Must answers an environment variable, and panics without it.
func Must(name string) string {
	value := os.Getenv(name)
	if value == "" {
		panic(fmt.Sprintf("the function's environment lacks %s; it is set where the function is declared", name))
	}
	return value
}

// Or stops the start of a function that cannot get ready.
func Or[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// Document reads a document that was packed into the function's zip.
func Document(name string) ([]byte, error) {
	file, err := os.Open(os.Getenv("LAMBDA_TASK_ROOT") + "/" + name)
	if err != nil {
		return nil, fmt.Errorf("the function's zip lacks %s: %w", name, err)
	}
	defer func() { _ = file.Close() }() // it was only read
	return io.ReadAll(io.LimitReader(file, policy.MaxBundle+1))
}

// Bundle reads the lane's bundle and its digest, which is the deployed version.
func Bundle() (*policy.Bundle, terms.Digest, error) {
	text, err := Document("bundle.json")
	if err != nil {
		return nil, "", err
	}
	bundle, err := policy.Load(text)
	return bundle, policy.DigestOf(text), err
}

// Entrance reads what the environment's doors decide by.
func Entrance() (policy.Entrance, error) {
	text, err := Document("entrance.json")
	if err != nil {
		return policy.Entrance{}, err
	}
	return policy.LoadEntrance(text)
}

// Note writes one line for operators: the reference that a caller was given, and why. No
// token, argument or reply is ever part of it.
func Note(reference, why string) {
	slog.New(slog.NewJSONHandler(os.Stderr, nil)).Warn("refused", "reference", reference, "why", why)
}
