package check

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"fairlead.dev/fairlead/api/v1alpha1"
	"fairlead.dev/fairlead/dns/stub"
)

// fine is a cluster that has joined, with a hub and another member, where nothing is wrong.
func fine() *Facts {
	return &Facts{
		Cluster: Cluster{
			Context: "west-ctx", ID: "west", UID: "u-west", Joined: true, Kubernetes: "v1.33.2",
			PodRanges: prefixes([]string{"10.1.0.0/16"}), ServiceRanges: prefixes([]string{"10.96.0.0/12"}),
			CRDs:      []CRD{{"serviceexports.multicluster.x-k8s.io", []string{"v1alpha1", "v1beta1"}}, {"serviceimports.multicluster.x-k8s.io", []string{"v1beta1"}}},
			Imports:   map[string]int{},
			Resolvers: []stub.Resolver{resolver(stub.Corefile{Ours: true, To: server, Reloads: true})},
			Server:    server, Resolution: &Resolution{Version: "1.0.0"},
		},
		Hub: &Hub{
			Context: "hub-ctx", Kubernetes: "v1.34.0", Installed: true, SkewKnown: true,
			Members: []v1alpha1.Member{member("west", "10.1.0.0/16", "10.96.0.0/12"), member("east", "10.2.0.0/16", "10.96.0.0/12")},
		},
		Walks: []Walked{{From: "west", Report: Report{
			Hub:   &Reached{Address: "https://10.9.0.1:6443"},
			Paths: []Path{{Target: Target{"east", "10.2.0.7:15021"}, Local: "10.1.0.3", Seen: "10.1.0.3", MTU: 1500}},
		}}},
	}
}

var server = netip.MustParseAddr("10.96.0.53")

func resolver(c stub.Corefile) stub.Resolver {
	return stub.Resolver{ConfigMap: "coredns", Key: "Corefile", Corefile: c}
}

func member(name, pods, services string) v1alpha1.Member {
	m := v1alpha1.Member{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: v1alpha1.MemberSpec{Cluster: name, ClusterUID: "u-" + name}}
	m.Status.PodRanges, m.Status.ServiceRanges = []string{pods}, []string{services}
	m.Status.Beacons = []string{strings.Replace(pods, "0.0/16", "0.7", 1) + ":15021"}
	m.Status.Marker.Sequence = 7
	return m
}

// policy is a NetworkPolicy for the pods of an app, or for all without one.
func policy(namespace, app string, spec networkingv1.NetworkPolicySpec) networkingv1.NetworkPolicy {
	if app != "" {
		spec.PodSelector.MatchLabels = map[string]string{"app": app}
	}
	return networkingv1.NetworkPolicy{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "deny"}, Spec: spec}
}

func tcp(ports ...int) (out []networkingv1.NetworkPolicyPort) {
	for _, p := range ports {
		n := intstr.FromInt(p)
		out = append(out, networkingv1.NetworkPolicyPort{Port: &n})
	}
	return out
}

func blocks(cidrs ...string) (out []networkingv1.NetworkPolicyPeer) {
	for _, c := range cidrs {
		out = append(out, networkingv1.NetworkPolicyPeer{IPBlock: &networkingv1.IPBlock{CIDR: c}})
	}
	return out
}

var (
	ingress = networkingv1.PolicyTypeIngress
	egress  = networkingv1.PolicyTypeEgress
	pods    = []networkingv1.NetworkPolicyPeer{{PodSelector: &metav1.LabelSelector{}}}
)

type (
	in   = networkingv1.NetworkPolicyIngressRule
	out  = networkingv1.NetworkPolicyEgressRule
	spec = networkingv1.NetworkPolicySpec
)

