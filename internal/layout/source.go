package layout

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// File is one parsed source file.
type File struct {
	Name string // for messages
	AST  *ast.File
}

// ParsePackage parses the non-test files of p for CheckSource. A file that
// does not parse is left to the compiler.
func ParsePackage(fset *token.FileSet, p Package) []File {
	var files []File
	for _, name := range slices.Concat(p.GoFiles, p.CgoFiles) {
		f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
		if err == nil {
			files = append(files, File{name, f})
		}
	}
	return files
}

// CheckSource returns the breaches of the source rules in one package. It
// reads nothing but its arguments.
func CheckSource(importPath string, fset *token.FileSet, files []File) []Violation {
	importer := strings.TrimPrefix(importPath, Module+"/")
	if isTestPackage(importer) {
		return nil
	}
	c := &sourceCheck{pkg: importPath, fset: fset, written: map[string]token.Pos{},
		program: within(importer, "cmd")}
	files = slices.DeleteFunc(slices.Clone(files), func(f File) bool { return ast.IsGenerated(f.AST) })
	for _, f := range files {
		c.program = c.program || f.AST.Name.Name == "main"
		c.collectWrites(f.AST)
	}
	for _, f := range files {
		c.declarations(f)
		c.calls(f)
	}
	return c.found
}

type sourceCheck struct {
	pkg     string
	fset    *token.FileSet
	program bool                 // may print and read the environment
	written map[string]token.Pos // package-level names that something writes to
	found   []Violation
}

func (c *sourceCheck) breach(rule string, f File, at token.Pos, what, why string) {
	c.found = append(c.found, Violation{rule, c.pkg, fmt.Sprintf("%s:%d: %s", f.Name, c.fset.Position(at).Line, what), why})
}

func (c *sourceCheck) declarations(f File) {
	for _, d := range f.AST.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.Name == "init" {
				c.breach("init", f, d.Pos(), "func init", "nothing happens by being imported: wire it in cmd")
			}
		case *ast.GenDecl:
			if d.Tok != token.VAR {
				continue
			}
			for _, s := range d.Specs {
				c.variable(f, d, s.(*ast.ValueSpec))
			}
		}
	}
}

// calls checks what package functions are called or passed around.
func (c *sourceCheck) calls(f File) {
	names := map[string]string{} // local name → import path
	for _, imp := range f.AST.Imports {
		p, err := strconv.Unquote(imp.Path.Value)
		if err != nil {
			continue
		}
		name := path.Base(p)
		if imp.Name != nil {
			name = imp.Name.Name
		}
		names[name] = p
	}
	ast.Inspect(f.AST, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		id, ok := sel.X.(*ast.Ident)
		if !ok || id.Obj != nil { // a local variable of the same name
			return true
		}
		switch rule := forbidden(names[id.Name], sel.Sel.Name, c.program); rule {
		case "default-logger":
			c.breach(rule, f, sel.Pos(), dotted(sel), "write to the *slog.Logger that was passed")
		case "environment":
			c.breach(rule, f, sel.Pos(), dotted(sel), "configuration and environment are read in cmd and passed")
		}
		return true
	})
}

// forbidden names the rule against using a function of the standard library.
func forbidden(pkg, name string, program bool) string {
	switch pkg {
	case "log/slog":
		if slices.Contains([]string{"Default", "SetDefault", "Debug", "Info", "Warn", "Error", "Log", "LogAttrs", "With",
			"DebugContext", "InfoContext", "WarnContext", "ErrorContext"}, name) {
			return "default-logger"
		}
	case "log":
		if name != "Logger" && name != "New" && !strings.HasPrefix(name, "L") {
			return "default-logger"
		}
	case "fmt":
		if !program && slices.Contains([]string{"Print", "Printf", "Println"}, name) {
			return "default-logger"
		}
	case "os":
		if !program && slices.Contains([]string{"Getenv", "LookupEnv", "Environ", "ExpandEnv", "Setenv", "Unsetenv", "Args"}, name) {
			return "environment"
		}
	case "flag":
		if !program {
			return "environment"
		}
	}
	return ""
}
