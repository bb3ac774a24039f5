package layout

import (
	"fmt"
	"go/ast"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
)

// variable checks the names of one var specification.
func (c *sourceCheck) variable(f File, d *ast.GenDecl, s *ast.ValueSpec) {
	marked := hasDirective(s.Doc) || hasDirective(s.Comment) || !d.Lparen.IsValid() && hasDirective(d.Doc)
	for i, name := range s.Names {
		if name.Name == "_" || isEmbed(s.Doc) || isEmbed(d.Doc) {
			continue
		}
		what := "var " + name.Name
		var value ast.Expr
		if i < len(s.Values) {
			value = s.Values[i]
		}
		if at, ok := c.written[name.Name]; ok {
			p := c.fset.Position(at)
			c.breach("package-var", f, name.Pos(), what,
				fmt.Sprintf("is written to or has its address taken at %s:%d: keep state in a struct that is passed", filepath.Base(p.Filename), p.Line))
			continue
		}
		if marked || isErrorValue(name.Name, value) {
			continue
		}
		switch {
		case name.IsExported():
			c.breach("package-var", f, name.Pos(), what, "is exported, so anyone may write to it: make it a const or a function, or say //layout:readonly and why")
		case value == nil && len(s.Values) == 0:
			c.breach("package-var", f, name.Pos(), what, "has no value, so something must write to it: keep state in a struct that is passed")
		case !isFixed(value):
			c.breach("package-var", f, name.Pos(), what, "is not a plain literal: make it a function, or say //layout:readonly and why")
		}
	}
}

func hasDirective(g *ast.CommentGroup) bool {
	if g == nil {
		return false
	}
	for _, c := range g.List {
		if why, ok := strings.CutPrefix(c.Text, "//layout:readonly "); ok && strings.TrimSpace(why) != "" {
			return true
		}
	}
	return false
}

func isEmbed(g *ast.CommentGroup) bool {
	return g != nil && slices.ContainsFunc(g.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

// isErrorValue trusts the name: ErrX and errX are sentinels in all of Go.
func isErrorValue(name string, value ast.Expr) bool {
	rest, ok := strings.CutPrefix(strings.ToUpper(name[:1])+name[1:], "Err")
	return ok && rest != "" && rest[0] >= 'A' && rest[0] <= 'Z' && value != nil
}

// isFixed reports whether e is a value that nothing can change behind its
// name's back, given that nobody writes to the name.
func isFixed(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.BasicLit, *ast.Ident, *ast.FuncLit, *ast.BinaryExpr, *ast.SelectorExpr, *ast.IndexExpr:
		return true
	case *ast.CompositeLit: // sync.Mutex{}, atomic.Int64{}, bytes.Buffer{} change by their methods
		name, _, _ := strings.Cut(dotted(e.Type), ".")
		return !slices.Contains([]string{"sync", "atomic", "bytes", "http"}, name)
	case *ast.ParenExpr:
		return isFixed(e.X)
	case *ast.UnaryExpr:
		return e.Op != token.AND && isFixed(e.X)
	case *ast.CallExpr:
		switch fun := e.Fun.(type) {
		case *ast.FuncLit: // a table computed on the spot
			return len(e.Args) == 0
		case *ast.ArrayType, *ast.MapType: // a conversion
			return true
		case *ast.Ident:
			return slices.Contains([]string{"string", "len", "int", "int64", "uint64", "float64", "rune", "byte"}, fun.Name) ||
				isTableMaker(fun.Name, e.Args)
		case *ast.SelectorExpr:
			return isPure(fun)
		}
	}
	return false
}

// isTableMaker: wordSet("a b c") makes a table, newCache(10) makes state.
func isTableMaker(name string, args []ast.Expr) bool {
	return len(args) > 0 && name != "make" && name != "new" && name != "append" &&
		!slices.ContainsFunc(args, func(a ast.Expr) bool { return !isText(a) })
}

// isText accepts string literals, joined by + or not.
func isText(e ast.Expr) bool {
	if b, ok := e.(*ast.BinaryExpr); ok {
		return isText(b.X) && isText(b.Y)
	}
	lit, ok := e.(*ast.BasicLit)
	return ok && lit.Kind == token.STRING
}

// isPure knows the calls whose results are safe to share and never change,
// and chains of template methods before them.
func isPure(fun *ast.SelectorExpr) bool {
	if slices.Contains([]string{"regexp.MustCompile", "regexp.MustCompilePOSIX", "template.Must", "template.New",
		"strings.NewReplacer", "errors.New", "time.Date", "base32.NewEncoding", "slices.Sorted"}, dotted(fun)) {
		return true
	}
	inner, ok := fun.X.(*ast.CallExpr) // template.New("x").Funcs(f).Parse(s), base32.NewEncoding(a).WithPadding(p)
	if !ok {
		return false
	}
	s, ok := inner.Fun.(*ast.SelectorExpr)
	return ok && isPure(s)
}

func dotted(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return dotted(e.X) + "." + e.Sel.Name
	}
	return ""
}

// collectWrites notes the package-level names that code in f writes to.
func (c *sourceCheck) collectWrites(f *ast.File) {
	write := func(e ast.Expr) {
		if id := root(e); id != nil && isPackageLevel(f, id) {
			if _, ok := c.written[id.Name]; !ok {
				c.written[id.Name] = id.Pos()
			}
		}
	}
	for _, d := range f.Decls {
		fn, ok := d.(*ast.FuncDecl)
		if !ok || fn.Body == nil {
			continue
		}
		ast.Inspect(fn.Body, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				if n.Tok != token.DEFINE {
					for _, e := range n.Lhs {
						write(e)
					}
				}
			case *ast.IncDecStmt:
				write(n.X)
			case *ast.RangeStmt:
				if n.Tok == token.ASSIGN {
					write(n.Key)
					write(n.Value)
				}
			case *ast.UnaryExpr:
				if n.Op == token.AND {
					write(n.X)
				}
			case *ast.SendStmt:
				write(n.Chan)
			case *ast.CallExpr:
				if fun, ok := n.Fun.(*ast.Ident); ok && len(n.Args) > 0 && slices.Contains([]string{"delete", "clear", "copy"}, fun.Name) {
					write(n.Args[0])
				}
			}
			return true
		})
	}
}

// root is the variable that an expression such as x.f[i] belongs to; nil for
// composite literals and results of calls.
func root(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.Ident:
			return x
		case *ast.SelectorExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.ParenExpr:
			e = x.X
		default:
			return nil
		}
	}
}

// isPackageLevel: the parser resolves local names; what stays unresolved, or
// resolves to the file's own scope, is the package's.
func isPackageLevel(f *ast.File, id *ast.Ident) bool {
	return id.Obj == nil || f.Scope.Lookup(id.Name) == id.Obj
}
