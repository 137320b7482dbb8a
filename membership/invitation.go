package membership

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Invitation is all that a cluster needs to reach the hub as one of its members. Whoever holds it can be that member until it expires:
// it is handed over as the secret that it is.
type Invitation struct {
	Cluster    string `json:"cluster"`
	ClusterSet string `json:"clusterset"`
	Namespace  string `json:"namespace"`
	// Server is the URL of the hub's API as the member's pods reach it. An empty CA stands for those that the system trusts.
	Server        string    `json:"server"`
	TLSServerName string    `json:"tlsServerName,omitempty"`
	CA            []byte    `json:"ca,omitempty"`
	Token         string    `json:"token"`
	Expires       time.Time `json:"expires"`
	// Version is that of the Fairlead that installed the hub.
	Version string `json:"version,omitempty"`
}

// String returns the invitation as one word, to be read by ParseInvitation.
func (i Invitation) String() string {
	b, err := json.Marshal(i)
	if err != nil {
		panic("membership: write an invitation: " + err.Error()) // strings and a time: cannot happen
	}
	return base64.StdEncoding.EncodeToString(b)
}

// ParseInvitation reads what String wrote. Line breaks that came in on the way do not matter.
func ParseInvitation(word string) (Invitation, error) {
	var i Invitation
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(word), ""))
	if err == nil {
		err = json.Unmarshal(b, &i)
	}
	if err != nil || i.Server == "" || i.Token == "" || i.Namespace == "" || i.ClusterSet == "" || checkName(i.Cluster) != nil {
		return Invitation{}, &Refusal{
			What:   "this is no invitation, or not all of it",
			Remedy: "pass on everything that fairlead hub invite printed, or pipe it: fairlead join --invitation - --context CONTEXT < FILE",
		}
	}
	return i, nil
}

// current refuses an invitation that has expired.
func (i Invitation) current(now time.Time) error {
	if now.Before(i.Expires) {
		return nil
	}
	return &Refusal{
		What:   fmt.Sprintf("the invitation of %s expired at %s", i.Cluster, i.Expires.UTC().Format(time.RFC3339)),
		Remedy: "ask the hub's operator for a new one: fairlead hub invite " + i.Cluster,
	}
}

// Config returns the access that the invitation gives.
func (i Invitation) Config() *rest.Config {
	return &rest.Config{
		Host:            i.Server,
		BearerToken:     i.Token,
		TLSClientConfig: rest.TLSClientConfig{CAData: i.CA, ServerName: i.TLSServerName},
	}
}

// Kubeconfig returns the same as a file, as the agent keeps it.
func (i Invitation) Kubeconfig() ([]byte, error) {
	const hub, member = "hub", "member"
	b, err := clientcmd.Write(clientcmdapi.Config{
		CurrentContext: hub,
		Contexts:       map[string]*clientcmdapi.Context{hub: {Cluster: hub, AuthInfo: member, Namespace: i.Namespace}},
		AuthInfos:      map[string]*clientcmdapi.AuthInfo{member: {Token: i.Token}},
		Clusters: map[string]*clientcmdapi.Cluster{
			hub: {Server: i.Server, TLSServerName: i.TLSServerName, CertificateAuthorityData: i.CA},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("write the kubeconfig of %s: %w", i.Cluster, err)
	}
	return b, nil
}
