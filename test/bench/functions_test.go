package main

import (
	"os"
	"testing"
)

func TestTheDeployedFunctionsAreMeasured(t *testing.T) {
	if err := os.Chdir("../.."); err != nil { // functions are built at the root of the checkout
		t.Fatal(err)
	}
	defer os.Chdir("test/bench")
	rows, err := lambdas(1, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(functions)+3 {
		t.Errorf("something is left out: %d rows", len(rows))
	}
	t.Log("\n" + table(rows))
}