// One scenario for each finding: what is changed in a fleet where all is well, and the lines that are no OK then. A word ends with …
// where the line goes on.
func TestJudge(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Facts)
		want   []string
	}{
		"all is well": {func(*Facts) {}, nil},
		"something could not be read": {
			func(f *Facts) { f.Unread = []Unread{{"the nodes of west-ctx", "forbidden"}} },
			[]string{"WARN unread the nodes of west-ctx could not be read: forbidden…"},
		},

		"an old Kubernetes":            {func(f *Facts) { f.Cluster.Kubernetes = "v1.27.3-gke.100" }, []string{"FAIL kubernetes west-ctx is Kubernetes v1.27.3-gke.100: …"}},
		"a very new Kubernetes":        {func(f *Facts) { f.Cluster.Kubernetes = "v1.99.0" }, []string{"WARN kubernetes west-ctx is Kubernetes v1.99.0: Fairlead was tried with …"}},
		"an old hub":                   {func(f *Facts) { f.Hub.Kubernetes = "v1.20.0" }, []string{"FAIL kubernetes the hub is Kubernetes v1.20.0: …"}},
		"a version without sense":      {func(f *Facts) { f.Cluster.Kubernetes = "new" }, []string{`WARN kubernetes the version "new" of west-ctx is not understood: …`}},
		"the hub is the same cluster":  {func(f *Facts) { f.Hub.Context, f.Hub.Kubernetes = f.Cluster.Context, "v1.2.3" }, nil},
		"the newest, with a plus sign": {func(f *Facts) { f.Cluster.Kubernetes = "v1.37.0+k3s1" }, nil},

		"old kinds, before": {
			func(f *Facts) { f.Cluster.Joined = false; f.Cluster.CRDs[1].Served = []string{"v1alpha1"} },
			[]string{"WARN crds serviceimports.multicluster.x-k8s.io is served as v1alpha1 only: Fairlead writes v1beta1; fairlead join puts…"},
		},
		"old kinds, after": {func(f *Facts) { f.Cluster.CRDs[1].Served = []string{"v1alpha1"} }, []string{"FAIL crds serviceimports.multicluster.x-k8s.io is served as v1alpha1 only: …"}},
		"no kinds, after":  {func(f *Facts) { f.Cluster.CRDs = nil }, []string{"FAIL crds ServiceExport and ServiceImport are not served: …"}},
		"no kinds, before": {func(f *Facts) { f.Cluster.CRDs, f.Cluster.Joined = nil, false }, nil},

		"another product": {
			func(f *Facts) {
				f.Cluster.Controllers = []Controller{{"Submariner", "Deployment a/b", "keeps ServiceImports"}}
			},
			[]string{"FAIL controllers Submariner runs here (Deployment a/b): it keeps ServiceImports, and …"},
		},
		"ServiceImports of somebody": {
			func(f *Facts) { f.Cluster.Imports["lighthouse-agent"] = 2 },
			[]string{`FAIL controllers 2 ServiceImports kept by "lighthouse-agent": …`},
		},

		"no permission": {
			func(f *Facts) {
				f.Cluster.Denied = []Permission{{"create", "secrets", "fairlead-system"}, {"create", "namespaces", ""}}
			},
			[]string{"FAIL permissions with context west-ctx you may not create secrets in fairlead-system, create namespaces: …"},
		},
		"no permission on the hub": {
			func(f *Facts) { f.Hub.Denied = []Permission{{"create", "members.fairlead.dev", ""}} },
			[]string{"FAIL permissions with context hub-ctx you may not create members.fairlead.dev: …"},
		},

		"no hub":               {func(f *Facts) { f.Hub.Installed, f.Hub.Members = false, nil }, []string{"FAIL hub there is no hub at hub-ctx: a cluster joins a hub; fairlead hub install --context hub-ctx"}},
		"no hub was named":     {func(f *Facts) { f.Hub = nil }, nil},
		"forgotten by the hub": {func(f *Facts) { f.Hub.Members = f.Hub.Members[1:] }, []string{"FAIL hub the agent is installed, and the hub has no Member for this cluster: …"}},
		"not a member yet":     {func(f *Facts) { f.Hub.Members = f.Hub.Members[1:]; f.Cluster.Joined, f.Cluster.ID = false, "" }, nil},
		"another of its name":  {func(f *Facts) { f.Cluster.UID = "u-other" }, []string{"FAIL hub another cluster is a member by the name west: …"}},
		"leaving":              {func(f *Facts) { f.Hub.Members[0].Spec.Leaving = true }, []string{"FAIL hub west is leaving the clusterset: …"}},
		"pending":              {func(f *Facts) { f.Hub.Members[0].Spec.Pending = true }, []string{"WARN hub west is not approved yet: nobody takes its records; fairlead approve west"}},
		"a silent agent":       {func(f *Facts) { f.Hub.Members[0].Status.Marker.Sequence = 0 }, []string{"WARN hub the hub has heard nothing from the agent of west: …"}},

		"a clock ahead":          {func(f *Facts) { f.Hub.Skew = 11 * time.Second }, []string{"WARN clock this cluster's clock is 11s ahead of the hub's: …"}},
		"a clock far behind":     {func(f *Facts) { f.Hub.Skew = -time.Hour }, []string{"FAIL clock this cluster's clock is 1h0m0s behind the hub's: …"}},
		"a clock nobody can see": {func(f *Facts) { f.Hub.Skew, f.Hub.SkewKnown = time.Hour, false }, nil},

		"pods over pods": {
			func(f *Facts) { f.Cluster.PodRanges = prefixes([]string{"10.2.128.0/17"}) },
			[]string{"FAIL ranges the pod range 10.2.128.0/17 overlaps with the pod range 10.2.0.0/16 of east: …"},
		},
		"pods over their services": {
			func(f *Facts) { f.Hub.Members[1].Status.ServiceRanges = []string{"10.1.0.0/16"} },
			[]string{"FAIL ranges the pod range 10.1.0.0/16 overlaps with the service range 10.1.0.0/16 of east: from east such a pod…"},
		},
		"services over their pods": {
			func(f *Facts) { f.Cluster.ServiceRanges = prefixes([]string{"10.2.3.0/24"}) },
			[]string{"FAIL ranges the service range 10.2.3.0/24 overlaps with the pod range 10.2.0.0/16 of east: from here such a pod…"},
		},
		"pods over the own services": {
			func(f *Facts) { f.Cluster.ServiceRanges = prefixes([]string{"10.1.3.0/24"}) },
			[]string{"FAIL ranges the pod range 10.1.0.0/16 overlaps with the service range 10.1.3.0/24 of this very cluster: …"},
		},
		"pods over pods of another network": {
			func(f *Facts) {
				f.Hub.Members[1].Spec.Network, f.Hub.Members[1].Status.PodRanges = "b", []string{"10.1.0.0/16"}
			}, nil,
		},
		"pods over pods of who leaves": {
			func(f *Facts) {
				f.Hub.Members[1].Spec.Leaving, f.Hub.Members[1].Status.PodRanges = true, []string{"10.1.0.0/16"}
			}, nil,
		},
		"pods over pods of a cluster that is no member": {
			func(f *Facts) {
				f.Neighbours = []Neighbour{{Name: "far-ctx", UID: "u-far", PodRanges: f.Cluster.PodRanges}}
			},
			[]string{"FAIL ranges the pod range 10.1.0.0/16 overlaps with the pod range 10.1.0.0/16 of far-ctx: …"},
		},
		"a member that was named, too": {
			func(f *Facts) {
				f.Neighbours = []Neighbour{{Name: "east-ctx", UID: "u-east", PodRanges: f.Cluster.PodRanges}}
			}, nil,
		},
		"nobody to compare with": {func(f *Facts) { f.Hub.Members = f.Hub.Members[:1] }, nil},
		"own ranges unknown":     {func(f *Facts) { f.Cluster.PodRanges = nil }, []string{"WARN ranges the pod ranges of this cluster are not known, …"}},
		"their ranges unknown":   {func(f *Facts) { f.Hub.Members[1].Status.PodRanges = []string{"?"} }, []string{"WARN ranges the pod ranges of east are not known: …"}},
		"IPv6 over IPv6": {
			func(f *Facts) {
				f.Cluster.PodRanges = append(f.Cluster.PodRanges, netip.MustParsePrefix("fd00:1::/48"))
				f.Hub.Members[1].Status.PodRanges = append(f.Hub.Members[1].Status.PodRanges, "fd00:1:0:7::/64")
			},
			[]string{"FAIL ranges the pod range fd00:1::/48 overlaps with the pod range fd00:1:0:7::/64 of east: …"},
		},

		"all is denied where Fairlead runs": {
			func(f *Facts) {
				f.Cluster.Policies = []networkingv1.NetworkPolicy{policy("fairlead-system", "", spec{PolicyTypes: []networkingv1.PolicyType{ingress, egress}})}
			},
			[]string{
				"FAIL policies probes of other clusters do not reach the beacons (NetworkPolicy deny): …", "FAIL policies the agent's replicas do not hear each other …",
				"FAIL policies the agent does not reach the beacons of other clusters …", "FAIL policies the agent does not reach the API servers …",
				"FAIL policies the cluster's resolver does not reach Fairlead's DNS servers …", "FAIL policies the DNS servers do not reach the API server …",
			},
		},
		"egress is denied to the DNS servers": {
			func(f *Facts) {
				f.Cluster.Policies = []networkingv1.NetworkPolicy{policy("fairlead-system", "fairlead-dns", spec{PolicyTypes: []networkingv1.PolicyType{egress}})}
			},
			[]string{"FAIL policies the DNS servers do not reach the API server …"},
		},
		"beacons are open to pods of this cluster only": {
			func(f *Facts) {
				f.Cluster.Policies = []networkingv1.NetworkPolicy{policy("fairlead-system", "fairlead-agent", spec{Ingress: []in{{Ports: tcp(15021, 15022), From: pods}}})}
			},
			[]string{"FAIL policies probes of other clusters do not reach the beacons (NetworkPolicy deny): …"},
		},
		"beacons are open to another range": {
			func(f *Facts) {
				f.Cluster.Policies = []networkingv1.NetworkPolicy{policy("fairlead-system", "fairlead-agent", spec{Ingress: []in{{From: blocks("10.2.0.0/17")}}})}
			},
			[]string{"FAIL policies probes of other clusters do not reach the beacons (NetworkPolicy deny): …"},
		},
		"a part is excepted": {
			func(f *Facts) {
				b := blocks("10.0.0.0/8")
				b[0].IPBlock.Except = []string{"10.2.3.0/24"}
				f.Cluster.Policies = []networkingv1.NetworkPolicy{policy("fairlead-system", "fairlead-agent", spec{Ingress: []in{{From: b}}})}
			},
			[]string{"FAIL policies probes of other clusters do not reach the beacons (NetworkPolicy deny): …"},
		},
		"beacons are open to the other members": {
			func(f *Facts) {
				f.Cluster.Policies = []networkingv1.NetworkPolicy{policy("fairlead-system", "fairlead-agent", spec{Ingress: []in{{Ports: tcp(15021), From: blocks("10.0.0.0/8")}, {From: pods}}})}
			}, nil,
		},
		"one policy opens what another one denies": {
			func(f *Facts) {
				f.Cluster.Policies = []networkingv1.NetworkPolicy{
					policy("fairlead-system", "", spec{PolicyTypes: []networkingv1.PolicyType{ingress}}), policy("fairlead-system", "", spec{Ingress: []in{{}}}),
				}
			}, nil,
		},
		"a range of ports": {
			func(f *Facts) {
				p := tcp(15000)
				p[0].EndPort = new(int32)
				*p[0].EndPort = 15030
				f.Cluster.Policies = []networkingv1.NetworkPolicy{policy("fairlead-system", "fairlead-agent", spec{Ingress: []in{{Ports: p}}})}
			}, nil,
		},
		"UDP is not TCP": {
			func(f *Facts) {
				f.Cluster.Policies = []networkingv1.NetworkPolicy{policy("fairlead-system", "fairlead-dns", spec{Ingress: []in{{Ports: tcp(8053)}}})}
			},
			[]string{"FAIL policies the cluster's resolver does not reach Fairlead's DNS servers …"},
		},
		"policies for other pods": {
			func(f *Facts) {
				f.Cluster.Policies = []networkingv1.NetworkPolicy{policy("fairlead-system", "other", spec{PolicyTypes: []networkingv1.PolicyType{ingress, egress}})}
			}, nil,
		},
		"a service is closed to other clusters": {
			func(f *Facts) {
				f.Cluster.Policies = []networkingv1.NetworkPolicy{policy("shop", "cart", spec{Ingress: []in{{From: pods}}})}
			},
			[]string{"WARN policies namespace shop exports services, and lets in only pods of this cluster (NetworkPolicy deny): …"},
		},
		"a service is open to other clusters": {
			func(f *Facts) {
				f.Cluster.Policies = []networkingv1.NetworkPolicy{policy("shop", "cart", spec{Ingress: []in{{From: pods}, {From: blocks("10.2.0.0/16")}}})}
			}, nil,
		},
		"egress of a service": {
			func(f *Facts) {
				f.Cluster.Policies = []networkingv1.NetworkPolicy{policy("shop", "cart", spec{PolicyTypes: []networkingv1.PolicyType{egress}, Egress: []out{{To: pods}}})}
			}, nil,
		},

		"the zone is served by something else": {
			func(f *Facts) {
				f.Cluster.Resolvers = []stub.Resolver{resolver(stub.Corefile{Taken: "the server block clusterset.local"})}
			},
			[]string{"FAIL names kube-system/coredns[Corefile] serves clusterset.local by something else: the server block clusterset.local: …"},
		},
		"the zone is served by CoreDNS from ServiceImports": {
			func(f *Facts) {
				f.Cluster.Resolvers = []stub.Resolver{resolver(stub.Corefile{Taken: "the statement multicluster clusterset.local"})}
			},
			[]string{"WARN names kube-system/coredns[Corefile] serves clusterset.local itself, by CoreDNS's multicluster: …"},
		},
		"the stub leads elsewhere": {
			func(f *Facts) { f.Cluster.Server = netip.MustParseAddr("10.96.0.54") },
			[]string{"FAIL names kube-system/coredns[Corefile] leads clusterset.local to 10.96.0.53, and the DNS servers are at 10.96.0.54: …"},
		},
		"no stub": {
			func(f *Facts) {
				f.Cluster.Resolvers[0].Ours, f.Cluster.Resolution = false, &Resolution{Error: "no such host"}
			},
			[]string{"FAIL names kube-system/coredns[Corefile] says nothing of clusterset.local: no name of the clusterset resolves; fairlead dns enable --context west-ctx"},
		},
		"no stub, and it resolves all the same": {func(f *Facts) { f.Cluster.Resolvers[0].Ours = false }, nil},
		"no answer":                             {func(f *Facts) { f.Cluster.Resolution = &Resolution{Error: "timeout"} }, []string{"FAIL names the cluster's resolver does not answer for clusterset.local: timeout; …"}},
		"another version":                       {func(f *Facts) { f.Cluster.Resolution = &Resolution{Version: "9"} }, []string{`FAIL names the cluster's resolver serves version "9" of the DNS schema: …`}},
		"a Corefile that is not understood": {
			func(f *Facts) {
				f.Cluster.Resolvers[0] = stub.Resolver{ConfigMap: "coredns", Key: "Corefile", Err: stub.ErrTaken}
			},
			[]string{"WARN names kube-system/coredns[Corefile] is not understood: …"},
		},
		"not joined, no stub": {func(f *Facts) {
			f.Cluster.Joined, f.Cluster.Resolution, f.Cluster.Resolvers[0].Ours = false, nil, false
		}, nil},
		"not joined, an unknown resolver":  {func(f *Facts) { f.Cluster.Joined, f.Cluster.Resolution, f.Cluster.Resolvers = false, nil, nil }, []string{"WARN names the cluster's resolver is not a CoreDNS that Fairlead can teach: …"}},
		"joined, an unknown resolver":      {func(f *Facts) { f.Cluster.Resolution, f.Cluster.Resolvers = nil, nil }, []string{"WARN names whether the cluster's resolver knows clusterset.local is not known…"}},
		"joined, and the resolver unasked": {func(f *Facts) { f.Cluster.Resolution = nil }, nil},

		"no pod could be sent":    {func(f *Facts) { f.Walks = []Walked{{From: "west", Err: "ErrImagePull"}} }, []string{"WARN paths no pod could look around in west: ErrImagePull; …"}},
		"the hub is out of reach": {func(f *Facts) { f.Walks[0].Hub.Error = "timeout" }, []string{"FAIL paths pods of west do not reach the hub at https://10.9.0.1:6443: timeout: …"}},
		"no route":                {func(f *Facts) { f.Walks[0].Paths[0].Error = "no route to host" }, []string{"FAIL paths there is no way from west to east (10.2.0.7:15021): no route to host: …"}},
		"large packets are lost":  {func(f *Facts) { f.Walks[0].Paths[0].Large = "no answer within 5s" }, []string{"FAIL mtu large packets are lost from west to east (10.2.0.7:15021): no answer within 5s: …"}},
		"addresses are translated": {
			func(f *Facts) { f.Walks[0].Paths[0].Seen = "192.168.1.2" },
			[]string{"WARN snat addresses are translated from west to east (10.2.0.7:15021): 10.1.0.3 arrives as 192.168.1.2: …"},
		},
		"the same address in other words": {func(f *Facts) { f.Walks[0].Paths[0].Seen = "::ffff:10.1.0.3" }, nil},
		"an old beacon":                   {func(f *Facts) { f.Walks[0].Paths[0].Seen = "" }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			f := fine()
			c.change(f)
			var got []string
			for _, finding := range Judge(f) {
				if finding.Level != OK {
					got = append(got, strings.ReplaceAll(finding.String(), "\t", " "))
				}
			}
			if !slices.EqualFunc(got, c.want, matches) {
				t.Errorf("got\n  %s\nwant\n  %s", strings.Join(got, "\n  "), strings.Join(c.want, "\n  "))
			}
		})
	}
}

