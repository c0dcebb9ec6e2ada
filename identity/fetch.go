package identity

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Fetch gets a small public document. It is the only way from here to the network.
type Fetch func(ctx context.Context, url string) ([]byte, error)

// OverHTTP fetches with a client, reads no more than a key set may have, and follows no
// redirect: an issuer's keys are where the policy says. The policy says https or http.
func OverHTTP(client *http.Client) Fetch {
	direct := *client
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return func(ctx context.Context, url string) (body []byte, err error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return nil, err
		}
		response, err := direct.Do(request)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, response.Body.Close()) }()
		if response.StatusCode != http.StatusOK {
			return nil, fmt.Errorf("%s answered %s", url, response.Status)
		}
		return io.ReadAll(io.LimitReader(response.Body, maxKeySet+1))
	}
}
