package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"gopkg.in/yaml.v3"

	"countersign/internal/staff"
	"countersign/review"
)

// Config is the gateway's configuration: one YAML file, decoded strictly.
// Secrets are named by file, never written in it. The zero value of every
// field is usable; DefaultConfig is what runs with no file at all.
type Config struct {
	// Environment names this installation. It is stored in the database; a
	// gateway refuses to start on a database of another environment, so that
	// a clone of production cannot write to charts.
	Environment string         `yaml:"environment"`
	DataDir     string         `yaml:"data_dir"` // default ./countersign-data
	Listen      ListenConfig   `yaml:"listen"`
	Database    DatabaseConfig `yaml:"database"`
	NATS        NATSConfig     `yaml:"nats"`
	Keys        KeysConfig     `yaml:"keys"`
	// PractitionersFile names who may act; see package internal/staff.
	PractitionersFile string `yaml:"practitioners_file"`
	// DevicesFile names who may stream, where; see deviceEntry. Optional on
	// loopback addresses.
	DevicesFile string        `yaml:"devices_file"`
	Drafter     DrafterConfig `yaml:"drafter"`
	Workers     WorkersConfig `yaml:"workers"`
	Sites       []SiteConfig  `yaml:"sites"`
}

// ListenConfig says where the gateway listens. An address that is not
// loopback needs TLS, or plain_network where a proxy in front ends TLS.
type ListenConfig struct {
	GRPC         string `yaml:"grpc"` // default 127.0.0.1:7443
	HTTP         string `yaml:"http"` // default 127.0.0.1:7480
	TLSCertFile  string `yaml:"tls_cert_file"`
	TLSKeyFile   string `yaml:"tls_key_file"`
	PlainNetwork bool   `yaml:"plain_network"`
	SecureCookie bool   `yaml:"secure_cookie"` // behind a proxy that ends TLS: cookies go over TLS only
}

// DatabaseConfig names the journal: sqlite (default, in data_dir) or postgres.
type DatabaseConfig struct {
	Driver  string `yaml:"driver"`
	DSNFile string `yaml:"dsn_file"` // postgres: a file with the connection string
}

// NATSConfig names an external NATS; without a URL one runs in the process.
type NATSConfig struct {
	URL             string `yaml:"url"`
	CredentialsFile string `yaml:"credentials_file"`
	CAFile          string `yaml:"ca_file"`
	Replicas        int    `yaml:"replicas"` // of the work stream; 3 on a cluster
}

// KeysConfig names the key file; without one, a key is made in data_dir. Keep
// it apart from backups of the data.
type KeysConfig struct {
	MasterKeyFile string `yaml:"master_key_file"`
}

// DrafterConfig chooses the drafter.
type DrafterConfig struct {
	Kind   string       `yaml:"kind"` // extractive (default) or openai
	OpenAI OpenAIConfig `yaml:"openai"`
}

// OpenAIConfig is one deployment that a BAA covers. Nothing else is ever
// sent a transcript.
type OpenAIConfig struct {
	Endpoint     string    `yaml:"endpoint"`
	Azure        bool      `yaml:"azure"`
	APIVersion   string    `yaml:"api_version"`
	Deployment   string    `yaml:"deployment"`
	Model        string    `yaml:"model"`
	APIKeyFile   string    `yaml:"api_key_file"`
	Region       string    `yaml:"region"`
	BAAReference string    `yaml:"baa_reference"`
	BAAExpires   time.Time `yaml:"baa_expires"`
}

// WorkersConfig bounds what one process does at a time.
type WorkersConfig struct {
	Drafts     int           `yaml:"drafts"`      // default 4
	WriteBacks int           `yaml:"write_backs"` // default 16
	Sweep      time.Duration `yaml:"sweep"`       // default 15 s
	LeaseTerm  time.Duration `yaml:"lease_term"`  // default 30 s
}