func matches(got, want string) bool {
	begin, open := strings.CutSuffix(want, "…")
	return got == want || open && strings.HasPrefix(got, begin)
}

// Where all is well every check says so in a line, so that a person sees what was looked at.
func TestAllIsWell(t *testing.T) {
	said := map[string]bool{}
	findings := Judge(fine())
	for _, f := range findings {
		said[f.Check] = true
	}
	for _, check := range []string{"kubernetes", "crds", "controllers", "permissions", "hub", "clock", "ranges", "policies", "names", "paths"} {
		if !said[check] {
			t.Errorf("nothing is said of %s", check)
		}
	}
	if w := Worst(findings); w != OK {
		t.Errorf("got %s", w)
	}
	if w := Worst([]Finding{{Level: WARN}, {Level: FAIL}, {Level: OK}}); w != FAIL {
		t.Errorf("got %s", w)
	}
	if w := Worst(nil); w != OK {
		t.Errorf("got %s", w)
	}
}

func TestBeaconsAreThoseOfOthersOnTheNetwork(t *testing.T) {
	f := fine()
	f.Hub.Members[1].Spec.Beacons = []string{"10.9.9.9:1"}
	far := member("far", "10.3.0.0/16", "10.96.0.0/12")
	far.Spec.Network = "far"
	f.Hub.Members = append(f.Hub.Members, far)
	want := []Target{{"east", "10.9.9.9:1"}, {"east", "10.2.0.7:15021"}}
	if got := f.Beacons(); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestProductsAreRecognised(t *testing.T) {
	deployment := func(namespace, name string, env ...corev1.EnvVar) (d appsv1.Deployment) {
		d.Namespace, d.Name = namespace, name
		d.Spec.Template.Spec.Containers = []corev1.Container{{Env: env}}
		return d
	}
	var got []string
	for _, c := range recognise([]appsv1.Deployment{
		deployment("submariner-operator", "submariner-lighthouse-agent"),
		deployment("submariner-operator", "submariner-lighthouse-coredns"),
		deployment("istio-system", "istiod"),
		deployment("istio-system", "istiod-1-22", corev1.EnvVar{Name: "ENABLE_MCS_AUTO_EXPORT", Value: "true"}),
		deployment("gke-mcs", "gke-mcs-importer"),
		deployment("cloud-map-mcs-system", "cloud-map-mcs-controller-manager"),
		deployment("kube-system", "antrea-mc-controller"),
		deployment("karmada-system", "karmada-agent"),
		deployment("kube-system", "coredns"),
	}) {
		got = append(got, c.Where)
	}
	want := []string{
		"Deployment submariner-operator/submariner-lighthouse-agent", "Deployment submariner-operator/submariner-lighthouse-coredns",
		"Deployment istio-system/istiod-1-22", "Deployment gke-mcs/gke-mcs-importer",
		"Deployment cloud-map-mcs-system/cloud-map-mcs-controller-manager", "Deployment kube-system/antrea-mc-controller", "Deployment karmada-system/karmada-agent",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	cilium := &corev1.ConfigMap{Data: map[string]string{ciliumKey: "true"}}
	if len(recogniseCilium(cilium)) != 1 || recogniseCilium(nil) != nil || recogniseCilium(&corev1.ConfigMap{}) != nil {
		t.Error("Cilium is told wrongly")
	}
}
