package pki

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
)

// Kubeconfig is the part of a kubeconfig that these clusters need. It is written as JSON, which is YAML.
type Kubeconfig struct {
	APIVersion     string  `json:"apiVersion"`
	Kind           string  `json:"kind"`
	CurrentContext string  `json:"current-context"`
	Clusters       []named `json:"clusters"`
	Users          []named `json:"users"`
	Contexts       []named `json:"contexts"`
}

type named struct {
	Name    string            `json:"name"`
	Cluster map[string]string `json:"cluster,omitempty"`
	User    map[string]string `json:"user,omitempty"`
	Context map[string]string `json:"context,omitempty"`
}

// Kubeconfig returns what the holder of a certificate needs to reach the cluster's API; cluster, user and context bear the cluster's name.
func (d Dir) Kubeconfig(cluster, server, certificate string) (Kubeconfig, error) {
	var data [3]string
	for i, file := range []string{"ca.crt", certificate + ".crt", certificate + ".key"} {
		text, err := os.ReadFile(d.Path(file))
		if err != nil {
			return Kubeconfig{}, err
		}
		data[i] = base64.StdEncoding.EncodeToString(text)
	}
	return Kubeconfig{
		APIVersion: "v1", Kind: "Config", CurrentContext: cluster,
		Clusters: []named{{Name: cluster, Cluster: map[string]string{"server": server, "certificate-authority-data": data[0]}}},
		Users:    []named{{Name: cluster, User: map[string]string{"client-certificate-data": data[1], "client-key-data": data[2]}}},
		Contexts: []named{{Name: cluster, Context: map[string]string{"cluster": cluster, "user": cluster}}},
	}, nil
}

// Join returns one kubeconfig with the contexts of all, in their order; the first is current.
func Join(all ...Kubeconfig) Kubeconfig {
	joined := Kubeconfig{APIVersion: "v1", Kind: "Config"}
	for _, k := range all {
		joined.Clusters = append(joined.Clusters, k.Clusters...)
		joined.Users = append(joined.Users, k.Users...)
		joined.Contexts = append(joined.Contexts, k.Contexts...)
	}
	if len(all) > 0 {
		joined.CurrentContext = all[0].CurrentContext
	}
	return joined
}

// Write stores the kubeconfig, readable by its owner only, unless the file has that content already.
func (k Kubeconfig) Write(path string) error {
	text, err := json.MarshalIndent(k, "", "  ")
	if err != nil {
		return fmt.Errorf("encode kubeconfig: %w", err)
	}
	if old, err := os.ReadFile(path); err == nil && string(old) == string(text)+"\n" {
		return nil
	}
	return os.WriteFile(path, append(text, '\n'), 0o600)
}
