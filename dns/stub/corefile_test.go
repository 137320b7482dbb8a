package stub

import (
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const kubeadm = `.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    forward . /etc/resolv.conf {
       max_concurrent 1000
    }
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
`

const nodeLocal = `cluster.local:53 {
    errors
    cache 30
    reload
    bind 169.254.20.10 10.96.0.10
    forward . __PILLAR__CLUSTER__DNS__ {
            force_tcp
    }
}
.:53 {
    bind 169.254.20.10 10.96.0.10
    forward . __PILLAR__UPSTREAM__SERVERS__
}
`

var (
	one   = netip.MustParseAddr("10.96.0.53")
	other = netip.MustParseAddr("fd00::53")
)

const added = `# fairlead.dev: the names of the clusterset. Kept by Fairlead; fairlead dns disable takes it out.
clusterset.local:53 {
    errors
    cache 5 {
        serve_stale 1h verify
    }
    loadbalance
    forward . 10.96.0.53
}
# fairlead.dev: end
`

// add adds the block as it fits the file.
func add(text string) (string, error) {
	c, err := Read(text)
	if err != nil {
		return "", err
	}
	return Add(text, one, c.At)
}

func TestAdd(t *testing.T) {
	bound := strings.Replace(added, "    errors\n", "    errors\n    bind 169.254.20.10 10.96.0.10\n", 1)
	for name, c := range map[string]struct{ text, want string }{
		"empty":                  {"", added},
		"as kubeadm has it":      {kubeadm, kubeadm + added},
		"no newline at the end":  {strings.TrimSuffix(kubeadm, "\n"), kubeadm + added},
		"there already":          {kubeadm + added, kubeadm + added},
		"there, with another IP": {kubeadm + strings.Replace(added, one.String(), other.String(), 1), kubeadm + added},
		"there, in the middle":   {added + kubeadm, added + kubeadm},
		"there, edited":          {added[:strings.Index(added, "errors")] + added[strings.Index(added, "cache"):] + kubeadm, added + kubeadm},
		"a node-local cache":     {nodeLocal, nodeLocal + bound},
		"on another port":        {strings.Replace(kubeadm, ".:53", ".:1053", 1), strings.Replace(kubeadm, ".:53", ".:1053", 1) + strings.Replace(added, ":53", ":1053", 1)},
		"on no port":             {". {\n}\n", ". {\n}\n" + strings.Replace(added, ":53", "", 1)},
		"over TLS first":         {"tls://.:853 {\n}\ndns://.:54 {\n}\n", "tls://.:853 {\n}\ndns://.:54 {\n}\n" + strings.Replace(added, ":53", ":54", 1)},
		"only in a comment":      {"# clusterset.local {\n" + kubeadm, "# clusterset.local {\n" + kubeadm + added},
		"another, longer zone":   {"xclusterset.local:53 {\n whoami\n}\n", "xclusterset.local:53 {\n whoami\n}\n" + added},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := add(c.text)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			again, err := add(got)
			if err != nil || again != got {
				t.Errorf("again: %v\n%s", err, again)
			}
		})
	}
}

