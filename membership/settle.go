package membership

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	aboutv1beta1 "fairlead.dev/fairlead/api/about/v1beta1"
	"fairlead.dev/fairlead/manifest"
)

// settle installs the agent in a member cluster, with the credential that the invitation is. The properties and the credential come first,
// so that the agent finds them.
func (a *Access) settle(ctx context.Context, i Invitation, o manifest.AgentOptions, tell Tell) error {
	objects := manifest.Agent(o)
	tell.say("applying %d objects to %s", len(objects), a.Context)
	var kinds, rest []client.Object
	for _, obj := range objects {
		if _, space := obj.(*corev1.Namespace); space || isKind(obj) {
			kinds = append(kinds, obj)
		} else {
			rest = append(rest, obj)
		}
	}
	if err := a.apply(ctx, ownerAgent, kinds...); err != nil {
		return err
	}
	if err := a.entrust(ctx, i); err != nil {
		return err
	}
	return a.apply(ctx, ownerAgent, rest...)
}

// entrust writes the credential and the properties of membership (KEP-2149).
func (a *Access) entrust(ctx context.Context, i Invitation) error {
	kubeconfig, err := i.Kubeconfig()
	if err != nil {
		return err
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: manifest.Namespace, Name: manifest.HubSecret, Labels: map[string]string{manifest.LabelManagedBy: manifest.ManagedBy},
		},
		Type: corev1.SecretTypeOpaque,
		Data: map[string][]byte{manifest.KeyKubeconfig: kubeconfig, manifest.KeyCluster: []byte(i.Cluster)},
	}
	return a.apply(ctx, ownerAgent, property(aboutv1beta1.ClusterName, i.Cluster), property(aboutv1beta1.ClusterSet, i.ClusterSet), secret)
}

func property(name, value string) *aboutv1beta1.ClusterProperty {
	return &aboutv1beta1.ClusterProperty{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: aboutv1beta1.ClusterPropertySpec{Value: value}}
}
