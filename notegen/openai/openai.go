package openai

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"countersign/notegen"
	"countersign/notegen/prompts"
	"countersign/review"

	openaiapi "github.com/sashabaranov/go-openai"
)

// Version is part of every draft's Generator.
const Version = "1"

// CoveredDeployment is one entry of the register: a deployment to which
// patient data may go.
type CoveredDeployment struct {
	Endpoint     string // https://NAME.openai.azure.com
	Deployment   string // Azure's deployment name; the model for a compatible endpoint
	Model        string // for the record, such as gpt-4o-2024-11-20
	Region       string // where the data is processed
	BAAReference string // contract number or document
	Expires      time.Time
}

// Kind of endpoint.
type Kind string

// Kinds of endpoint. The zero value is Azure.
const (
	KindAzure      Kind = "azure"      // /openai/deployments/{d}/chat/completions?api-version=
	KindCompatible Kind = "compatible" // {endpoint}/chat/completions with a bearer token
)

// Options of [New]. Endpoint and Deployment are required.
type Options struct {
	Kind       Kind
	Endpoint   string
	Deployment string
	APIKey     string // from a file; never logged
	// APIVersion for Azure; the default has structured outputs.
	APIVersion string
	// Deployments is the register. Endpoint and Deployment must be in it.
	Deployments []CoveredDeployment
	// AllowLoopback lets an endpoint on this machine do without an entry.
	AllowLoopback bool
	// RequestTimeout bounds one request; 0 means two minutes.
	RequestTimeout time.Duration
	// MaxElapsed bounds all requests of one draft; 0 means five minutes.
	MaxElapsed time.Duration
	// MaxOutputTokens bounds the answer; 0 means 8,000.
	MaxOutputTokens int
	// Proxy for requests that leave this machine; nil is none.
	Proxy func(*http.Request) (*url.URL, error)
	// Now tells the time; nil is the machine's clock.
	Now func() time.Time
}

const defaultAPIVersion = "2024-10-21"

// Drafter drafts with a model. It may be used concurrently.
type Drafter struct {
	o        Options
	covered  CoveredDeployment
	loopback bool
	client   *openaiapi.Client
	prompt   string
	promptID string
	// wait is time.Sleep with a context; tests replace it.
	wait func(context.Context, time.Duration) error
}

var _ notegen.Drafter = (*Drafter)(nil)

