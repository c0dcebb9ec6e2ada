package model

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"remit/terms"
)

// OverHTTP is the front door at its address.
type OverHTTP struct {
	URL    string // without a slash at its end
	Client *http.Client
}

// End has the front door end an execution, with the very token that its agent asks for models
// with.
func (d OverHTTP) End(ctx context.Context, execution terms.ExecutionID, token string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodDelete, d.URL+"/executions/"+url.PathEscape(string(execution)), nil)
	if err != nil {
		return fmt.Errorf("the front door: %w", err)
	}
	request.Header.Set("Authorization", "Bearer "+token)
	response, err := d.Client.Do(request)
	if err != nil {
		return fmt.Errorf("the front door: %w", err)
	}
	_ = response.Body.Close() // there is nothing in it to read
	if response.StatusCode != http.StatusNoContent {
		return fmt.Errorf("the front door answered %s", response.Status)
	}
	return nil
}
