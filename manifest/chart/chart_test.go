package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/template"

	"sigs.k8s.io/yaml"

	"fairlead.dev/fairlead/manifest"
)

const checkedIn = "../../charts/fairlead"

func TestTheChartIsUpToDate(t *testing.T) {
	want := files()
	var there []string
	err := filepath.WalkDir(checkedIn, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(checkedIn, path)
			there = append(there, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(there)
	if names := slices.Sorted(maps.Keys(want)); !slices.Equal(names, there) {
		t.Errorf("the chart has\n%v\nand should have\n%v\nrun make generate", there, names)
	}
	for name, text := range want {
		if got, err := os.ReadFile(filepath.Join(checkedIn, name)); err == nil && string(got) != text {
			t.Errorf("%s/%s is not what the objects say: run make generate", checkedIn, name)
		}
	}
}

// render does what helm template does with this chart, as far as it uses templates at all. It returns the documents, sorted.
func render(t *testing.T, change func(values map[string]any)) []string {
	t.Helper()
	values := map[string]any{}
	if err := yaml.Unmarshal([]byte(valuesText()), &values); err != nil {
		t.Fatal(err)
	}
	change(values)
	helm := template.FuncMap{
		"toYaml": func(v any) string {
			text, err := yaml.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			return strings.TrimSuffix(string(text), "\n")
		},
		"nindent": func(n int, text string) string {
			pad := "\n" + strings.Repeat(" ", n)
			return pad + strings.ReplaceAll(text, "\n", pad)
		},
	}
	var stream strings.Builder
	for name, text := range files() {
		if !strings.HasPrefix(name, "templates/") || !strings.HasSuffix(name, ".yaml") {
			continue
		}
		parsed, err := template.New(name).Funcs(helm).Option("missingkey=error").Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := parsed.Execute(&stream, map[string]any{"Values": values}); err != nil {
			t.Fatal(err)
		}
	}
	return documents(stream.String())
}

func documents(stream string) (all []string) {
	for _, doc := range strings.Split("\n"+stream, "\n---\n") {
		if doc = strings.TrimSpace(doc); doc != "" && !strings.Contains(doc, "kind: CustomResourceDefinition") {
			all = append(all, doc)
		}
	}
	slices.Sort(all)
	return all
}

func on(values map[string]any, key string) { values[key].(map[string]any)["enabled"] = true }

func TestTheChartInstallsWhatTheManifestDoes(t *testing.T) {
	for _, tc := range []struct {
		name   string
		values func(map[string]any)
		want   []byte
	}{
		{"by default an agent", func(map[string]any) {}, manifest.Text(manifest.Agent(manifest.AgentOptions{}))},
		{"with everything", func(v map[string]any) {
			v["gateways"], v["networkPolicy"], v["image"] = true, true, "example.org/f:1"
			v["agent"].(map[string]any)["replicas"], v["dns"].(map[string]any)["replicas"] = 3, 4
		}, manifest.Text(manifest.Agent(manifest.AgentOptions{
			Image: "example.org/f:1", Replicas: 3, DNSReplicas: 4, Gateways: true, NetworkPolicy: true,
		}))},
		{"a hub alone", func(v map[string]any) {
			on(v, "hub")
			v["agent"].(map[string]any)["enabled"] = false
		}, manifest.Text(manifest.Hub(manifest.HubOptions{}))},
	} {
		got, want := render(t, tc.values), documents(string(tc.want))
		if len(got) != len(want) {
			t.Errorf("%s: %d objects, want %d", tc.name, len(got), len(want))
			continue
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s:\n%s\nwant:\n%s", tc.name, got[i], want[i])
			}
		}
	}
	both := render(t, func(v map[string]any) { on(v, "hub") })
	agent, hub := documents(string(manifest.Text(manifest.Agent(manifest.AgentOptions{})))), documents(string(manifest.Text(manifest.Hub(manifest.HubOptions{}))))
	if len(both) != len(agent)+len(hub)-1 {
		t.Errorf("a hub that is a member has %d objects, want %d: only the namespace is for both", len(both), len(agent)+len(hub)-1)
	}
}

func TestResourcesAreValues(t *testing.T) {
	got := render(t, func(v map[string]any) {
		v["agent"].(map[string]any)["resources"] = map[string]any{"limits": map[string]any{"memory": "7Gi"}}
	})
	if text := strings.Join(got, "\n"); strings.Count(text, "memory: 7Gi") != 1 || strings.Contains(text, "memory: 1Gi") {
		t.Error("the agent's resources are not those of the values")
	}
}