// DefaultConfig is a gateway for one machine: everything embedded under
// ./countersign-data, loopback only, notes written to a directory.
func DefaultConfig() Config {
	return Config{
		Environment: "local", DataDir: "countersign-data",
		Listen:  ListenConfig{GRPC: "127.0.0.1:7443", HTTP: "127.0.0.1:7480"},
		Drafter: DrafterConfig{Kind: "extractive"},
		Workers: WorkersConfig{Drafts: 4, WriteBacks: 16, Sweep: 15 * time.Second, LeaseTerm: 30 * time.Second},
	}
}

// withDefaults fills what a file left out.
func (c Config) withDefaults() Config {
	d := DefaultConfig()
	set := func(v *string, def string) {
		if *v == "" {
			*v = def
		}
	}
	set(&c.Environment, d.Environment)
	set(&c.DataDir, d.DataDir)
	set(&c.Listen.GRPC, d.Listen.GRPC)
	set(&c.Listen.HTTP, d.Listen.HTTP)
	set(&c.Database.Driver, "sqlite")
	set(&c.Drafter.Kind, d.Drafter.Kind)
	set(&c.Keys.MasterKeyFile, filepath.Join(c.DataDir, "master-key.json"))
	if c.Workers.Drafts == 0 {
		c.Workers.Drafts = d.Workers.Drafts
	}
	if c.Workers.WriteBacks == 0 {
		c.Workers.WriteBacks = d.Workers.WriteBacks
	}
	if c.Workers.Sweep == 0 {
		c.Workers.Sweep = d.Workers.Sweep
	}
	if c.Workers.LeaseTerm == 0 {
		c.Workers.LeaseTerm = d.Workers.LeaseTerm
	}
	if len(c.Sites) == 0 {
		c.Sites = []SiteConfig{{ID: "local", Name: "Local site", Destinations: []DestinationConfig{{
			ID: "files", Name: "Directory", Adapter: "filedir", Mode: review.ModeSimulated,
			FileDir: &FileDirConfig{Path: filepath.Join(c.DataDir, "written")},
		}}}}
	}
	return c
}

// LoadConfig reads a configuration file; an empty path is DefaultConfig. Its
// error lists every fault, those of the practitioners and devices files too
// where they exist on this machine.
func LoadConfig(path string) (Config, error) {
	var c Config
	if path != "" {
		b, err := os.ReadFile(path)
		if err != nil {
			return c, fmt.Errorf("configuration: %w", err)
		}
		d := yaml.NewDecoder(bytes.NewReader(b))
		d.KnownFields(true)
		if err := d.Decode(&c); err != nil && !errors.Is(err, io.EOF) {
			return c, fmt.Errorf("configuration %s: %w", path, err)
		}
	}
	c = c.withDefaults()
	return c, errors.Join(c.Validate(), c.checkFiles())
}

// checkFiles reports the faults of the files that say who may act. One that
// is not there is passed over: a configuration can be checked on another
// machine than its gateway's. The start needs them all.
func (c Config) checkFiles() error {
	people, err := c.loadPeople()
	if errors.Is(err, fs.ErrNotExist) {
		people, err = nil, nil
	}
	_, derr := c.loadDevices(people)
	if errors.Is(derr, fs.ErrNotExist) {
		derr = nil
	}
	return errors.Join(err, derr)
}

// loadPeople reads the practitioners file; nil without one.
func (c Config) loadPeople() ([]staff.Entry, error) {
	if c.PractitionersFile == "" {
		return nil, nil
	}
	b, err := os.ReadFile(c.PractitionersFile)
	if err != nil {
		return nil, fmt.Errorf("practitioners_file: %w", err)
	}
	people, err := staff.Parse(b)
	if err = errors.Join(err, staff.Check(people, c.siteIDs())); err != nil {
		return people, fmt.Errorf("practitioners_file: %w", err)
	}
	return people, nil
}

func (c Config) siteIDs() (out []review.SiteID) {
	for _, s := range c.Sites {
		out = append(out, s.ID)
	}
	return out
}

