package recipe

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

func TestEveryRecipeIsAPinnedModule(t *testing.T) {
	for _, r := range recipes {
		text, err := texts.ReadFile(r.text())
		if err != nil {
			t.Fatal(err)
		}
		a := txtar.Parse(text)
		var names []string
		for _, f := range a.Files {
			names = append(names, f.Name)
			if f.Name == "go.mod" && !strings.HasPrefix(string(f.Data), "module recipe/"+r.name+"\n") {
				t.Errorf("%s: its module has another name", r.name)
			}
			if f.Name == "go.mod" && strings.Contains(string(f.Data), "require") && !slices.ContainsFunc(a.Files, func(f txtar.File) bool { return f.Name == "go.sum" }) {
				t.Errorf("%s: modules without sums", r.name)
			}
		}
		if len(a.Comment) == 0 || !slices.Contains(names, "go.mod") {
			t.Errorf("%s holds %v under the comment %q", r.name, names, a.Comment)
		}
	}
}

func TestVersionsAreThoseOfTheModules(t *testing.T) {
	for name, want := range map[string]string{"kubernetes": "k8s.io/kubernetes " + KubernetesVersion, "containerd": "containerd/v2 " + containerdVersion} {
		text, err := texts.ReadFile("recipes/" + name + ".txtar")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), want+"\n") {
			t.Errorf("%s: the module is not %s", name, want)
		}
	}
}
