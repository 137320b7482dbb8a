package folder

import (
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func servicesOf(c *Cluster) iter.Seq[*corev1.Service] { return All[*corev1.Service](c) }

func service(name, port string) string {
	return "apiVersion: v1\nkind: Service\nmetadata: {name: " + name + ", namespace: shop}\nspec:\n  ports: [{port: " + port + "}]\n"
}

// objects prints what a set holds, with ports, and "!" for what is kept.
func objects(s *Set) string {
	var out []string
	for _, c := range s.Clusters {
		for _, o := range c.Objects {
			line := c.Name + ":" + o.Ref().String()
			if s, ok := o.Manifest.(*corev1.Service); ok {
				line = c.Name + ":" + s.Name + "=" + s.Spec.Ports[0].TargetPort.String()
			}
			if o.Kept {
				line += "!"
			}
			out = append(out, line)
		}
	}
	return strings.Join(out, " ")
}

// Each step is read after the one before.
func TestMerge(t *testing.T) {
	type step struct {
		texts map[string]string
		want  string // objects
		told  string
	}
	two := service("cart", "80") + "---\n" + service("web", "81")
	for name, steps := range map[string][]step{
		"a broken object keeps its last good state by name": {
			{map[string]string{"a/x.yaml": two}, "a:cart=80 a:web=81", ""},
			{map[string]string{"a/x.yaml": service("web", "99999") + "---\n" + service("cart", "82")}, "a:cart=82 a:web=81!",
				"a/x.yaml:5: Service shop/web: spec.ports[0].port: 99999 is out of range, use 1 to 65535\n"},
			{map[string]string{"a/x.yaml": service("web", "eighty") + "---\n" + service("cart", "83")}, "a:cart=83 a:web=81!",
				"a/x.yaml:5: Service shop/web: spec.ports[0].port: is the text \"eighty\", but must be a whole number\n"},
			{map[string]string{"a/x.yaml": service("web", "84")}, "a:web=84", ""},
		},
		"broken syntax keeps the object that it names": {
			{map[string]string{"a/x.yaml": two}, "a:cart=80 a:web=81", ""},
			{map[string]string{"a/x.yaml": "---\n" + service("cart", "[") + "---\n" + service("web", "82")}, "a:cart=80! a:web=82", ""},
			{map[string]string{"a/x.yaml": strings.Replace(two, "{name: cart, namespace: shop}", "\n name: cart\n namespace: shop\n\tx: y", 1)}, "a:cart=80! a:web=81", ""},
		},
		"broken syntax without a name keeps what stood in its place": {
			{map[string]string{"a/x.yaml": two}, "a:cart=80 a:web=81", ""},
			{map[string]string{"a/x.yaml": "[\n---\n" + service("web", "82")}, "a:cart=80! a:web=82", ""},
		},
		"an object that moved away is not kept twice": {
			{map[string]string{"a/x.yaml": two}, "a:cart=80 a:web=81", ""},
			{map[string]string{"a/x.yaml": "[\n", "a/y.yaml": service("cart", "82")}, "a:cart=82", ""},
		},
		"a deleted object is deleted": {
			{map[string]string{"a/x.yaml": two, "a/y.yaml": service("pay", "83")}, "a:cart=80 a:web=81 a:pay=83", ""},
			{map[string]string{"a/x.yaml": service("web", "81")}, "a:web=81", ""},
		},
		"a broken object that never was good is left out": {
			{map[string]string{"a/x.yaml": service("cart", "0") + "---\n" + service("web", "81")}, "a:web=81", "a/x.yaml:5: Service shop/cart: spec.ports[0].port: 0 is out of range, use 1 to 65535\n"},
		},
		"a cluster that is gone is held": {
			{map[string]string{"a/x.yaml": service("cart", "80"), "b/x.yaml": service("cart", "80")}, "a:cart=80 b:cart=80", ""},
			{map[string]string{"a/x.yaml": service("cart", "80")}, "a:cart=80 b:cart=80",
				"b: has no manifest any more, and nothing explains that: its last state is kept. Put the folder back, or delete its ServiceExports first to retire the cluster\n"},
			{map[string]string{"a/x.yaml": service("cart", "81"), "b/x.yaml": "# empty"}, "a:cart=81 b:cart=80",
				"b: has no manifest any more, and nothing explains that: its last state is kept. Put the folder back, or delete its ServiceExports first to retire the cluster\n"},
			{map[string]string{"a/x.yaml": service("cart", "81"), "b/x.yaml": service("web", "82")}, "a:cart=81 b:web=82", ""},
		},
		"a cluster whose new name is taken keeps its own": {
			{map[string]string{"a/x.yaml": service("cart", "80"), "b/x.yaml": service("cart", "81")}, "a:cart=80 b:cart=81", ""},
			{map[string]string{"a/x.yaml": service("cart", "80"), "b/x.yaml": service("cart", "82") + "---\n" + named("a")}, "a:cart=80 b:cart=82 b:ClusterProperty cluster.clusterset.k8s.io",
				"b/x.yaml:11: ClusterProperty cluster.clusterset.k8s.io: spec.value: cluster a is in a already (a): give this one a name of its own\n"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var set *Set
			for i, s := range steps {
				next, _ := Read(files(s.texts))
				var problems []Problem
				set, problems = Merge(set, next)
				if got := objects(set); got != s.want {
					t.Errorf("step %d: got %s, want %s", i+1, got, s.want)
				}
				if got := told(problems); got != s.told && s.told != "" {
					t.Errorf("step %d: got\n%s\nwant\n%s", i+1, got, s.told)
				}
			}
		})
	}
}

func named(cluster string) string {
	return "apiVersion: about.k8s.io/v1beta1\nkind: ClusterProperty\nmetadata: {name: cluster.clusterset.k8s.io}\nspec:\n  value: " + cluster + "\n"
}

// A cluster keeps the address that it was given when others come and go.
func TestMergeKeepsAddresses(t *testing.T) {
	first, _ := Read(files(map[string]string{"b/x.yaml": service("cart", "80"), "c/x.yaml": service("cart", "80")}))
	next, _ := Read(files(map[string]string{"a/x.yaml": service("cart", "80"), "b/x.yaml": service("cart", "80"), "c/x.yaml": service("cart", "80")}))
	first, _ = Merge(nil, first)
	merged, _ := Merge(first, next)
	if got, want := clustersOf(merged), "a=a@127.0.0.13 b=b@127.0.0.11 c=c@127.0.0.12"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A broken profile does not move the cluster.
func TestMergeKeepsIdentity(t *testing.T) {
	good, _ := Read(files(map[string]string{"a/x.yaml": shop}))
	broken, _ := Read(files(map[string]string{"a/x.yaml": strings.Replace(shop, "properties:", "propertys:", 1)}))
	merged, problems := Merge(good, broken)
	if got, want := clustersOf(merged), "a=west@127.0.0.11"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got, want := told(problems), "a/x.yaml:7: ClusterProfile default/west: status.propertys: is not a field here, did you mean properties?\n"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A file that cannot be read is told of, and what it held is kept.
func TestUnreadableFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a", "x.yaml")
	if err := os.Mkdir(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(service("cart", "80")), 0o644); err != nil {
		t.Fatal(err)
	}
	r := &reader{}
	before, _ := Merge(nil, r.scan(os.DirFS(dir)))
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("nowhere", path); err != nil {
		t.Skip(err)
	}
	after, problems := Merge(before, r.scan(os.DirFS(dir)))
	if got := objects(after); got != "a:cart=80!" || !strings.HasPrefix(told(problems), "a/x.yaml: cannot be read: ") {
		t.Errorf("got %s and\n%s", got, told(problems))
	}
}