// Validate reports all faults at once, each naming its field.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	for _, l := range []struct{ key, addr string }{{"listen.grpc", c.Listen.GRPC}, {"listen.http", c.Listen.HTTP}} {
		host, _, err := net.SplitHostPort(l.addr)
		switch {
		case err != nil:
			fault("%s: %q is not host:port", l.key, l.addr)
		case !loopback(host) && c.Listen.TLSCertFile == "" && !c.Listen.PlainNetwork:
			fault("%s: %s is not a loopback address: give listen.tls_cert_file and tls_key_file, or set listen.plain_network where a proxy in front ends TLS", l.key, l.addr)
		}
	}
	if (c.Listen.TLSCertFile == "") != (c.Listen.TLSKeyFile == "") {
		fault("listen: tls_cert_file and tls_key_file go together")
	}
	switch c.Database.Driver {
	case "sqlite":
	case "postgres":
		if c.Database.DSNFile == "" {
			fault("database.dsn_file: postgres needs a file with the connection string")
		}
	default:
		fault("database.driver: %q: use sqlite or postgres", c.Database.Driver)
	}
	switch c.Drafter.Kind {
	case "extractive":
	case "openai":
		faults = append(faults, c.Drafter.OpenAI.faults()...)
	default:
		fault("drafter.kind: %q: use extractive or openai", c.Drafter.Kind)
	}
	if c.Workers.LeaseTerm < time.Second {
		fault("workers.lease_term: %s is too short: use at least 1s", c.Workers.LeaseTerm)
	}
	faults = append(faults, siteFaults(c.Sites)...)
	return errors.Join(faults...)
}

func (o OpenAIConfig) faults() (out []error) {
	for _, f := range []struct{ key, value string }{
		{"endpoint", o.Endpoint}, {"deployment", o.Deployment}, {"model", o.Model}, {"api_key_file", o.APIKeyFile},
		{"baa_reference", o.BAAReference},
	} {
		if f.value == "" {
			out = append(out, fmt.Errorf("drafter.openai.%s: missing: transcripts only go to a deployment registered as covered by a BAA", f.key))
		}
	}
	if o.BAAExpires.IsZero() {
		out = append(out, errors.New("drafter.openai.baa_expires: missing: say until when the BAA covers the deployment"))
	}
	return out
}

func (p PolicyConfig) faults() (out []string) {
	if p.Version < 0 {
		out = append(out, fmt.Sprintf("version: %d: count from 1", p.Version))
	}
	for k, r := range p.CoSignFor {
		switch r {
		case review.RoleAttending, review.RoleResident, review.RoleAPP:
		default:
			// A word that no practitioner has would let their notes go without.
			out = append(out, fmt.Sprintf("co_sign_for[%d]: %q: use attending, resident or app", k, r))
		}
		if slices.Index(p.CoSignFor, r) < k {
			out = append(out, fmt.Sprintf("co_sign_for[%d]: %q is given twice", k, r))
		}
	}
	return out
}

// longestSettle is far above what any EHR needs to file a document.
const longestSettle = 24 * time.Hour

func (d DestinationConfig) faults() (out []string) {
	fault := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if !review.ValidName(d.ID) {
		fault("id: give 1 to 26 characters of a-z, 0-9 and hyphen")
	}
	switch d.Mode {
	case review.ModeSimulated, review.ModeTest, review.ModeProduction:
	default:
		fault("mode: %q: use simulated, test or production", d.Mode)
	}
	if d.Settle < 0 || d.Settle > longestSettle {
		fault("settle: %s: give 0 (for 2m) to 24h", d.Settle)
	}
	if d.RepeatSafe && d.Adapter == "epic" {
		fault("repeat_safe: Epic files a repeated document as another one: take this out")
	}
	known := false
	for _, b := range []struct {
		name  string
		given bool
	}{{"fhir", d.FHIR != nil}, {"epic", d.Epic != nil}, {"hl7mdm", d.HL7MDM != nil}, {"filedir", d.FileDir != nil}} {
		switch mine := b.name == d.Adapter; {
		case mine && !b.given:
			fault("%s: missing: say where the destination is", b.name)
		case !mine && b.given:
			fault("%s: given, but adapter is %q: give the block of the adapter only", b.name, d.Adapter)
		}
		known = known || b.name == d.Adapter
	}
	if !known {
		fault("adapter: %q: use fhir, epic, hl7mdm or filedir", d.Adapter)
	}
	return out
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
