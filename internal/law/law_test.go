package law

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const module = "fairlead.dev/fairlead"

// layer says how far from the words a package stands. A package imports packages of lower layers, and of its own layer.
type layer int

const (
	words layer = iota
	pure
	edges
	wiring
)

var layers = map[string]layer{
	"fleet": words, "api/v1alpha1": words, "api/about/v1beta1": words,

	"mcs": pure, "health": pure, "balance": pure, "route": pure, "picture": pure,
	"match": pure, "xds": pure, "trace": pure, "plan": pure, "proxy/strict": pure,

	"xds/serve": edges, "proxy": edges, "dns": edges, "folder": edges, "agent": edges, "hub": edges, "echo": edges, "control": edges,
	"internal/load": edges, "kube": edges, "membership": edges, "manifest": edges, "check": edges,

	"role": wiring, "test": wiring, "dev": wiring, "cmd/fairlead": wiring, "cmd/fairlead-proxy": wiring, "internal/scenario": wiring, "internal/law": wiring,
}

// forbidden are imports that a pure package must not have: they are I/O, clocks or logs.
var forbidden = []string{"os", "net/http", "log", "log/slog", "context", "os/exec", "io/fs", "io/ioutil", "math/rand"}

// words from a package that otherwise is I/O: the type http.Header, the names of methods.
var allowed = map[string]string{"match": "net/http", "trace": "net/http"}

// dataPlane must not carry Kubernetes libraries.
var dataPlane = []string{"fleet", "balance", "match", "proxy", "cmd/fairlead-proxy"}

type listed struct {
	ImportPath, Dir, Name string
	GoFiles, Imports      []string
	Deps                  []string
}

func packages(t *testing.T) (all []listed) {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,Name,GoFiles,Imports,Deps", module+"/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// layerOf returns the layer of a package: its own, or that of the nearest folder above it.
func layerOf(rel string) (layer, bool) {
	for ; rel != "." && rel != "/"; rel = filepath.Dir(rel) {
		if l, ok := layers[rel]; ok {
			return l, true
		}
	}
	return 0, false
}

func TestImportsFollowTheFlow(t *testing.T) {
	for _, p := range packages(t) {
		rel := strings.TrimPrefix(p.ImportPath, module+"/")
		own, ok := layerOf(rel)
		if !ok {
			t.Errorf("%s has no layer: give it one in law_test.go", rel)
			continue
		}
		for _, imp := range p.Imports {
			other, inside := strings.CutPrefix(imp, module+"/")
			if l, known := layerOf(other); inside && known && l > own {
				t.Errorf("%s imports %s: words <- pure <- edges <- cmd", rel, other)
			}
			if own <= pure {
				for _, f := range forbidden {
					if imp == f && allowed[rel] != f {
						t.Errorf("%s imports %s: a pure package has no I/O, clock, log or context", rel, imp)
					}
				}
			}
		}
	}
}

func TestDataPlaneKnowsNoKubernetes(t *testing.T) {
	for _, p := range packages(t) {
		rel := strings.TrimPrefix(p.ImportPath, module+"/")
		for _, d := range dataPlane {
			if rel != d && !strings.HasPrefix(rel, d+"/") {
				continue
			}
			for _, dep := range p.Deps {
				if strings.HasPrefix(dep, "k8s.io/") || strings.HasPrefix(dep, "sigs.k8s.io/") {
					t.Errorf("%s depends on %s", rel, dep)
					break
				}
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range packages(t) {
		documented := false
		for _, name := range p.GoFiles {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.PackageClauseOnly|parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			documented = documented || (f.Doc != nil && len(strings.Fields(f.Doc.Text())) > 8)
		}
		if !documented && len(p.GoFiles) > 0 {
			t.Errorf("%s: no package comment", p.ImportPath)
		}
	}
}

func TestExportedNamesAreDocumented(t *testing.T) {
	for _, p := range packages(t) {
		for _, name := range p.GoFiles {
			if strings.HasPrefix(name, "zz_generated") {
				continue
			}
			fset := token.NewFileSet()
			f, err := parser.ParseFile(fset, filepath.Join(p.Dir, name), nil, parser.ParseComments)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range f.Decls {
				if what := undocumented(d); what != "" {
					t.Errorf("%s/%s: %s has no comment", strings.TrimPrefix(p.ImportPath, module+"/"), name, what)
				}
			}
		}
	}
}

// undocumented returns the name of an exported declaration without a comment.
func undocumented(d ast.Decl) string {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && d.Doc == nil && (d.Recv == nil || exportedReceiver(d.Recv)) && !wellKnown[d.Name.Name] {
			return d.Name.Name
		}
	case *ast.GenDecl:
		for _, s := range d.Specs {
			if ts, ok := s.(*ast.TypeSpec); ok && ts.Name.IsExported() && d.Doc == nil && ts.Doc == nil {
				return ts.Name.Name
			}
		}
	}
	return ""
}

// wellKnown are methods whose contract is that of the interface that they implement.
var wellKnown = map[string]bool{"String": true, "Error": true, "Unwrap": true, "Read": true, "Write": true, "Close": true}

func exportedReceiver(r *ast.FieldList) bool {
	t := r.List[0].Type
	if star, ok := t.(*ast.StarExpr); ok {
		t = star.X
	}
	id, ok := t.(*ast.Ident)
	return ok && id.IsExported()
}
