package ledgertest

import (
	"testing"

	"github.com/anishathalye/porcupine"
)

func TestAHistoryThatOverspendsOrLiesFitsNoOrder(t *testing.T) {
	both := []porcupine.Operation{
		{ClientId: 0, Input: spending{take: 3}, Output: spending{admitted: true}, Call: 1, Return: 4},
		{ClientId: 1, Input: spending{take: 3}, Output: spending{admitted: true}, Call: 2, Return: 3},
	}
	lie := []porcupine.Operation{{Input: spending{take: 9}, Output: spending{left: 4}, Call: 1, Return: 2}}
	for name, h := range map[string][]porcupine.Operation{"two calls of 3 under a cap of 5": both, "a refusal that tells 4 are left of 5": lie} {
		if porcupine.CheckOperations(oneLimit(5), h) {
			t.Errorf("%s: was accepted", name)
		}
	}
}