func TestTheZoneIsLeftToWhoeverServesIt(t *testing.T) {
	for text, by := range map[string]string{
		"clusterset.local:53 {\n forward . 10.1.1.1\n}\n":                                                "the server block clusterset.local:53",
		"example.com, dns://Clusterset.Local. {\n file db\n}\n":                                          "the server block dns://Clusterset.Local.",
		"example.com\tclusterset.local {\n file db\n}\n":                                                 "the server block clusterset.local",
		"example.com,\nclusterset.local {\n file db\n}\n":                                                "the server block clusterset.local",
		"svc.clusterset.local {\n file db\n}\n":                                                          "the server block svc.clusterset.local",
		".:53 {\n multicluster clusterset.local\n}\n":                                                    "the statement multicluster clusterset.local",
		".:53 {\n kubernetes cluster.local clusterset.local {\n  multicluster clusterset.local\n }\n}\n": "the statement multicluster clusterset.local",
		".:53 {\n forward clusterset.local 10.43.0.7\n kubernetes cluster.local\n}\n":                    "the statement forward clusterset.local 10.43.0.7",
		".:53 {\n rewrite name regex (.*)\\.clusterset\\.local {1}.cluster.local\n}\n":                   `the statement rewrite name regex (.*)\.clusterset\.local {1}.cluster.local`,
		"(snip) {\n forward \"clusterset.local\" 10.43.0.7 # x\n}\n.:53 {\n errors\n}\n":                 "the statement forward clusterset.local 10.43.0.7",
	} {
		c, err := Read(text)
		if err != nil || c.Taken != by {
			t.Errorf("%q: got %q, %v", text, c.Taken, err)
		}
		if _, err := add(text); !errors.Is(err, ErrTaken) || !strings.Contains(err.Error(), by) {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func TestWhatIsNotUnderstoodIsLeftAlone(t *testing.T) {
	for text, want := range map[string]string{
		".:53 {\n errors\n":                         "the last server block does not end",
		".:53 {\n errors\n}\n}\n":                   "line 4: a closing brace too many",
		".:53\nwhoami\n":                            "line 1: a server block without braces",
		".:53 {\n log { class error }\n}\n":         "line 2: a brace within a line",
		".:53 { errors }\n":                         "line 1: a brace within a line",
		".:53 {\n {\n }\n}\n":                       "line 2: a brace without a directive",
		"\".:5 3\" {\n}\n":                          "listens on \":5 3\"",
		".:53 {\n errors \"\n}\n":                   "line 2: a quote that does not end",
		kubeadm + begin + "\n":                      "do not stand around one block",
		kubeadm + end + "\n" + begin + "\n":         "do not stand around one block",
		added + added:                               "do not stand around one block",
		begin + "\n.:53 {\n" + kubeadm + "\n":       "do not stand around one block",
		"example.com,\n":                            "the last server block does not end",
		kubeadm + begin + "\n" + begin + "\n" + end: "do not stand around one block",
	} {
		if _, err := add(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

func TestRead(t *testing.T) {
	std := Listening{Port: ":53"}
	for name, c := range map[string]struct {
		text string
		want Corefile
	}{
		"kubeadm":            {kubeadm, Corefile{At: std, Reloads: true}},
		"with ours":          {kubeadm + added, Corefile{At: std, Reloads: true, Ours: true, To: one}},
		"no reload":          {".:53 {\n errors\n}\n" + added, Corefile{At: std, Ours: true, To: one}},
		"ours, broken":       {begin + "\n" + end + "\n", Corefile{At: std, Ours: true}},
		"imports":            {kubeadm + "import /etc/coredns/custom/*.server\n", Corefile{At: std, Reloads: true, Imports: []string{"/etc/coredns/custom/*.server"}}},
		"imports in a block": {".:53 {\n import custom/*.override\n}\n", Corefile{At: std}},
		"a node-local cache": {nodeLocal, Corefile{Reloads: true, At: Listening{Port: ":53", Bind: "bind 169.254.20.10 10.96.0.10"}}},
		"empty":              {"", Corefile{At: std}},
		"carriage returns":   {strings.ReplaceAll(kubeadm, "\n", "\r\n"), Corefile{At: std, Reloads: true}},
	} {
		got, err := Read(c.text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(c.want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestRemove(t *testing.T) {
	for name, c := range map[string]struct {
		text, want string
		there      bool
	}{
		"not there":      {kubeadm, kubeadm, false},
		"there":          {kubeadm + added, kubeadm, true},
		"at the start":   {added + kubeadm, kubeadm, true},
		"alone":          {added, "", true},
		"blanks around":  {kubeadm + "  " + strings.Replace(added, "\n", "  \n", 1), kubeadm, true},
		"edited":         {strings.Replace(kubeadm+added, "errors", "log", 2), strings.Replace(kubeadm, "errors", "log", 1), true},
		"something else": {strings.Replace(kubeadm, ".:53", "clusterset.local:53", 1), strings.Replace(kubeadm, ".:53", "clusterset.local:53", 1), false},
	} {
		got, there, err := Remove(c.text)
		if err != nil || got != c.want || there != c.there {
			t.Errorf("%s: got %t, %v\n%s", name, there, err, got)
		}
	}
}

// Whatever the text: what is added is taken out again and nothing else is touched, and what was added is found.
func FuzzAdd(f *testing.F) {
	f.Add(kubeadm)
	f.Add(nodeLocal)
	f.Add(kubeadm + added)
	f.Add("a, b {\n x \"y\\\"z\n\" {\n p q\n }\n}\nimport x\n")
	f.Add("(s) {\n}\n")
	f.Fuzz(func(t *testing.T, text string) {
		out, err := add(text)
		if err != nil {
			return
		}
		c, err := Read(out)
		if err != nil || !c.Ours || c.To != one || c.Taken != "" {
			t.Fatalf("after adding: %+v, %v", c, err)
		}
		if again, err := add(out); err != nil || again != out {
			t.Fatalf("added twice: %v\n%s", err, again)
		}
		back, there, err := Remove(out)
		if err != nil || !there {
			t.Fatalf("not there to remove: %v", err)
		}
		rest, _, _ := Remove(text)
		if strings.TrimSuffix(back, "\n") != strings.TrimSuffix(rest, "\n") {
			t.Fatalf("got %q back, want %q", back, rest)
		}
	})
}
