package fhirr4

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// Limits of a client where [Options] leaves them zero.
const (
	// DefaultTimeout bounds one call from dial to the last byte.
	DefaultTimeout = 30 * time.Second
	// DefaultMaxBody is the largest response body that is read, in bytes.
	DefaultMaxBody = 16 << 20
	dialTimeout    = 5 * time.Second
)

// TokenSource gives bearer tokens. It is safe for concurrent use.
type TokenSource interface {
	// Token returns a token that is valid now; it may block until ctx ends.
	Token(ctx context.Context) (string, error)
	// Discard says that a server refused this token; Token does not return
	// it again.
	Discard(token string)
}

// Options of a client.
type Options struct {
	// Tokens is nil for a server that takes requests without a token.
	Tokens TokenSource
	// CheckAddress is asked with the resolved "ip:port" before every
	// connection; an error of it ends the call. Nil allows any.
	CheckAddress func(address string) error
	// Timeout of one call; zero means DefaultTimeout. An earlier deadline of
	// the context holds.
	Timeout time.Duration
	// MaxBody is the largest response body; zero means DefaultMaxBody.
	MaxBody int64
}

// Client talks to one FHIR R4 server. It is safe for concurrent use.
type Client struct {
	base  *url.URL // ends with a slash
	opts  Options
	reads *http.Client
	// creates has no idle connections.
	creates *http.Client
}

// New returns a client of the server at base, such as
// "https://ehr.example/api/FHIR/R4". It does not connect.
func New(base string, o Options) (*Client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("fhir client: base URL: want http(s)://host[:port]/path without user, query or fragment")
	}
	if !strings.HasSuffix(u.Path, "/") {
		u.Path += "/"
	}
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxBody == 0 {
		o.MaxBody = DefaultMaxBody
	}
	return &Client{base: u, opts: o, reads: HTTPClient(o.CheckAddress, true), creates: HTTPClient(o.CheckAddress, false)}, nil
}

// HTTPClient returns a client that checks every address after name
// resolution, follows no redirect and uses no proxy. Without keepAlive every
// request has a connection of its own.
func HTTPClient(check func(address string) error, keepAlive bool) *http.Client {
	d := &net.Dialer{Timeout: dialTimeout}
	if check != nil {
		d.Control = func(_, address string, _ syscall.RawConn) error { return check(address) }
	}
	return &http.Client{
		Transport: &http.Transport{
			DialContext:         d.DialContext,
			TLSHandshakeTimeout: dialTimeout,
			DisableKeepAlives:   !keepAlive,
			MaxIdleConnsPerHost: 8,
			IdleConnTimeout:     30 * time.Second,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Base is the base URL, ending with a slash.
func (c *Client) Base() string { return c.base.String() }

// Close closes idle connections. Calls that run go on.
func (c *Client) Close() {
	c.reads.CloseIdleConnections()
	c.creates.CloseIdleConnections()
}

// TransportError says that a call brought no complete answer.
type TransportError struct {
	// Code is fixed wording: "token", "dial", "timeout", "cut_off",
	// "too_large".
	Code string
	// MaySent is false only when the server cannot have read the request.
	MaySent bool
	// Err is the cause, for errors.As. It is not part of the text: it may
	// hold an address.
	Err error
}

// Error implements error.
func (e *TransportError) Error() string {
	if e.MaySent {
		return "fhir call: " + e.Code + " after the request may have been sent"
	}
	return "fhir call: " + e.Code + " before the request was sent"
}

// Unwrap returns the cause.
func (e *TransportError) Unwrap() error { return e.Err }

// Response is an answer of any status.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	// Complete is false when the body broke off or was too large; Status and
	// Header are the server's all the same.
	Complete bool
}

// OK reports a 2xx status.
func (r Response) OK() bool { return r.Status >= 200 && r.Status < 300 }

type call struct {
	client *http.Client
	method string
	ref    string // relative to the base, or absolute on the same host
	accept string
	ctype  string
	header map[string]string
	body   []byte
}

func (c *Client) do(ctx context.Context, k call) (Response, error) {
	ctx, cancel := context.WithTimeout(ctx, c.opts.Timeout)
	defer cancel()
	u, err := c.resolve(k.ref)
	if err != nil {
		return Response{}, err
	}
	token := ""
	if c.opts.Tokens != nil {
		if token, err = c.opts.Tokens.Token(ctx); err != nil {
			return Response{}, &TransportError{Code: "token", Err: err}
		}
	}
	var sent sentFlag
	req, err := http.NewRequestWithContext(httptrace.WithClientTrace(ctx, sent.trace()), k.method, u, bytes.NewReader(k.body))
	if err != nil {
		return Response{}, fmt.Errorf("fhir call: the request cannot be made")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if k.ctype != "" {
		req.Header.Set("Content-Type", k.ctype)
	}
	req.Header.Set("Accept", k.accept)
	for name, v := range k.header {
		req.Header.Set(name, v)
	}
	resp, err := k.client.Do(req)
	if err != nil {
		return Response{}, transportError(ctx, err, sent.Load())
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusUnauthorized && token != "" {
		c.opts.Tokens.Discard(token)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.opts.MaxBody+1))
	out := Response{Status: resp.StatusCode, Header: resp.Header, Body: body, Complete: err == nil}
	if int64(len(body)) > c.opts.MaxBody {
		out.Body, out.Complete = nil, false
	}
	return out, nil
}

func transportError(ctx context.Context, err error, sent bool) error {
	e := &TransportError{Code: "cut_off", MaySent: sent, Err: err}
	var ne net.Error
	switch {
	case ctx.Err() != nil, errors.As(err, &ne) && ne.Timeout():
		e.Code = "timeout"
	case !sent:
		e.Code = "dial"
	}
	return e
}

// resolve makes the address of a call and refuses any other host than the
// base's: the token must not leave it.
func (c *Client) resolve(ref string) (string, error) {
	u, err := c.base.Parse(ref)
	if err != nil {
		return "", errors.New("fhir call: reference cannot be read as a URL")
	}
	if u.Scheme != c.base.Scheme || u.Host != c.base.Host || u.User != nil {
		return "", errors.New("fhir call: reference points to another server")
	}
	return u.String(), nil
}
