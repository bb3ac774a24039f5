package layout

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestThisModule is the check itself.
func TestThisModule(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOMOD").Output()
	if err != nil {
		t.Fatal(err)
	}
	root := filepath.Dir(strings.TrimSpace(string(out)))
	touch(t, root)
	found, err := CheckTree(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Error(v)
	}
}

// touch reads every folder of the module. The go command caches a test's
// result until a folder or file that the test itself has opened changes; what
// go list and git open for us does not count.
func touch(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && (d.Name() == ".git" || d.Name() == "node_modules" || d.Name() == "testdata") {
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func pkg(path string, imports ...string) Package {
	return Package{ImportPath: Module + "/" + path, Imports: imports}
}

func testOf(path string, imports ...string) Package {
	return Package{ImportPath: Module + "/" + path, XTestImports: imports}
}

func TestCheckImports(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		pkgs []Package
		want string // the start of the one violation; empty: none
	}{
		"review imports what it may": {[]Package{pkg("review", "context", "crypto/sha256", "log/slog", "net/url")}, ""},
		"review imports net/http":    {[]Package{pkg("review", "context", "net/http")}, "rule review: package countersign/review: imports net/http: "},
		"review imports a module": {[]Package{pkg("review", "golang.org/x/text/unicode/norm")},
			"rule review: package countersign/review: imports golang.org/x/text/unicode/norm: "},
		"review imports its store":       {[]Package{pkg("review", "countersign/review/sqlstore")}, "rule review: package countersign/review: imports countersign/review/sqlstore: "},
		"review's tests import go-cmp":   {[]Package{testOf("review", "github.com/google/go-cmp/cmp", "countersign/review/storetest")}, ""},
		"review's store imports keyring": {[]Package{pkg("review/sqlstore", "countersign/review", "countersign/internal/keyring", "modernc.org/sqlite")}, ""},
		"notegen imports adapters": {[]Package{pkg("notegen", "countersign/review", "countersign/adapters")},
			"rule layers: package countersign/notegen: imports countersign/adapters: notegen may import review, internal, not adapters: wire them together in cmd"},
		"notegen's tests import adapters": {[]Package{testOf("notegen/eval", "countersign/adapters/fhir")}, "rule layers: package countersign/notegen/eval: imports countersign/adapters/fhir: "},
		"api imports notegen":             {[]Package{pkg("api/web", "countersign/notegen/grounding")}, "rule layers: package countersign/api/web: "},
		"internal imports adapters":       {[]Package{pkg("internal/workqueue", "countersign/adapters")}, "rule layers: package countersign/internal/workqueue: "},
		"review's store imports api":      {[]Package{pkg("review/sqlstore", "countersign/api/web")}, "rule layers: package countersign/review/sqlstore: "},
		"somebody imports cmd":            {[]Package{pkg("api/web", "countersign/cmd/countersign")}, "rule layers: package countersign/api/web: "},
		"cmd imports everything":          {[]Package{pkg("cmd/countersign", "countersign/api/web", "countersign/adapters/fhir", "countersign/notegen", "countersign/review", "countersign/proto/countersign/v1")}, ""},
		"adapter imports adapter": {[]Package{pkg("adapters/fhir", "countersign/adapters", "countersign/adapters/epic")},
			"rule adapter-sibling: package countersign/adapters/fhir: imports countersign/adapters/epic: "},
		"engine imports adapter":          {[]Package{pkg("adapters", "countersign/adapters/filedir")}, "rule adapter-sibling: package countersign/adapters: "},
		"adapter imports render":          {[]Package{pkg("adapters/fhir", "countersign/adapters", "countersign/adapters/render")}, ""},
		"adapter imports its own parts":   {[]Package{pkg("adapters/fhir", "countersign/adapters/fhir/profile")}, ""},
		"adapter's tests use conformance": {[]Package{testOf("adapters/fhir", "countersign/adapters/fhir", "countersign/adapters/adaptertest")}, ""},
		"countersignpb in web":            {[]Package{pkg("api/web", "countersign/proto/countersign/v1")}, "rule countersignpb: package countersign/api/web: imports countersign/proto/countersign/v1: "},
		"countersignpb in ingest":         {[]Package{pkg("api/ingest", "countersign/proto/countersign/v1")}, ""},
		"conformance suite in code":       {[]Package{pkg("adapters/fhir", "countersign/adapters/adaptertest")}, "rule test-package: package countersign/adapters/fhir: imports countersign/adapters/adaptertest: "},
		"go-cmp in code":                  {[]Package{pkg("adapters/fhir", "github.com/google/go-cmp/cmp")}, "rule test-package: package countersign/adapters/fhir: imports github.com/google/go-cmp/cmp: "},
		"testing in a test package":       {[]Package{pkg("review/storetest", "testing", "countersign/review")}, ""},
		"simulator uses our parser": {[]Package{pkg("internal/ehrsim", "countersign/internal/hl7v2")},
			"rule ehrsim: package countersign/internal/ehrsim: imports countersign/internal/hl7v2: "},
		"simulator reaches our parser": {[]Package{pkg("internal/ehrsim/fhirserver", "countersign/internal/x"), pkg("internal/x", "countersign/internal/fhirr4")},
			"rule ehrsim: package countersign/internal/ehrsim/fhirserver: imports countersign/internal/x, which imports countersign/internal/fhirr4: "},
		"lenaten/hl7 in an adapter":      {[]Package{pkg("adapters/hl7mdm", "github.com/lenaten/hl7")}, "rule foreign-hl7: package countersign/adapters/hl7mdm: imports github.com/lenaten/hl7: "},
		"lenaten/hl7 in adapter's tests": {[]Package{testOf("adapters/hl7mdm", "github.com/lenaten/hl7")}, ""},
		"lenaten/hl7 in the simulator":   {[]Package{pkg("internal/ehrsim/mdm", "github.com/lenaten/hl7", "github.com/kardianos/hl7")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expect(t, CheckImports(tc.pkgs), tc.want)
		})
	}
}

// expect wants no violation or exactly one that starts with want.
func expect(t *testing.T, found []Violation, want string) {
	t.Helper()
	switch {
	case want == "" && len(found) > 0:
		t.Errorf("found %v, want none", found)
	case want != "" && (len(found) != 1 || !strings.HasPrefix(found[0].String(), want)):
		t.Errorf("found %v\nwant one violation that starts with\n%s", found, want)
	}
}

func TestCheckSource(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		pkg  string // default review
		src  string
		want string
	}{
		"init":                     {src: "func init() {}", want: "rule init: package countersign/review: x.go:2: func init: "},
		"init of a type":           {src: "type t int\nfunc (t) init() {}"},
		"blank var":                {src: "var _ I = (*T)(nil)"},
		"sentinel error":           {src: "import \"errors\"\nvar ErrGone = errors.New(`gone`)"},
		"embedded files":           {src: "import \"embed\"\n//go:embed x\nvar files embed.FS"},
		"regexp and table":         {src: "import \"regexp\"\nvar re = regexp.MustCompile(`x`)\nvar table = map[string]int{`a`: 1}\nfunc f() int { return table[`a`] }"},
		"table from text":          {src: "var words = wordSet(`a b` + `c`)"},
		"table computed":           {src: "var words = func() map[string]bool { m := map[string]bool{}; m[`a`] = true; return m }()"},
		"cache":                    {src: "var cache = newCache(10)", want: "rule package-var: "},
		"made by a function":       {src: "var state = build(10)", want: "rule package-var: "},
		"mutex literal":            {src: "import \"sync\"\nvar mu = sync.Mutex{}", want: "rule package-var: "},
		"error of a type":          {src: "var ErrGone = &Error{Kind: 1}"},
		"embedded text":            {src: "import _ \"embed\"\n\n//go:embed x\nvar text string"},
		"template":                 {src: "import \"html/template\"\nvar page = template.Must(template.New(`x`).Parse(`y`))"},
		"no value":                 {src: "var cache map[string]int", want: "rule package-var: package countersign/review: x.go:2: var cache: has no value"},
		"mutex":                    {src: "import \"sync\"\nvar mu sync.Mutex", want: "rule package-var: package countersign/review: x.go:3: var mu: has no value"},
		"pointer":                  {src: "var state = &struct{ n int }{}", want: "rule package-var: package countersign/review: x.go:2: var state: is not a plain literal"},
		"made":                     {src: "var m = make(map[string]int)", want: "rule package-var: package countersign/review: x.go:2: var m: is not a plain literal"},
		"channel":                  {src: "var c = make(chan int)", want: "rule package-var: package countersign/review: x.go:2: var c: "},
		"table that is written to": {src: "var table = map[string]int{}\nfunc f() { table[`a`] = 1 }", want: "rule package-var: package countersign/review: x.go:2: var table: is written to or has its address taken at x.go:3"},
		"table that is deleted from": {src: "var table = map[string]int{}\nfunc f() { delete(table, `a`) }",
			want: "rule package-var: package countersign/review: x.go:2: var table: is written to"},
		"counter":                {src: "var n = 0\nfunc f() { n++ }", want: "rule package-var: package countersign/review: x.go:2: var n: is written to"},
		"address":                {src: "var n = 0\nfunc f() *int { return &n }", want: "rule package-var: package countersign/review: x.go:2: var n: is written to or has its address"},
		"error reassigned":       {src: "import \"errors\"\nvar ErrX = errors.New(`x`)\nfunc f() { ErrX = nil }", want: "rule package-var: package countersign/review: x.go:3: var ErrX: is written to"},
		"local of the same name": {src: "var n = 0\nfunc f() int { n := 1; n++; return n }"},
		"local var of the same name": {
			src: "var table = []int{1}\nfunc f() []int { var table []int; table = append(table, 2); return table }"},
		"exported":                  {src: "var Table = []int{1}", want: "rule package-var: package countersign/review: x.go:2: var Table: is exported"},
		"exported and marked":       {src: "// Table lists.\n//\n//layout:readonly the codes of table 0271\nvar Table = []int{1}"},
		"marked without a reason":   {src: "//layout:readonly\nvar Table = []int{1}", want: "rule package-var: "},
		"marked and written to":     {src: "//layout:readonly no\nvar t = []int{1}\nfunc f() { t[0] = 2 }", want: "rule package-var: package countersign/review: x.go:3: var t: is written to"},
		"slog default":              {src: "import \"log/slog\"\nfunc f() { slog.Default() }", want: "rule default-logger: package countersign/review: x.go:3: slog.Default: "},
		"slog info":                 {src: "import \"log/slog\"\nfunc f() { slog.Info(`x`) }", want: "rule default-logger: "},
		"slog passed":               {src: "import \"log/slog\"\nfunc f(log *slog.Logger) { log.Info(`x`, slog.String(`a`, `b`)) }"},
		"log print":                 {src: "import \"log\"\nfunc f() { log.Printf(`x`) }", want: "rule default-logger: package countersign/review: x.go:3: log.Printf: "},
		"fmt print":                 {src: "import \"fmt\"\nfunc f() { fmt.Println(`x`) }", want: "rule default-logger: "},
		"fmt print in cmd":          {pkg: "cmd/countersign", src: "import \"fmt\"\nfunc f() { fmt.Println(`x`) }"},
		"environment":               {src: "import \"os\"\nfunc f() string { return os.Getenv(`X`) }", want: "rule environment: package countersign/review: x.go:3: os.Getenv: "},
		"environment under a name":  {src: "import sys \"os\"\nvar f = sys.LookupEnv", want: "rule environment: package countersign/review: x.go:3: sys.LookupEnv: "},
		"environment in cmd":        {pkg: "cmd/ehrsim", src: "import \"os\"\nfunc f() string { return os.Getenv(`X`) }"},
		"flags":                     {src: "import \"flag\"\nfunc f() { flag.Parse() }", want: "rule environment: "},
		"test packages are free":    {pkg: "internal/pgtest", src: "import \"os\"\nvar once int\nfunc f() { once++; os.Getenv(`X`) }"},
		"integration-tests are not": {pkg: "integration-tests", src: "var once int", want: "rule package-var: package countersign/integration-tests: "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if tc.pkg == "" {
				tc.pkg = "review"
			}
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, "x.go", "package x\n"+tc.src, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			expect(t, CheckSource(Module+"/"+tc.pkg, fset, []File{{"x.go", f}}), tc.want)
		})
	}
	t.Run("generators are programs", func(t *testing.T) {
		t.Parallel()
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, "x.go", "package main\nimport \"flag\"\nfunc main() { flag.Parse() }", parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, CheckSource(Module+"/internal/tools/gen", fset, []File{{"x.go", f}}), "")
	})
	t.Run("generated files are free", func(t *testing.T) {
		t.Parallel()
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, "x.pb.go", "// Code generated by protoc-gen-go. DO NOT EDIT.\n\npackage x\nvar File int\nfunc init() {}", parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		expect(t, CheckSource(Module+"/proto/countersign/v1", fset, []File{{"x.pb.go", f}}), "")
	})
	t.Run("a write in another file counts", func(t *testing.T) {
		t.Parallel()
		fset := token.NewFileSet()
		var files []File
		for name, src := range map[string]string{"a.go": "package x\nvar n = 0", "b.go": "package x\nfunc f() { n = 1 }"} {
			f, err := parser.ParseFile(fset, name, src, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, File{name, f})
		}
		expect(t, CheckSource(Module+"/review", fset, files), "rule package-var: package countersign/review: a.go:2: var n: is written to or has its address taken at b.go:2")
	})
}

