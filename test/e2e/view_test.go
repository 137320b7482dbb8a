package e2e

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	mcsv1alpha1 "sigs.k8s.io/mcs-api/pkg/apis/v1alpha1"
	mcsv1beta1 "sigs.k8s.io/mcs-api/pkg/apis/v1beta1"

	"fairlead.dev/fairlead/mcs"
	"fairlead.dev/fairlead/test/lab"
)

// nothing is what a cluster shows of a service that it does not import.
const nothing = "nothing"

// sees waits until the cluster shows a service like this, and returns how long it took. The line is that of shows.
func (p *place) sees(name, want string) time.Duration {
	p.story.Helper()
	return p.story.eventually(p.Name+" sees "+name, func(ctx context.Context) error {
		if got := p.shows(ctx, name); got != want {
			return fmt.Errorf("it shows %q, wanted is %q", got, want)
		}
		return nil
	})
}

// shows tells in one line what the cluster has imported under a name: type, ports, for each exporting cluster the ready endpoints of all:
//
//	ClusterSetIP http:80/TCP from east 1/1, west 2/3
//
// What does not fit together is told too, because no story expects it.
func (p *place) shows(ctx context.Context, name string) string {
	imported, err := p.imported(ctx, name)
	slices, sliceErr := p.slices(ctx, name)
	switch {
	case apierrors.IsNotFound(err) && len(slices) == 0:
		return nothing
	case err != nil:
		return err.Error()
	case sliceErr != nil:
		return sliceErr.Error()
	}
	words := []string{string(imported.Spec.Type)}
	for _, port := range imported.Spec.Ports {
		words = append(words, fmt.Sprintf("%s:%d/%s", port.Name, port.Port, port.Protocol))
	}
	return strings.Join(words, " ") + " from " + sources(imported, slices)
}

// sources reads like "east 1/1, west 2/3".
func sources(imported *mcsv1beta1.ServiceImport, list []discoveryv1.EndpointSlice) string {
	type count struct{ ready, all int }
	counts := map[string]count{}
	for _, s := range list {
		c := counts[s.Labels[mcsv1beta1.LabelSourceCluster]]
		for _, e := range s.Endpoints {
			c.all++
			if e.Conditions.Ready == nil || *e.Conditions.Ready {
				c.ready++
			}
		}
		counts[s.Labels[mcsv1beta1.LabelSourceCluster]] = c
	}
	var parts []string
	for _, c := range imported.Status.Clusters {
		parts = append(parts, fmt.Sprintf("%s %d/%d", c.Cluster, counts[c.Cluster].ready, counts[c.Cluster].all))
		delete(counts, c.Cluster)
	}
	slices.Sort(parts)
	for stray, c := range counts {
		parts = append(parts, fmt.Sprintf("and slices of %s, which does not export: %d/%d", stray, c.ready, c.all))
	}
	return strings.Join(parts, ", ")
}

// imported returns the ServiceImport.
func (p *place) imported(ctx context.Context, name string) (*mcsv1beta1.ServiceImport, error) {
	i := &mcsv1beta1.ServiceImport{}
	return i, p.Get(ctx, client.ObjectKey{Namespace: p.story.namespace, Name: name}, i)
}

// slices returns the imported EndpointSlices of a service.
func (p *place) slices(ctx context.Context, name string) ([]discoveryv1.EndpointSlice, error) {
	var list discoveryv1.EndpointSliceList
	err := p.List(ctx, &list, client.InNamespace(p.story.namespace), client.MatchingLabels{mcsv1beta1.LabelServiceName: name})
	slices.SortFunc(list.Items, func(a, b discoveryv1.EndpointSlice) int { return cmp.Compare(a.Name, b.Name) })
	return list.Items, err
}

// derived returns the derived Service.
func (p *place) derived(ctx context.Context, name string) (*corev1.Service, error) {
	s := &corev1.Service{}
	return s, p.Get(ctx, client.ObjectKey{Namespace: p.story.namespace, Name: mcs.DerivedName(name)}, s)
}

// says waits until a condition of the ServiceExport reads like this, "True Valid" for example, and returns its message.
func (p *place) says(name string, condition mcsv1beta1.ServiceExportConditionType, want string) string {
	p.story.Helper()
	var message string
	p.story.eventually(fmt.Sprintf("%s says %s of export %s", p.Name, condition, name), func(ctx context.Context) error {
		export := lab.Export(p.story.namespace, name)
		if err := p.Get(ctx, client.ObjectKeyFromObject(export), export); err != nil {
			return err
		}
		c := meta.FindStatusCondition(export.Status.Conditions, string(condition))
		if c == nil {
			return fmt.Errorf("the condition is not set: %v", export.Status.Conditions)
		}
		if got := string(c.Status) + " " + c.Reason; got != want {
			return fmt.Errorf("it says %q (%s), wanted is %q", got, c.Message, want)
		}
		message = c.Message
		return nil
	})
	return message
}

// address waits for the clusterset IP, and returns the first one.
func (p *place) address(name string) string {
	p.story.Helper()
	var ip string
	p.story.eventually("a clusterset IP of "+name+" in "+p.Name, func(ctx context.Context) error {
		i, err := p.imported(ctx, name)
		if err == nil && len(i.Spec.IPs) == 0 {
			err = fmt.Errorf("spec.ips is empty: %v", i.Status.Conditions)
		}
		if err == nil {
			ip = i.Spec.IPs[0]
		}
		return err
	})
	return ip
}

// mustShow returns an error where the cluster shows something else.
func (p *place) mustShow(ctx context.Context, name, want string) error {
	if got := p.shows(ctx, name); got != want {
		return fmt.Errorf("%s shows %q, wanted is %q", p.Name, got, want)
	}
	return nil
}

func clientKey(obj client.Object) client.ObjectKey { return client.ObjectKeyFromObject(obj) }

type (
	sliceOf      = discoveryv1.EndpointSlice
	deploymentOf = appsv1.Deployment
)

const labelSource = mcsv1beta1.LabelSourceCluster

type clientObject = client.Object

func inNamespace(namespace string) client.ListOption { return client.InNamespace(namespace) }

func withLabel(key, value string) client.ListOption { return client.MatchingLabels{key: value} }

// importedOld returns the ServiceImport as a client of the first version of the API sees it.
func (p *place) importedOld(ctx context.Context, name string) (*mcsv1alpha1.ServiceImport, error) {
	i := &mcsv1alpha1.ServiceImport{}
	return i, p.Get(ctx, client.ObjectKey{Namespace: p.story.namespace, Name: name}, i)
}

func fields(text string) []string { return strings.Fields(text) }

// eachItem calls do with each object of a list.
func eachItem(list client.ObjectList, do func(client.Object)) error {
	return meta.EachListItem(list, func(obj runtime.Object) error {
		do(obj.(client.Object))
		return nil
	})
}
