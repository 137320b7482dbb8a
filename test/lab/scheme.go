package lab

import (
	"sync"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
	kubernetes "k8s.io/client-go/kubernetes/scheme"
	mcsv1alpha1 "sigs.k8s.io/mcs-api/pkg/apis/v1alpha1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/api/v1alpha1"
)

// Scheme knows the kinds of Kubernetes, of the MCS API and of the hub.
var Scheme = sync.OnceValue(func() *runtime.Scheme {
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		kubernetes.AddToScheme, apiextensionsv1.AddToScheme, mcsv1alpha1.Install, mcsv1beta1.Install,
	} {
		utilruntime.Must(add(s))
	}
	own := schema.GroupVersion{Group: v1alpha1.Group, Version: v1alpha1.Version}
	s.AddKnownTypes(own,
		&v1alpha1.Member{}, &v1alpha1.MemberList{},
		&v1alpha1.ServiceRecord{}, &v1alpha1.ServiceRecordList{},
		&v1alpha1.EndpointRecord{}, &v1alpha1.EndpointRecordList{},
	)
	metav1.AddToGroupVersion(s, own)
	return s
})
