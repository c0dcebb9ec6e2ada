package lambda

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// httpIntegration is the form in which a function answers a function URL that streams: a
// JSON prelude, eight zero bytes, and the body.
const httpIntegration = "application/vnd.awslambda.http-integration-response"

// maxPayload is Lambda's own bound of a request's payload, in bytes.
const maxPayload = 6 << 20

// prelude is what stands before the body.
type prelude struct {
	Status  int               `json:"statusCode"`
	Headers map[string]string `json:"headers"`
	Cookies []string          `json:"cookies"`
}

// ServeHTTP is the function's URL with invoke mode RESPONSE_STREAM and no authorization. A
// function that fails is 502, and what it said stays behind (Lambda developer guide,
// urls-invocation).
func (f *Function) ServeHTTP(w http.ResponseWriter, r *http.Request) { f.answer(w, r, nil) }

// Signed is the function's URL with authorization AWS_IAM: who answers whose signature a request
// bears, "" for nobody's, who gets no further (Lambda developer guide, urls-auth).
func (f *Function) Signed(who func(*http.Request) (arn string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		arn := who(r)
		if arn == "" {
			http.Error(w, `{"Message":"Forbidden"}`, http.StatusForbidden)
			return
		}
		f.answer(w, r, &events.LambdaFunctionURLRequestContextAuthorizerIAMDescription{AccountID: strings.Split(arn, ":")[4], UserARN: arn})
	})
}

func (f *Function) answer(w http.ResponseWriter, r *http.Request, by *events.LambdaFunctionURLRequestContextAuthorizerIAMDescription) {
	payload, err := eventOf(r, by)
	if err != nil {
		http.Error(w, `{"Message":null}`, http.StatusBadRequest)
		return
	}
	given, err := f.Invoke(context.WithoutCancel(r.Context()), Event{Payload: payload}) // a client that leaves does not end an invocation
	if err != nil {
		f.note("its URL answers 502: " + err.Error())
		http.Error(w, "Internal Server Error", http.StatusBadGateway)
		return
	}
	defer func() { _ = given.Body.Close() }() // it was only read
	if err := stream(w, given); err != nil {
		f.note("its answer was cut: " + err.Error())
		panic(http.ErrAbortHandler) // the client must not take a part for the whole
	}
}

func (f *Function) note(text string) {
	if f.Log != nil {
		fmt.Fprintf(f.Log, "lambda: %s: %s\n", f.Name, text)
	}
}

// eventOf is a request as a function URL shows it: header names are lower case, several
// values are one.
func eventOf(r *http.Request, by *events.LambdaFunctionURLRequestContextAuthorizerIAMDescription) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxPayload+1))
	if err != nil || len(body) > maxPayload {
		return nil, errors.New("the body cannot be read, or is too large")
	}
	e := events.LambdaFunctionURLRequest{Version: "2.0", RawPath: r.URL.EscapedPath(), RawQueryString: r.URL.RawQuery, Headers: map[string]string{}, Body: string(body)}
	for name, values := range r.Header {
		e.Headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	if kind := r.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/") && !strings.HasPrefix(kind, "application/json") && len(body) > 0 {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	e.RequestContext = events.LambdaFunctionURLRequestContext{
		AccountID: "anonymous", DomainName: r.Host, TimeEpoch: time.Now().UnixMilli(),
		HTTP: events.LambdaFunctionURLRequestContextHTTPDescription{Method: r.Method, Path: r.URL.Path, Protocol: r.Proto, SourceIP: "127.0.0.1", UserAgent: r.UserAgent()},
	}
	if by != nil {
		e.RequestContext.AccountID, e.RequestContext.Authorizer = by.AccountID, &events.LambdaFunctionURLRequestContextAuthorizerDescription{IAM: by}
	}
	return json.Marshal(e)
}

// stream passes an answer on piece by piece.
func stream(w http.ResponseWriter, answer Answer) error {
	if answer.ContentType != httpIntegration {
		return fmt.Errorf("content type %q is no answer to a URL that streams", answer.ContentType)
	}
	body := bufio.NewReader(answer.Body)
	head, err := preludeOf(body)
	if err != nil {
		return err
	}
	for name, value := range head.Headers {
		w.Header().Set(name, value)
	}
	for _, cookie := range head.Cookies {
		w.Header().Add("Set-Cookie", cookie)
	}
	w.WriteHeader(head.Status)
	_, err = io.Copy(flushing{w, http.NewResponseController(w)}, body)
	return err
}

// maxPrelude bounds the prelude, in bytes.
const maxPrelude = 64 << 10

func preludeOf(body *bufio.Reader) (prelude, error) {
	var text []byte
	for !bytes.HasSuffix(text, make([]byte, 8)) {
		b, err := body.ReadByte()
		if err != nil || len(text) > maxPrelude {
			return prelude{}, fmt.Errorf("the answer has no prelude that ends with eight zero bytes: %w", err)
		}
		text = append(text, b)
	}
	var p prelude
	if err := json.Unmarshal(text[:len(text)-8], &p); err != nil {
		return prelude{}, fmt.Errorf("the prelude is no JSON: %w", err)
	}
	return p, nil
}

// flushing shows each piece at once.
type flushing struct {
	http.ResponseWriter
	control *http.ResponseController
}

// Write writes and flushes.
func (f flushing) Write(p []byte) (int, error) {
	n, err := f.ResponseWriter.Write(p)
	if err == nil {
		err = f.control.Flush()
	}
	return n, err
}
