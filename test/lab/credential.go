package lab

import (
	"context"
	"fmt"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// As returns the same cluster with the rights of a ServiceAccount, by a token of its own.
func (c *Cluster) As(ctx context.Context, namespace, account string) (*Cluster, error) {
	holder := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: account}}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{ExpirationSeconds: new(int64(600))}}
	if err := c.SubResource("token").Create(ctx, holder, request); err != nil {
		return nil, fmt.Errorf("get a token of %s/%s in %s: %w", namespace, account, c.Name, err)
	}
	config := rest.AnonymousClientConfig(c.Config)
	config.BearerToken = request.Status.Token
	return NewCluster(c.Name, config)
}