// New checks the endpoint against the register. It makes no request. Errors
// name the option and what to do.
func New(o Options) (*Drafter, error) {
	if o.Kind == "" {
		o.Kind = KindAzure
	}
	if o.Kind != KindAzure && o.Kind != KindCompatible {
		return nil, fmt.Errorf("openai drafter: kind %q: use azure or compatible", o.Kind)
	}
	if o.Deployment == "" {
		return nil, fmt.Errorf("openai drafter: deployment is empty: name the deployment to use")
	}
	if o.APIVersion == "" && o.Kind == KindAzure {
		o.APIVersion = defaultAPIVersion
	}
	o.RequestTimeout = orDefault(o.RequestTimeout, 2*time.Minute)
	o.MaxElapsed = orDefault(o.MaxElapsed, 5*time.Minute)
	if o.MaxOutputTokens <= 0 {
		o.MaxOutputTokens = 8000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	d := &Drafter{o: o, wait: sleep}
	base, err := d.cover()
	if err != nil {
		return nil, err
	}
	d.client = openaiapi.NewClientWithConfig(d.config(base))
	d.prompt = systemPrompt()
	d.promptID = prompts.ID(d.prompt, string(schema()))
	return d, nil
}

func orDefault(d, def time.Duration) time.Duration {
	if d <= 0 {
		return def
	}
	return d
}

// cover finds the register's entry for the endpoint.
func (d *Drafter) cover() (*url.URL, error) {
	base, err := parseEndpoint(d.o.Endpoint)
	if err != nil {
		return nil, fmt.Errorf("openai drafter: endpoint: %v", err)
	}
	if isLoopback(base.Hostname()) {
		if !d.o.AllowLoopback {
			return nil, fmt.Errorf("openai drafter: endpoint is on this machine: allow loopback to use it")
		}
		d.loopback = true
		d.covered = CoveredDeployment{Endpoint: d.o.Endpoint, Deployment: d.o.Deployment, Model: d.o.Deployment}
		return base, nil
	}
	if base.Scheme != "https" {
		return nil, fmt.Errorf("openai drafter: endpoint: use https")
	}
	for i, c := range d.o.Deployments {
		e, err := parseEndpoint(c.Endpoint)
		if err != nil {
			return nil, fmt.Errorf("openai drafter: covered deployment %d: endpoint: %v", i, err)
		}
		if e.String() != base.String() || c.Deployment != d.o.Deployment {
			continue
		}
		if c.BAAReference == "" || c.Expires.IsZero() {
			return nil, fmt.Errorf("openai drafter: covered deployment %d: name the BAA and the day it expires", i)
		}
		d.covered = c
		if err := d.stillCovered(); err != nil {
			return nil, fmt.Errorf("openai drafter: covered deployment %d expired on %s: renew the entry", i, c.Expires.Format(time.DateOnly))
		}
		return base, nil
	}
	return nil, fmt.Errorf("openai drafter: endpoint and deployment are not in the register of covered deployments: patient data may not go there")
}

// stillCovered is asked before every request.
func (d *Drafter) stillCovered() error {
	if !d.loopback && !d.o.Now().Before(d.covered.Expires) {
		return &notegen.PermanentError{Code: notegen.CodeNotCovered}
	}
	return nil
}

// parseEndpoint normalises scheme, host and path; it takes no user, query or
// fragment, so that nothing can hide in it.
func parseEndpoint(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || (u.Scheme != "https" && u.Scheme != "http") {
		return nil, fmt.Errorf("want https://HOST, without user, query or fragment")
	}
	host := strings.ToLower(u.Host)
	if u.Scheme == "https" {
		host = strings.TrimSuffix(host, ":443")
	}
	return &url.URL{Scheme: u.Scheme, Host: host, Path: strings.TrimRight(u.Path, "/")}, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (d *Drafter) config(base *url.URL) openaiapi.ClientConfig {
	var c openaiapi.ClientConfig
	if d.o.Kind == KindAzure {
		c = openaiapi.DefaultAzureConfig(d.o.APIKey, base.String())
		c.APIVersion = d.o.APIVersion
		deployment := url.PathEscape(d.o.Deployment)
		c.AzureModelMapperFunc = func(string) string { return deployment }
	} else {
		c = openaiapi.DefaultConfig(d.o.APIKey)
		c.BaseURL = base.String()
	}
	c.HTTPClient = &egress{d: d, base: base, client: &http.Client{
		Timeout:   d.o.RequestTimeout,
		Transport: transport(d.loopback, d.o.Proxy),
		// A redirect would carry the transcript to a place nobody covered.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	return c
}

// Draft implements [notegen.Drafter]. It is not deterministic.
func (d *Drafter) Draft(ctx context.Context, c review.Conversation) (review.Draft, error) {
	if err := ctx.Err(); err != nil {
		return review.Draft{}, err
	}
	if err := d.stillCovered(); err != nil {
		return review.Draft{}, err
	}
	p := prepare(c)
	if len(p.cited) == 0 {
		return review.Draft{}, &notegen.PermanentError{Code: notegen.CodeEmpty}
	}
	if len(p.text) > maxPromptBytes {
		return review.Draft{}, &notegen.PermanentError{Code: notegen.CodeTooLong}
	}
	answer, err := d.ask(ctx, p)
	if err != nil {
		return review.Draft{}, err
	}
	sections, err := p.read(answer)
	if err != nil {
		return review.Draft{}, err
	}
	model := d.covered.Model
	return review.Draft{Sections: sections, Generator: review.Generator{
		Drafter: "openai", Version: Version, Model: model, Deployment: d.o.Deployment, PromptID: d.promptID,
	}}, nil
}
