package membership

import (
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	inventory "sigs.k8s.io/cluster-inventory-api/apis/v1alpha1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	aboutv1beta1 "fairlead.dev/fairlead/api/about/v1beta1"
	"fairlead.dev/fairlead/api/v1alpha1"
)

// Scheme knows every kind that this package reads or applies.
var Scheme = newScheme()

func newScheme() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme, inventory.AddToScheme, mcsv1beta1.Install, addOwn, addAbout,
	} {
		if err := add(s); err != nil {
			panic("membership: " + err.Error()) // kinds registered twice: our bug
		}
	}
	return s
}

func addOwn(s *runtime.Scheme) error {
	gv := schema.GroupVersion{Group: v1alpha1.Group, Version: v1alpha1.Version}
	s.AddKnownTypes(gv,
		&v1alpha1.Member{}, &v1alpha1.MemberList{},
		&v1alpha1.ServiceRecord{}, &v1alpha1.ServiceRecordList{},
		&v1alpha1.EndpointRecord{}, &v1alpha1.EndpointRecordList{},
	)
	metav1.AddToGroupVersion(s, gv)
	return nil
}

func addAbout(s *runtime.Scheme) error {
	gv := schema.GroupVersion{Group: "about.k8s.io", Version: "v1beta1"}
	s.AddKnownTypes(gv, &aboutv1beta1.ClusterProperty{}, &aboutv1beta1.ClusterPropertyList{})
	metav1.AddToGroupVersion(s, gv)
	return nil
}
