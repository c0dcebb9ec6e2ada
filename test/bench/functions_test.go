package main

import "testing"

func TestTheDeployedFunctionsAreMeasured(t *testing.T) {
	t.Chdir("../..") // functions are built at the root of the checkout
	rows, err := lambdas(1, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != len(functions)+3 {
		t.Errorf("something is left out: %d rows", len(rows))
	}
	t.Log("\n" + table(rows))
}
