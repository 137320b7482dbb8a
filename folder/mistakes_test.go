package folder

import (
	"maps"
	"strings"
	"testing"
	"testing/fstest"
)

// files makes a folder of texts by path.
func files(texts map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{}
	for name, text := range texts {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

// told returns problems as lines.
func told(problems []Problem) string {
	var b strings.Builder
	for _, p := range problems {
		b.WriteString(p.String() + "\n")
	}
	return b.String()
}

const good = `apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  ports: [{port: 80}]
`

// Each mistake is told with its place and a remedy, and the good object beside it is read all the same.
func TestMistakes(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"bad YAML": {`apiVersion: v1
kind: Service
metadata:
  name: cart
  namespace: shop
 spec: x
`, `west/x.yaml:6: Service shop/cart: is not YAML (did not find expected key): check the indentation and quotes of this line and the one before`},
		"tabs": {"apiVersion: v1\nkind: Service\nmetadata:\n\tname: cart\n",
			`west/x.yaml:4: Service: is not YAML (found character that cannot start any token): indent with spaces, YAML does not allow tabs`},
		"no mapping": {`- a
- b
`, `west/x.yaml:1: is a list, but must be one Kubernetes object: apiVersion, kind, metadata, spec`},
		"kind missing":    {"apiVersion: v1\n", `west/x.yaml:1: kind: is missing, write for example kind: Service`},
		"kind misspelled": {"apiVersion: v1\nkind: Servce\nmetadata: {name: cart}\n", `west/x.yaml:2: Servce cart: kind: Servce is not a kind that is read here, did you mean Service?`},
		"kind foreign": {"apiVersion: example.com/v1\nkind: Zebra\n",
			`west/x.yaml:2: Zebra: kind: Zebra is not a kind that is read here, use ClusterProfile, ClusterProperty, Deployment, EndpointSlice, Gateway, GatewayClass, HTTPRoute, Namespace, ReferenceGrant, Secret, Service, ServiceExport or StatefulSet`},
		"version missing": {"kind: Deployment\nmetadata: {name: cart}\n", `west/x.yaml:1: Deployment cart: apiVersion: is missing, write apiVersion: apps/v1`},
		"version old":     {"kind: Deployment\napiVersion: extensions/v1beta1\nmetadata: {name: cart}\n", `west/x.yaml:2: Deployment cart: apiVersion: extensions/v1beta1 is not a version of Deployment that is read here, use apps/v1`},
		"unknown field": {`apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec:
  ports:
  - port: 80
    targetport: 8080
`, `west/x.yaml:7: Service shop/cart: spec.ports[0].targetport: is not a field here, did you mean targetPort?`},
		"field at the wrong depth": {`apiVersion: apps/v1
kind: Deployment
metadata: {name: cart}
replicas: 3
spec:
  selector: {matchLabels: {app: cart}}
  template:
    metadata: {labels: {app: cart}}
    spec: {containers: [{name: echo, image: fairlead.dev/echo}]}
`, `west/x.yaml:4: Deployment default/cart: replicas: is not a field here, it belongs under spec`},
		"field twice": {`apiVersion: v1
kind: Service
metadata: {name: cart}
spec:
  ports: [{port: 80}]
  ports: [{port: 81}]
`, `west/x.yaml:6: Service default/cart: spec.ports: stands here twice, first in line 5: keep one`},
		"text for a number": {`apiVersion: v1
kind: Service
metadata: {name: cart}
spec:
  ports:
  - port: "80"
  - port: eighty
`, `west/x.yaml:6: Service default/cart: spec.ports[0].port: is the text "80", but must be a number: write 80, without quotes
west/x.yaml:7: Service default/cart: spec.ports[1].port: is the text "eighty", but must be a whole number`},
		"number for a text": {`apiVersion: v1
kind: Service
metadata:
  name: cart
  labels:
    version: 2
spec:
  clusterIP: None
`, `west/x.yaml:6: Service default/cart: metadata.labels.version: is the number 2, but must be text: write "2", with the quotes`},
		"mapping for a list": {`apiVersion: v1
kind: Service
metadata: {name: cart}
spec:
  ports:
    port: 80
`, `west/x.yaml:6: Service default/cart: spec.ports: is a mapping, but must be a list: begin each item with "- "`},
		"text for a mapping": {"apiVersion: v1\nkind: Service\nmetadata: cart\n", `west/x.yaml:3: Service: metadata: is the text "cart", but must be a mapping of fields`},
		"bad time": {`apiVersion: multicluster.x-k8s.io/v1beta1
kind: ServiceExport
metadata:
  name: cart
  creationTimestamp: yesterday
`, `west/x.yaml:5: ServiceExport default/cart: metadata.creationTimestamp: is the text "yesterday", which is no Time: write for example "2026-01-31T12:00:00Z"`},
		"name missing":   {"apiVersion: multicluster.x-k8s.io/v1beta1\nkind: ServiceExport\nmetadata:\n  namespace: shop\n", `west/x.yaml:3: ServiceExport shop/: metadata.name: is missing, write a name of lower-case letters, digits, '-' and '.', at most 253`},
		"name invalid":   {"apiVersion: v1\nkind: Service\nmetadata:\n  name: Cart_1\nspec: {clusterIP: None}\n", `west/x.yaml:4: Service default/Cart_1: metadata.name: "Cart_1" is not a valid name, use lower-case letters, digits and '-', a letter first, at most 63`},
		"port too large": {"apiVersion: v1\nkind: Service\nmetadata: {name: cart, namespace: shop}\nspec:\n  ports:\n  - name: http\n    port: 99999\n", `west/x.yaml:7: Service shop/cart: spec.ports[0].port: 99999 is out of range, use 1 to 65535`},
		"port missing":   {"apiVersion: v1\nkind: Service\nmetadata: {name: cart}\nspec:\n  ports:\n  - name: http\n", `west/x.yaml:6: Service default/cart: spec.ports[0].port: 0 is out of range, use 1 to 65535`},
		"huge number":    {"apiVersion: v1\nkind: Service\nmetadata: {name: cart}\nspec:\n  ports:\n  - port: 99999999999999999999\n", `west/x.yaml:6: Service default/cart: spec.ports[0].port: is the number 99999999999999999999, but must be a whole number`},
		"ports unnamed and twice": {"apiVersion: v1\nkind: Service\nmetadata: {name: cart}\nspec:\n  ports:\n  - {name: a, port: 80}\n  - {port: 80}\n",
			`west/x.yaml:7: Service default/cart: spec.ports[1].name: is missing, each port needs a name where there are several
west/x.yaml:7: Service default/cart: spec.ports[1].port: 80/TCP is spec.ports[0] too, remove one`},
		"protocol": {"apiVersion: v1\nkind: Service\nmetadata: {name: cart}\nspec:\n  ports:\n  - port: 80\n    protocol: tcp\n", `west/x.yaml:7: Service default/cart: spec.ports[0].protocol: tcp is not known, did you mean TCP?`},
		"slice address": {`apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: cart-1
  labels: {kubernetes.io/service-name: cart}
addressType: IPv4
endpoints:
- addresses: [10.0.0.256]
- addresses: ["fd00::1"]
ports:
- port: 0
`, `west/x.yaml:8: EndpointSlice default/cart-1: endpoints[0].addresses[0]: "10.0.0.256" is not an IP address
west/x.yaml:9: EndpointSlice default/cart-1: endpoints[1].addresses[0]: fd00::1 is not of addressType IPv4, put it into a slice of its own
west/x.yaml:11: EndpointSlice default/cart-1: ports[0].port: 0 is out of range, use 1 to 65535`},
		"slice of no service": {"apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: cart-1\naddressType: IPv4\nendpoints: []\n",
			`west/x.yaml:3: EndpointSlice default/cart-1: metadata.labels: kubernetes.io/service-name is missing, write the name of the Service there`},
		"secret without a certificate": {"apiVersion: v1\nkind: Secret\ntype: kubernetes.io/tls\nmetadata: {name: shop}\nstringData:\n  tls.key: x\n",
			`west/x.yaml:1: Secret default/shop: data: tls.crt is missing, a Secret of type kubernetes.io/tls needs it in PEM (plain under stringData, or base64 under data)`},
		"secret not base64": {"apiVersion: v1\nkind: Secret\nmetadata: {name: shop}\ndata:\n  tls.key: '-----BEGIN'\n",
			`west/x.yaml:5: Secret default/shop: data.tls.key: is not base64: encode it, or write plain text under stringData`},
		"selector": {`apiVersion: apps/v1
kind: Deployment
metadata: {name: cart}
spec:
  selector:
    matchLabels: {app: cart}
  template:
    metadata: {labels: {app: card}}
    spec: {containers: [{name: echo, image: fairlead.dev/echo}]}
`, `west/x.yaml:5: Deployment default/cart: spec.selector: does not match the labels of spec.template, give both the same labels`},
		"gateway": {`apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: fairlead
  listeners:
  - {name: http, protocol: HTTP, port: 70000}
  - {name: http, port: 8080, allowedRoutes: {namespaces: {from: Al}}}
`, `west/x.yaml:8: Gateway default/web: spec.listeners[1].allowedRoutes.namespaces.from: Al is not known, did you mean All?`},
		"gateway listeners": {`apiVersion: gateway.networking.k8s.io/v1beta1
kind: Gateway
metadata: {name: web}
spec:
  gatewayClassName: fairlead
  listeners:
  - {name: http, protocol: HTTP, port: 80808}
  - {name: http, port: 8080}
`, `west/x.yaml:7: Gateway default/web: spec.listeners[0].port: 80808 is out of range, use 1 to 65535
west/x.yaml:8: Gateway default/web: spec.listeners[1].name: http is the name of spec.listeners[0] too, give each listener its own
west/x.yaml:8: Gateway default/web: spec.listeners[1].protocol: is missing, write HTTP or HTTPS`},
		"class": {"apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: {name: fairlead}\nspec: {controllerName: example.com/x}\n",
			`west/x.yaml:4: GatewayClass fairlead: spec.controllerName: is "example.com/x", but class fairlead is served by fairlead.dev/gateway`},
		"route": {`apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  hostnames: ["shop.example:8080"]
  rules:
  - matches:
    - path: {type: Prefix, value: /}
`, `west/x.yaml:5: HTTPRoute default/web: spec.hostnames[0]: shop.example:8080 is not a hostname, write for example shop.example
west/x.yaml:8: HTTPRoute default/web: spec.rules[0].matches[0].path.type: Prefix is not known, did you mean PathPrefix?`},
		"route rules": {`apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: web}
spec:
  rules:
  - matches:
    - path: {value: cart}
    filters:
    - type: URLRewrite
    - type: RequestRedirect
      requestRedirect: {statusCode: 200}
    backendRefs:
    - name: web
`, `west/x.yaml:7: HTTPRoute default/web: spec.rules[0].matches[0].path.value: "cart" is not a path, begin it with /
west/x.yaml:9: HTTPRoute default/web: spec.rules[0].filters[0].urlRewrite: is missing, a filter of type URLRewrite needs it
west/x.yaml:11: HTTPRoute default/web: spec.rules[0].filters[1].requestRedirect.statusCode: 200 is not a redirect, use 301, 302, 303, 307 or 308
west/x.yaml:13: HTTPRoute default/web: spec.rules[0].backendRefs[0].port: is missing, write the port of the Service`},
		"duplicate": {good, `west/x.yaml:1: Service shop/web: is in west/good.yaml:1 already, keep one of them`},
		"second document": {`apiVersion: v1
kind: Namespace
metadata: {name: shop}
--- # the export
apiVersion: multicluster.x-k8s.io/v1alpha1
kind: ServiceExport
metadata: {name: cart, namespace: Shop}
`, `west/x.yaml:7: ServiceExport Shop/cart: metadata.namespace: "Shop" is not a valid name, use lower-case letters, digits and '-', at most 63`},
		"in a list": {`apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Namespace
  metadata: {name: shop}
- apiVersion: v1
  kind: Service
  metadata: {name: cart}
  spec: {ports: []}
`, `west/x.yaml:10: Service default/cart: spec.ports: is missing, write at least one port (only headless services, clusterIP: None, may have none)`},
		"cluster name": {"apiVersion: about.k8s.io/v1beta1\nkind: ClusterProperty\nmetadata: {name: cluster.clusterset.k8s.io}\nspec:\n  value: West_1\n",
			`west/x.yaml:5: ClusterProperty cluster.clusterset.k8s.io: spec.value: "West_1" is not a cluster name, use lower-case letters, digits and '-', at most 63`},
	} {
		t.Run(name, func(t *testing.T) {
			set, problems := Read(files(map[string]string{"west/good.yaml": good, "west/x.yaml": c.text}))
			if got := strings.TrimSuffix(told(problems), "\n"); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if name == "cluster name" {
				return
			}
			if c := set.Cluster("west"); c == nil || len(c.Objects) == 0 || c.Objects[0].Ref().String() != "Service shop/web" {
				t.Errorf("the good object beside it is not there: %+v", c)
			}
		})
	}
}

// What has no meaning between clusters, and what is no manifest, is passed over in silence.
func TestLeftAlone(t *testing.T) {
	set, problems := Read(files(map[string]string{
		"README.md":             "# shop",
		".git/config.yaml":      "x: [",
		"west/good.yaml":        good,
		"west/.hidden.yaml":     "x: [",
		"west/.git/x.yaml":      "x: [",
		"west/good.yaml~":       "x: [",
		"west/#good.yaml":       "x: [",
		"west/.#good.yaml":      "x: [",
		"west/.good.yaml.swp":   "x: [",
		"west/notes.txt":        "x: [",
		"west/empty.yaml":       "",
		"west/comment.yaml":     "# nothing\n---\n# still nothing\n---\n",
		"west/config.yaml":      "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {}\n",
		"west/rbac.yaml":        "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: x}\n",
		"west/deep/er/cart.yml": strings.ReplaceAll(good, "web", "cart"),
		"west/pay.json":         "{\n\t\"apiVersion\": \"v1\", \"kind\": \"Service\",\n\t\"metadata\": {\"name\": \"pay\"},\n\t\"spec\": {\"clusterIP\": \"None\"}}\n",
		"docs/README.md":        "no cluster",
		"docs/empty.yaml":       "# none here either",
	}))
	if len(problems) > 0 {
		t.Errorf("got\n%s", told(problems))
	}
	if len(set.Clusters) != 1 || len(set.Clusters[0].Objects) != 3 {
		t.Errorf("got %+v", set.Clusters)
	}
}

func TestFolderMistakes(t *testing.T) {
	property := func(value string) string {
		return "apiVersion: about.k8s.io/v1alpha1\nkind: ClusterProperty\nmetadata: {name: cluster.clusterset.k8s.io}\nspec: {value: " + value + "}\n"
	}
	profile := func(name, address string) string {
		return "apiVersion: multicluster.x-k8s.io/v1alpha1\nkind: ClusterProfile\nmetadata: {name: " + name + "}\nstatus:\n  properties:\n" +
			"  - {name: fairlead.dev/address, value: " + address + "}\n"
	}
	for name, c := range map[string]struct {
		texts    map[string]string
		want     string
		clusters string // folder=name@address
	}{
		"empty":      {map[string]string{}, ".: holds no cluster: make a sub-folder for each cluster and put its manifests there\n", ""},
		"flat":       {map[string]string{"web.yaml": good, "west/a.yaml": good}, "web.yaml: stands outside of every cluster: move it into a sub-folder, one for each cluster\n", "west=west@127.0.0.11"},
		"plain":      {map[string]string{"b/a.yaml": good, "a/a.yaml": good}, "", "a=a@127.0.0.11 b=b@127.0.0.12"},
		"property":   {map[string]string{"a/a.yaml": property("west.example")}, "", "a=west.example@127.0.0.11"},
		"profile":    {map[string]string{"a/a.yaml": profile("west", "127.0.0.42")}, "", "a=west@127.0.0.42"},
		"both":       {map[string]string{"a/a.yaml": profile("x", "127.0.0.42"), "a/b.yaml": property("west")}, "", "a=west@127.0.0.42"},
		"same name":  {map[string]string{"a/a.yaml": property("west"), "b/b.yaml": property("west")}, "b/b.yaml:4: ClusterProperty cluster.clusterset.k8s.io: spec.value: cluster west is in a already (a/a.yaml:1): give this one a name of its own\n", "a=west@127.0.0.11"},
		"bad folder": {map[string]string{"West Coast/a.yaml": good}, "West Coast: is not a cluster name (an RFC 1123 label): rename the folder, or add a ClusterProperty cluster.clusterset.k8s.io\n", ""},
		"same address": {map[string]string{"a/a.yaml": profile("a", "127.0.0.11"), "b/b.yaml": profile("b", "127.0.0.11")},
			"b/b.yaml:5: ClusterProfile default/b: status.properties: 127.0.0.11 is the address of cluster a too, give each cluster its own\n", "a=a@127.0.0.11 b=b@127.0.0.12"},
		"bad address": {map[string]string{"a/a.yaml": profile("a", "localhost")},
			"a/a.yaml:6: ClusterProfile default/a: status.properties[0].value: \"localhost\" is not an IP address, write for example 127.0.0.11\n", "a=a@127.0.0.11"},
		"broken profile": {map[string]string{"a/a.yaml": strings.Replace(profile("west", "127.0.0.42"), "properties", "props", 1)},
			"a/a.yaml:5: ClusterProfile default/west: status.props: is not a field here, use accessProviders, conditions, credentialProviders, properties or version\n", "a=west@127.0.0.11"},
		"broken property": {map[string]string{"a/a.yaml": strings.Replace(property("west"), "spec", "sepc", 1)},
			"a: has a broken ClusterProperty cluster.clusterset.k8s.io: the cluster has no name until that is mended\n" +
				"a/a.yaml:4: ClusterProperty cluster.clusterset.k8s.io: sepc: is not a field here, did you mean spec?\n", ""},
		"two profiles": {map[string]string{"a/a.yaml": profile("a", "127.0.0.42"), "a/b.yaml": profile("b", "127.0.0.43")},
			"a/b.yaml:1: ClusterProfile default/b: is a second ClusterProfile in this folder, keep the one of this cluster (a/a.yaml:1)\n", "a=a@127.0.0.42"},
	} {
		t.Run(name, func(t *testing.T) {
			set, problems := Read(files(c.texts))
			if got := told(problems); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if got := clustersOf(set); got != c.clusters {
				t.Errorf("got %s, want %s", got, c.clusters)
			}
		})
	}
}

func clustersOf(s *Set) string {
	var out []string
	for _, c := range s.Clusters {
		line := c.Folder + "=" + c.Name + "@" + c.Address.String()
		if c.Vanished {
			line += " (vanished)"
		}
		out = append(out, line)
	}
	return strings.Join(out, " ")
}

func TestNearest(t *testing.T) {
	for word, want := range map[string]string{
		"targetport": "targetPort", "prot": "port", "protcol": "protocol", "zebra": "", "name": "name", "": "",
		strings.Repeat("x", 1000): "",
	} {
		if got := nearest(word, []string{"name", "port", "protocol", "targetPort", "appProtocol"}); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestAliases(t *testing.T) {
	set, problems := Read(files(map[string]string{"west/a.yaml": `apiVersion: v1
kind: Service
metadata: &meta
  name: cart
  labels: &labels {app: cart}
spec:
  selector: {<<: *labels, tier: front}
  ports: [{port: 80}]
`}))
	if len(problems) > 0 {
		t.Fatalf("got\n%s", told(problems))
	}
	for s := range servicesOf(set.Clusters[0]) {
		if want := map[string]string{"app": "cart", "tier": "front"}; !maps.Equal(s.Spec.Selector, want) {
			t.Errorf("got %v, want %v", s.Spec.Selector, want)
		}
	}
}