func TestCheckRoot(t *testing.T) {
	t.Parallel()
	expect(t, CheckRoot([]string{"review", "Makefile", ".ci", "go.mod"}), "")
	expect(t, CheckRoot([]string{"review", "pkg"}), "rule root: package .: pkg: has no place at the root")
}

// TestPlantedViolation shows that the whole way works: a module on disk, the
// go command, the rules.
func TestPlantedViolation(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod":                    "module countersign\n\ngo 1.26\n",
		"review/note.go":            "package review\n\nimport _ \"countersign/internal/keyring\"\n",
		"internal/keyring/key.go":   "package keyring\n\nvar keys map[string]string\n",
		"adapters/epic/epic.go":     "package epic\n",
		"adapters/fhir/fhir.go":     "package fhir\n\nimport _ \"countersign/adapters/epic\"\n",
		"notegen/worker_test.go":    "package notegen\n\nimport _ \"countersign/adapters/fhir\"\n",
		"pkg/util/util.go":          "package util\n",
		"integration-tests/x.go":    "//go:build integration\n\npackage integration\n\nimport \"log\"\n\nfunc f() { log.Fatal(1) }\n",
		"proto/countersign/v1/x.go": "package countersignpb\n",
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	found, err := CheckTree(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, v := range found {
		lines = append(lines, v.String())
	}
	all := strings.Join(lines, "\n")
	for _, want := range []string{
		"rule root: package .: pkg: ",
		"rule review: package countersign/review: imports countersign/internal/keyring: ",
		"rule adapter-sibling: package countersign/adapters/fhir: imports countersign/adapters/epic: ",
		"rule layers: package countersign/notegen: imports countersign/adapters/fhir: ",
		"rule package-var: package countersign/internal/keyring: key.go:3: var keys: ",
		"rule default-logger: package countersign/integration-tests: x.go:7: log.Fatal: ",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("not reported: %s", want)
		}
	}
	if len(found) != 6 {
		t.Errorf("%d violations, want 6:\n%s", len(found), all)
	}
}
