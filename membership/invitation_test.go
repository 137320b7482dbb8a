package membership

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/tools/clientcmd"
)

var invitation = Invitation{
	Cluster: "west", ClusterSet: "shop", Namespace: "member-0123456789abcdef", Server: "https://hub.example:6443", TLSServerName: "hub",
	CA: []byte("-----BEGIN CERTIFICATE-----\n"), Token: "secret", Expires: now, Version: "v0.1.0",
}

func TestAnInvitationSurvivesItsWay(t *testing.T) {
	word := invitation.String()
	for name, on := range map[string]string{"as it is": word, "wrapped by a mail": "  " + word[:20] + "\r\n" + word[20:] + "\n"} {
		got, err := ParseInvitation(on)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if diff := cmp.Diff(invitation, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestWhatIsNoInvitationIsRefused(t *testing.T) {
	word := invitation.String()
	for name, bad := range map[string]string{
		"nothing": "", "cut off": word[:len(word)/2], "other text": "hello", "other JSON": base64.StdEncoding.EncodeToString([]byte(`{"a":1}`)),
		"a bad name": base64.StdEncoding.EncodeToString([]byte(`{"cluster":"../x","clusterset":"s","namespace":"n","server":"https://x","token":"t"}`)),
	} {
		_, err := ParseInvitation(bad)
		if err == nil {
			t.Errorf("%s was taken", name)
			continue
		}
		told(t, err, "no invitation", "fairlead hub invite")
	}
}

func FuzzParseInvitation(f *testing.F) {
	f.Add(invitation.String())
	f.Add(base64.StdEncoding.EncodeToString([]byte(`{"cluster":"west"}`)))
	f.Fuzz(func(t *testing.T, word string) {
		i, err := ParseInvitation(word)
		if err != nil {
			return
		}
		if again, err := ParseInvitation(i.String()); err != nil || !cmp.Equal(i, again) {
			t.Errorf("%+v comes back as %+v, %v", i, again, err)
		}
		if _, err := i.Kubeconfig(); err != nil {
			t.Errorf("%+v makes no kubeconfig: %v", i, err)
		}
	})
}

func TestTheKubeconfigReachesTheHub(t *testing.T) {
	text, err := invitation.Kubeconfig()
	if err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.NewClientConfigFromBytes(text)
	if err != nil {
		t.Fatal(err)
	}
	got, err := config.ClientConfig()
	if err != nil {
		t.Fatal(err)
	}
	want := invitation.Config()
	if got.Host != want.Host || got.BearerToken != want.BearerToken || got.ServerName != want.ServerName || string(got.CAData) != string(want.CAData) {
		t.Errorf("got %v, want %v", got, want)
	}
	if ns, _, _ := config.Namespace(); ns != invitation.Namespace {
		t.Errorf("the namespace is %q", ns)
	}
	if strings.Contains(want.String(), "secret") {
		t.Error("the token is printed")
	}
}

func TestAnInvitationExpires(t *testing.T) {
	if err := invitation.current(now.Add(-time.Second)); err != nil {
		t.Error(err)
	}
	told(t, invitation.current(now), "expired", "fairlead hub invite west")
}
