package layout

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Module is the path of the module whose rules these are.
const Module = "countersign"

// Package is what the rules look at; the fields are those of go list -json.
type Package struct {
	ImportPath   string
	Dir          string
	GoFiles      []string
	CgoFiles     []string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// Violation is one breach of one rule.
type Violation struct {
	Rule    string // as in the package comment
	Package string
	Subject string // the import, or file:line and what stands there
	Why     string
}

func (v Violation) String() string {
	return fmt.Sprintf("rule %s: package %s: %s: %s", v.Rule, v.Package, v.Subject, v.Why)
}

// CheckImports returns the breaches of the import rules in order of the list.
// It is a pure function; a list with packages missing gives no false alarm.
func CheckImports(pkgs []Package) []Violation {
	var found []Violation
	for _, p := range pkgs {
		importer := strings.TrimPrefix(p.ImportPath, Module+"/")
		if importer == pinned {
			continue
		}
		for _, imp := range p.Imports {
			found = append(found, judge(p.ImportPath, importer, imp, false)...)
		}
		for _, imp := range distinct(p.TestImports, p.XTestImports) {
			found = append(found, judge(p.ImportPath, importer, imp, true)...)
		}
	}
	return append(found, checkSimulator(pkgs)...)
}

// pinned holds nothing but blank imports that keep go.mod complete while
// rooms are being built.
const pinned = "internal/deps"

func distinct(lists ...[]string) []string {
	all := slices.Concat(lists...)
	slices.Sort(all)
	return slices.Compact(all)
}

// judge applies every rule to one import. importer and ours are paths below
// the module; inTest says that a _test.go file imports.
func judge(pkg, importer, imp string, inTest bool) []Violation {
	var found []Violation
	breach := func(rule, format string, args ...any) {
		found = append(found, Violation{rule, pkg, "imports " + imp, fmt.Sprintf(format, args...)})
	}
	test := inTest || isTestPackage(importer)
	ours, ok := strings.CutPrefix(imp, Module+"/")
	if !ok {
		if importer == "review" && !inTest && (!isStandard(imp) || slices.Contains(outsideWorld, imp)) {
			breach("review", "%s", reviewRule)
		}
		if !test && slices.Contains(forTests, imp) {
			breach("test-package", "this library is for tests")
		}
		if !test && slices.Contains(foreignHL7, imp) && !within(importer, "internal/ehrsim") {
			breach("foreign-hl7", "this parser must not face the network: only internal/ehrsim and tests use it")
		}
		return found
	}
	if importer == "review" && !inTest {
		breach("review", "%s", reviewRule)
	}
	if isTestPackage(ours) {
		if !test {
			breach("test-package", "packages named …test are imported only by tests")
		}
		return found
	}
	if to := top(ours); !slices.Contains(allowed(top(importer)), to) && to != top(importer) {
		breach("layers", "%s may import %s, not %s: wire them together in cmd",
			top(importer), strings.Join(allowed(top(importer)), ", "), to)
	}
	if to := destination(ours); to != "" && within(importer, "adapters") && destination(importer) != to {
		breach("adapter-sibling", "destinations know nothing of each other, and the engine knows none: share through package adapters, wire in cmd")
	}
	if within(ours, "proto") && !slices.ContainsFunc(apiUsers, func(u string) bool { return within(importer, u) }) {
		breach("countersignpb", "the generated API is used only in %s: translate to package review's types there", strings.Join(apiUsers, ", "))
	}
	return found
}

// allowed lists the top folders that packages in a top folder may import
// besides their own.
func allowed(folder string) []string {
	switch folder {
	case "review":
		return []string{"internal"} // the sub-packages; rule review is narrower for package review
	case "internal":
		return []string{"review"}
	case "notegen", "adapters":
		return []string{"review", "internal"}
	case "api":
		return []string{"review", "internal", "proto"}
	case "cmd", "integration-tests":
		return []string{"review", "internal", "proto", "notegen", "adapters", "api"}
	}
	return nil
}

const reviewRule = "package review imports only the standard library, and of that nothing that reaches outside: put it behind an interface in seams.go"

var (
	outsideWorld = []string{"net", "net/http", "net/rpc", "net/smtp", "os", "os/exec", "os/signal", "syscall", "database/sql", "plugin", "embed"}
	apiUsers     = []string{"api/ingest", "api/reviewrpc", "cmd", "integration-tests", "proto"}
	foreignHL7   = []string{"github.com/lenaten/hl7", "github.com/kardianos/hl7", "github.com/kardianos/hl7/h251"}
	forTests     = []string{"testing", "testing/synctest", "testing/quick", "net/http/httptest", "github.com/google/go-cmp/cmp",
		"github.com/google/go-cmp/cmp/cmpopts", "go.uber.org/goleak", "pgregory.net/rapid"}
)

// checkSimulator follows internal/ehrsim's imports through our own packages.
func checkSimulator(pkgs []Package) []Violation {
	const simulator = Module + "/internal/ehrsim"
	banned := []string{"internal/hl7v2", "internal/mllp", "internal/fhirr4"}
	imports := map[string][]string{}
	for _, p := range pkgs {
		imports[p.ImportPath] = p.Imports
	}
	var found []Violation
	for _, p := range pkgs {
		if !within(p.ImportPath, simulator) {
			continue
		}
		seen := map[string]bool{}
		var visit func(pkg, way string)
		visit = func(pkg, way string) {
			for _, imp := range imports[pkg] {
				ours, ok := strings.CutPrefix(imp, Module+"/")
				if !ok || seen[imp] {
					continue
				}
				seen[imp] = true
				if slices.ContainsFunc(banned, func(b string) bool { return within(ours, b) }) {
					found = append(found, Violation{"ehrsim", p.ImportPath, "imports " + way + imp,
						"the simulator reads with a library that is not ours, or it shares our mistakes"})
					continue
				}
				visit(imp, way+imp+", which imports ")
			}
		}
		visit(p.ImportPath, "")
	}
	return found
}

// within reports whether p is root or below it.
func within(p, root string) bool { return p == root || strings.HasPrefix(p, root+"/") }

func top(p string) string { first, _, _ := strings.Cut(p, "/"); return first }

func isTestPackage(p string) bool {
	return top(p) != "integration-tests" && strings.HasSuffix(path.Base(p), "test")
}

// destination is the <x> of a package in adapters/<x>, or empty.
func destination(p string) string {
	rest, ok := strings.CutPrefix(p, "adapters/")
	if x := top(rest); ok && x != "render" {
		return x
	}
	return ""
}

// isStandard: only the standard library has no dot in the first element, and
// ours has been told apart before.
func isStandard(p string) bool { return !strings.Contains(top(p), ".") && p != "C" }
