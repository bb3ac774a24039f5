package layout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/token"
	"io"
	"os"
	"os/exec"
	"slices"
)

// CheckTree applies all rules to the module in dir.
func CheckTree(ctx context.Context, dir string) ([]Violation, error) {
	names, err := rootNames(ctx, dir)
	if err != nil {
		return nil, err
	}
	pkgs, err := List(ctx, dir)
	if err != nil {
		return nil, err
	}
	found := append(CheckRoot(names), CheckImports(pkgs)...)
	for _, p := range pkgs {
		fset := token.NewFileSet()
		found = append(found, CheckSource(p.ImportPath, fset, ParsePackage(fset, p))...)
	}
	return found, nil
}

// CheckRoot refuses names that have no place at the root of the tree.
func CheckRoot(names []string) []Violation {
	allowed := []string{
		"api", "cmd", "adapters", "notegen", "review", "proto", "integration-tests", "docker-compose.yml", "go.mod", "README.md",
		"internal", "docs", "deploy",
		"go.sum", "LICENSE", "Makefile", "Dockerfile", "CHANGELOG.md", ".golangci.yml", ".gitignore", ".ci", "buf.yaml", "buf.gen.yaml",
	}
	var found []Violation
	for _, name := range names {
		if !slices.Contains(allowed, name) {
			found = append(found, Violation{"root", ".", name, "has no place at the root (docs/design.md, section 3): put it below one of its folders, or in .gitignore"})
		}
	}
	return found
}

// rootNames lists what git would keep at the root; without git, all there is.
func rootNames(ctx context.Context, dir string) ([]string, error) {
	var names []string
	cmd := exec.CommandContext(ctx, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate")
	cmd.Dir = dir
	if out, err := cmd.Output(); err == nil {
		for f := range bytes.SplitSeq(bytes.TrimRight(out, "\x00"), []byte{0}) {
			if name := top(string(f)); name != "" && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		return names, nil
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list root: %w", err)
	}
	for _, e := range entries {
		if e.Name() != ".git" {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// List asks the go command for the packages of the module in dir, those
// behind the build tag integration included. Packages that do not build are
// listed as far as they can be read.
func List(ctx context.Context, dir string) ([]Package, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-e", "-tags", "integration",
		"-json=ImportPath,Dir,GoFiles,CgoFiles,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, stderr.Bytes())
	}
	var pkgs []Package
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p Package
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return pkgs, nil
		case err != nil:
			return nil, fmt.Errorf("go list: %w", err)
		}
		pkgs = append(pkgs, p)
	}
}
