package identity

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestTheZeroVerifierTrustsNoToken(t *testing.T) {
	claims, err := (&Verifier{}).Verify(context.Background(), "eyJhbGciOiJub25lIn0.e30.", "a", time.Unix(0, 0))
	if !errors.Is(err, ErrUntrusted) || claims.User.ID != "" || !claims.Lane.IsZero() {
		t.Errorf("got %v, %v", claims, err)
	}
}
