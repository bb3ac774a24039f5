// Package compose checks what can be checked of the Dockerfile and the compose
// trial without a Docker engine.
package compose

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"gopkg.in/yaml.v3"
)

const root = "../.."

type file struct {
	Services map[string]service               `yaml:"services"`
	Secrets  map[string]struct{ File string } `yaml:"secrets"`
	Volumes  map[string]any                   `yaml:"volumes"`
}

type service struct {
	Image       string
	Build       struct{ Args map[string]string }
	Command     []string
	Ports       []string
	Volumes     []string
	Secrets     []string
	NetworkMode string `yaml:"network_mode"`
	Privileged  bool
	ReadOnly    bool           `yaml:"read_only"`
	CapDrop     []string       `yaml:"cap_drop"`
	SecurityOpt []string       `yaml:"security_opt"`
	DependsOn   any            `yaml:"depends_on"`
	Environment map[string]any `yaml:"environment"`
	Healthcheck struct {
		Test     []string
		Interval string
		Timeout  string
	}
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func setup(t *testing.T) file {
	t.Helper()
	var f file
	if err := yaml.Unmarshal([]byte(read(t, "docker-compose.yml")), &f); err != nil {
		t.Fatal(err)
	}
	return f
}

func TestServices(t *testing.T) {
	t.Parallel()
	f := setup(t)
	var names []string
	for name, s := range f.Services {
		names = append(names, name)
		if len(s.Healthcheck.Test) < 2 || s.Healthcheck.Test[0] != "CMD" || s.Healthcheck.Interval == "" || s.Healthcheck.Timeout == "" {
			t.Errorf("%s: health check %+v: want a CMD (distroless has no shell) with interval and timeout", name, s.Healthcheck)
		}
		for _, p := range s.Ports {
			host, _, ok := strings.Cut(p, ":")
			if ip := net.ParseIP(host); !ok || ip == nil || !ip.IsLoopback() {
				t.Errorf("%s: port %q is not published on 127.0.0.1", name, p)
			}
		}
		if s.Privileged || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s: may gain privileges", name)
		}
		if name != "postgres" && (!s.ReadOnly || !slices.Contains(s.CapDrop, "ALL")) {
			t.Errorf("%s: not read-only, or with capabilities", name)
		}
		if i := s.Image; strings.HasSuffix(i, ":latest") || !strings.Contains(i, ":") {
			t.Errorf("%s: image %q names no version", name, i)
		}
		for _, v := range s.Volumes {
			source, _, _ := strings.Cut(v, ":")
			if strings.HasPrefix(source, ".") {
				if _, err := os.Stat(filepath.Join(root, source)); err != nil {
					t.Errorf("%s: volume %s: %v", name, v, err)
				}
			} else if _, ok := f.Volumes[source]; !ok {
				t.Errorf("%s: volume %s is not declared", name, v)
			}
		}
		for _, secret := range s.Secrets {
			if f.Secrets[secret].File == "" {
				t.Errorf("%s: secret %s is not declared by file", name, secret)
			}
		}
		for key, value := range s.Environment {
			if k := strings.ToLower(key); (strings.Contains(k, "password") || strings.Contains(k, "secret")) && !strings.HasSuffix(k, "_file") {
				t.Errorf("%s: %s=%v: secrets are named by file", name, key, value)
			}
		}
	}
	slices.Sort(names)
	if want := []string{"ehrsim", "gateway", "nats", "postgres"}; !slices.Equal(names, want) {
		t.Errorf("services %v, want %v", names, want)
	}
	if g := f.Services["gateway"]; !slices.Equal(g.Command, []string{"serve", "--config", "/etc/countersign/countersign.yaml"}) {
		t.Errorf("gateway's command: %q", g.Command)
	}
	if n := f.Services["ehrsim"].NetworkMode; n != "service:gateway" {
		t.Errorf("ehrsim's network_mode %q: simulated destinations are reached on loopback only", n)
	}
}

func TestDockerfile(t *testing.T) {
	t.Parallel()
	docker := read(t, "Dockerfile")
	for arg := range setup(t).Services["gateway"].Build.Args {
		if !regexp.MustCompile(`(?m)^ARG ` + arg + `(=|$)`).MatchString(docker) {
			t.Errorf("build argument %s is not declared in the Dockerfile", arg)
		}
	}
	// What is copied into the build must exist, and every folder with code must be copied.
	copied := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^COPY (\w+) `).FindAllStringSubmatch(docker, -1) {
		copied[m[1]] = true
	}
	for _, dir := range []string{"review", "notegen", "adapters", "api", "proto", "internal", "cmd"} {
		if !copied[dir] {
			t.Errorf("folder %s is not copied", dir)
		}
	}
	if n := len(copied); n != 7 {
		t.Errorf("%d folders are copied, want 7: %v", n, copied)
	}
	user := regexp.MustCompile(`(?m)^USER (\d+):\d+$`).FindStringSubmatch(docker)
	if user == nil || user[1] == "0" {
		t.Errorf("USER %q: want a number that is not root's", user)
	}
	goVersion := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, "go.mod"))[1]
	if !strings.Contains(docker, "ARG GO_IMAGE=golang:"+goVersion+"-") {
		t.Errorf("GO_IMAGE is not golang:%s as in go.mod", goVersion)
	}
	for _, port := range regexp.MustCompile(`(?m)^EXPOSE (.+)$`).FindStringSubmatch(docker)[1:] {
		for p := range strings.FieldsSeq(port) {
			if !strings.Contains(read(t, "deploy/compose/countersign.yaml"), "0.0.0.0:"+p) {
				t.Errorf("port %s is exposed, and nothing listens on it in countersign.yaml", p)
			}
		}
	}
}

// TestNATSConfig reads nats.conf with the server's own parser.
func TestNATSConfig(t *testing.T) {
	t.Parallel()
	opts, err := server.ProcessConfigFile("nats.conf")
	if err != nil {
		t.Fatal(err)
	}
	if !opts.JetStream || !opts.SyncAlways || opts.StoreDir != "/data" || opts.HTTPHost != "127.0.0.1" {
		t.Errorf("jetstream %v, sync always %v, store %q, monitoring on %q", opts.JetStream, opts.SyncAlways, opts.StoreDir, opts.HTTPHost)
	}
}

// TestComposeTool lets compose itself read the file, where it is installed.
func TestComposeTool(t *testing.T) {
	t.Parallel()
	name, args := "docker", []string{"compose"}
	if exec.CommandContext(t.Context(), name, "compose", "version").Run() != nil {
		name, args = "docker-compose", nil
		if _, err := exec.LookPath(name); err != nil {
			t.Skip("neither docker compose nor docker-compose is installed: apt-get install docker-compose")
		}
	}
	cmd := exec.CommandContext(t.Context(), name, append(args, "-f", "docker-compose.yml", "config", "--quiet")...)
	cmd.Dir = root
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s config: %v\n%s", name, err, out)
	}
}
