package role

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/hub/remote"
	"fairlead.dev/fairlead/manifest"
)

// hubSecret is the kube.Receiver of the Secret that names the hub.
type hubSecret struct{ *hubLine }

// Replace implements kube.Receiver.
func (l hubSecret) Replace(_ string, all []client.Object) {
	if len(all) == 0 {
		l.log.Info("waiting to join: there is no Secret "+l.secret.String(), "remedy", "fairlead join")
	}
	for _, obj := range all {
		l.Put(obj)
	}
}

// Delete implements kube.Receiver. A Secret that is gone is no reason to let go of the hub.
func (l hubSecret) Delete(client.Object) {
	l.log.Warn("Secret " + l.secret.String() + " is gone: the hub stays in use until the agent restarts")
}

// Put implements kube.Receiver.
func (l hubSecret) Put(obj client.Object) {
	secret, ok := obj.(*corev1.Secret)
	if !ok {
		return
	}
	cluster := string(secret.Data[manifest.KeyCluster])
	config, err := clientcmd.RESTConfigFromKubeConfig(secret.Data[manifest.KeyKubeconfig])
	if err != nil || cluster == "" {
		l.log.Error("Secret "+l.secret.String()+" does not say how to reach the hub", "err", err, "remedy", "fairlead join --again")
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.cluster == "":
		l.cluster = cluster
		close(l.found)
	case l.cluster != cluster:
		l.failed(errRenamed)
		return
	}
	if l.hub != nil && sameHub(l.config, config) {
		l.credentials.Set(config.BearerToken)
		return
	}
	if err := l.connect(config); err != nil {
		l.log.Error("hub cannot be used", "err", err)
	}
}

func sameHub(a, b *rest.Config) bool {
	return a.Host == b.Host && string(a.CAData) == string(b.CAData) && a.ServerName == b.ServerName && a.Insecure == b.Insecure &&
		string(a.CertData) == string(b.CertData) && string(a.KeyData) == string(b.KeyData)
}

// connect goes over to a hub. The caller holds the lock.
func (l *hubLine) connect(config *rest.Config) (err error) {
	credentials, err := remote.NewCredentials(remote.CredentialsOptions{Config: config, Cluster: l.cluster, Save: l.save, Log: l.log})
	if err != nil {
		return err
	}
	if config.BearerToken == "" {
		credentials = nil // certificates, which are nobody's to rotate here
	}
	h, err := remote.New(remote.Options{Config: config, Cluster: l.cluster, Credentials: credentials, Log: l.log})
	if err != nil {
		return err
	}
	h.Select(l.selected)
	h.Lead(l.term)
	l.config, l.hub, l.credentials = config, h, credentials
	close(l.changed)
	l.changed = make(chan struct{})
	l.log.Info("hub", "server", config.Host)
	return nil
}

// save keeps a token in the Secret, from which the other replicas have it too.
func (l *hubLine) save(ctx context.Context, token string, _ time.Time) error {
	secret := &corev1.Secret{}
	if err := l.own.Get(ctx, client.ObjectKey{Namespace: l.secret.Namespace, Name: l.secret.Name}, secret); err != nil {
		return fmt.Errorf("read Secret %s: %w", l.secret, err)
	}
	config, err := clientcmd.Load(secret.Data[manifest.KeyKubeconfig])
	if err != nil {
		return fmt.Errorf("read the kubeconfig in Secret %s: %w", l.secret, err)
	}
	current := config.Contexts[config.CurrentContext]
	if current == nil || config.AuthInfos[current.AuthInfo] == nil {
		return fmt.Errorf("the kubeconfig in Secret %s has no user", l.secret)
	}
	config.AuthInfos[current.AuthInfo].Token = token
	if secret.Data[manifest.KeyKubeconfig], err = clientcmd.Write(*config); err != nil {
		return fmt.Errorf("write the kubeconfig: %w", err)
	}
	if err := l.own.Update(ctx, secret); err != nil {
		return fmt.Errorf("write Secret %s: %w", l.secret, err)
	}
	return nil
}
