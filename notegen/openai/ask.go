package openai

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"countersign/notegen"

	"github.com/cenkalti/backoff/v4"
	openaiapi "github.com/sashabaranov/go-openai"
)

// maxResponseBytes bounds what one answer may hold in memory.
const maxResponseBytes = 4 << 20

// ask sends the prompt and returns the answer's text. It repeats what is
// worth repeating within MaxElapsed.
func (d *Drafter) ask(ctx context.Context, p prompt) (string, error) {
	waits := backoff.NewExponentialBackOff(backoff.WithInitialInterval(time.Second), backoff.WithMaxInterval(30*time.Second), backoff.WithMaxElapsedTime(0))
	begun := d.o.Now()
	for {
		// The entry may expire while we wait.
		if err := d.stillCovered(); err != nil {
			return "", err
		}
		text, hint, err := d.once(ctx, p)
		if err == nil || !errors.Is(err, errRepeat) {
			return text, err
		}
		if ctx.Err() != nil {
			return "", fmt.Errorf("draft note: %w", ctx.Err())
		}
		pause := waits.NextBackOff()
		if hint.given {
			pause = hint.after
		}
		if d.o.Now().Add(pause).Sub(begun) > d.o.MaxElapsed {
			if hint.given {
				return "", &notegen.RetryAfterError{After: hint.after, Code: hint.code}
			}
			return "", &notegen.TransientError{Code: hint.code}
		}
		if err := d.wait(ctx, pause); err != nil {
			return "", fmt.Errorf("draft note: %w", err)
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// errRepeat marks a failure that another request may cure.
var errRepeat = errors.New("repeat")

// hint says what a failed request told about the next one.
type hint struct {
	code  string
	after time.Duration
	given bool // the server said after
}

// once makes one request.
func (d *Drafter) once(ctx context.Context, p prompt) (string, hint, error) {
	seen := &seen{}
	resp, err := d.client.CreateChatCompletion(context.WithValue(ctx, seenKey{}, seen), openaiapi.ChatCompletionRequest{
		Model: d.o.Deployment,
		Messages: []openaiapi.ChatCompletionMessage{
			{Role: openaiapi.ChatMessageRoleSystem, Content: d.prompt},
			{Role: openaiapi.ChatMessageRoleUser, Content: p.text},
		},
		MaxCompletionTokens: d.o.MaxOutputTokens,
		ResponseFormat: &openaiapi.ChatCompletionResponseFormat{
			Type:       openaiapi.ChatCompletionResponseFormatTypeJSONSchema,
			JSONSchema: &openaiapi.ChatCompletionResponseFormatJSONSchema{Name: "note", Schema: schema(), Strict: true},
		},
	})
	if err != nil {
		return d.classify(ctx, err, seen)
	}
	if len(resp.Choices) == 0 {
		return "", hint{}, &notegen.TransientError{Code: notegen.CodeNoOutput}
	}
	c := resp.Choices[0]
	switch {
	case c.FinishReason == openaiapi.FinishReasonContentFilter:
		return "", hint{}, &notegen.PermanentError{Code: notegen.CodeContentFilter}
	case c.FinishReason == openaiapi.FinishReasonLength:
		return "", hint{}, &notegen.PermanentError{Code: notegen.CodeLength}
	case c.Message.Refusal != "":
		return "", hint{}, &notegen.PermanentError{Code: notegen.CodeRefused}
	case c.FinishReason != openaiapi.FinishReasonStop:
		// A stream that ended early, or a tool call nobody offered.
		return "", hint{}, &notegen.TransientError{Code: notegen.CodeMalformed}
	case strings.TrimSpace(c.Message.Content) == "":
		return "", hint{}, &notegen.TransientError{Code: notegen.CodeNoOutput}
	}
	return c.Message.Content, hint{}, nil
}

// classify turns an error of the client into one of ours. The client's text
// may quote the prompt or the answer, so none of it is kept.
func (d *Drafter) classify(ctx context.Context, err error, s *seen) (string, hint, error) {
	var api *openaiapi.APIError
	var refused *notegen.PermanentError
	switch {
	case ctx.Err() != nil:
		return "", hint{}, fmt.Errorf("draft note: %w", ctx.Err())
	case errors.As(err, &refused):
		return "", hint{}, refused
	case s.status == 0:
		// No answer at all: connection, TLS, time-out of one request.
		code := notegen.CodeUnavailable
		var ne net.Error
		if errors.As(err, &ne) && ne.Timeout() {
			code = notegen.CodeTimeout
		}
		return "", hint{code: code}, errRepeat
	case s.status == http.StatusTooManyRequests:
		return "", s.hint(notegen.CodeRateLimited), errRepeat
	case s.status == http.StatusRequestTimeout || s.status == http.StatusConflict || s.status >= 500:
		return "", s.hint(notegen.CodeUnavailable), errRepeat
	case s.status == http.StatusUnauthorized || s.status == http.StatusForbidden:
		return "", hint{}, &notegen.PermanentError{Code: notegen.CodeUnauthorized}
	case s.status >= 400 && errors.As(err, &api):
		return "", hint{}, &notegen.PermanentError{Code: badRequest(api)}
	case s.status >= 300:
		return "", hint{}, &notegen.PermanentError{Code: notegen.CodeBadRequest}
	}
	// 2xx with a body that is not the JSON of an answer.
	return "", hint{}, &notegen.TransientError{Code: notegen.CodeMalformed}
}

// badRequest reads Azure's code: content_filter on the prompt side comes as
// HTTP 400 with innererror.content_filter_result.
func badRequest(e *openaiapi.APIError) string {
	code, _ := e.Code.(string)
	switch {
	case code == "content_filter" || e.InnerError != nil && e.InnerError.Code == "ResponsibleAIPolicyViolation":
		return notegen.CodeContentFilter
	case code == "context_length_exceeded":
		return notegen.CodeTooLong
	}
	return notegen.CodeBadRequest
}

// egress is the only way out. It refuses any address but the covered one,
// bounds the answer and notes status and Retry-After, which the client drops.
type egress struct {
	d      *Drafter
	base   *url.URL
	client *http.Client
}

type seenKey struct{}

// seen is what one request was answered.
type seen struct {
	status int
	header http.Header
	at     time.Time
}

// Do implements the client's HTTPDoer.
func (e *egress) Do(req *http.Request) (*http.Response, error) {
	u := req.URL
	if u.Scheme != e.base.Scheme || !strings.EqualFold(u.Host, e.base.Host) || !strings.HasPrefix(u.Path, e.base.Path) {
		return nil, &notegen.PermanentError{Code: notegen.CodeNotCovered}
	}
	resp, err := e.client.Do(req)
	if err != nil {
		return nil, err
	}
	if s, ok := req.Context().Value(seenKey{}).(*seen); ok {
		s.status, s.header, s.at = resp.StatusCode, resp.Header, e.d.o.Now()
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, maxResponseBytes), resp.Body}
	return resp, nil
}

// maxRetryAfter bounds what a server may ask for.
const maxRetryAfter = 24 * time.Hour

// hint reads retry-after-ms (Azure) and Retry-After (RFC 9110, 10.2.3):
// seconds or a date.
func (s *seen) hint(code string) hint {
	h := hint{code: code}
	if ms, err := strconv.Atoi(s.header.Get("retry-after-ms")); err == nil && ms >= 0 {
		h.after, h.given = time.Duration(ms)*time.Millisecond, true
	} else if v := s.header.Get("Retry-After"); v != "" {
		if sec, err := strconv.Atoi(v); err == nil && sec >= 0 {
			h.after, h.given = time.Duration(min(sec, 1e6))*time.Second, true
		} else if t, err := http.ParseTime(v); err == nil {
			h.after, h.given = max(t.Sub(s.at), 0), true
		}
	}
	h.after = min(h.after, maxRetryAfter)
	return h
}

// transport has time-outs for every phase. To a loopback endpoint it dials
// loopback addresses only, whatever the name resolves to, and it uses no
// proxy there.
func transport(loopback bool, proxy func(*http.Request) (*url.URL, error)) *http.Transport {
	dial := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	t := &http.Transport{
		Proxy: proxy, ForceAttemptHTTP2: true, MaxIdleConns: 16, MaxIdleConnsPerHost: 16,
		IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 10 * time.Second,
	}
	t.DialContext = dial.DialContext
	if loopback {
		t.Proxy = nil
		t.DialContext = func(ctx context.Context, network, addr string) (net.Conn, error) {
			c, err := dial.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			if a, ok := c.RemoteAddr().(*net.TCPAddr); !ok || !a.IP.IsLoopback() {
				c.Close()
				return nil, &notegen.PermanentError{Code: notegen.CodeNotCovered}
			}
			return c, nil
		}
	}
	return t
}
