package e2e

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fairlead.dev/fairlead/test/lab"
)

// patience is how long a story waits for what must come to pass. It is no measure of speed: those are in the benches.
var patience = flag.Duration("patience", time.Minute, "how long to wait for what must come to pass")

// story is one test's corner of the clusterset.
type story struct {
	*testing.T
	namespace         string
	west, east, north *place
}

// place is a cluster within a story.
type place struct {
	*lab.Cluster
	story *story
}

// tell begins a story: a new namespace in each of the clusters, all of them where none is named.
func tell(t *testing.T, clusters ...string) *story {
	t.Helper()
	s := stage(t)
	s.namespace = fmt.Sprintf("story-%08x", rand.Uint32())
	for _, p := range s.everywhere() {
		if len(clusters) == 0 || slices.Contains(clusters, p.Name) {
			p.opens(s.namespace)
		}
	}
	return s
}

// stage returns the clusters without a namespace of the story's own.
func stage(t *testing.T) *story {
	t.Helper()
	kubeconfig := os.Getenv(lab.EnvKubeconfig)
	if kubeconfig == "" {
		t.Skip("needs three real clusters: make e2e runs it")
	}
	clusters, err := lab.Open(kubeconfig, "west", "east", "north")
	if err != nil {
		t.Fatal(err)
	}
	s := &story{T: t}
	s.west, s.east, s.north = &place{clusters[0], s}, &place{clusters[1], s}, &place{clusters[2], s}
	return s
}

func (s *story) everywhere() []*place { return []*place{s.west, s.east, s.north} }

// eventually waits until the answer is nil, and returns how long that took.
func (s *story) eventually(what string, ask func(context.Context) error) time.Duration {
	s.Helper()
	took, err := lab.Until(s.Context(), *patience, what, ask)
	if err != nil {
		s.Fatal(err)
	}
	return took
}

// holds asks again and again for a while; the answer must always be nil.
func (s *story) holds(for_ time.Duration, what string, ask func(context.Context) error) {
	s.Helper()
	for end := time.Now().Add(for_); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if err := ask(s.Context()); err != nil {
			s.Fatalf("%s: %v", what, err)
		}
	}
}

// opens creates a namespace, which is deleted when the story ends.
func (p *place) opens(namespace string) {
	p.story.Helper()
	p.makes(lab.Namespace(namespace))
	p.story.Cleanup(func() {
		err := p.Delete(context.Background(), lab.Namespace(namespace))
		if client.IgnoreNotFound(err) != nil {
			p.story.Errorf("clean up %s: %v", p.Name, err)
		}
	})
}

// makes creates objects.
func (p *place) makes(objects ...client.Object) {
	p.story.Helper()
	for _, obj := range objects {
		if err := p.Create(p.story.Context(), obj); err != nil {
			p.story.Fatalf("create %T %s in %s: %v", obj, obj.GetName(), p.Name, err)
		}
	}
}

// removes deletes objects.
func (p *place) removes(objects ...client.Object) {
	p.story.Helper()
	for _, obj := range objects {
		if err := p.Delete(p.story.Context(), obj); err != nil {
			p.story.Fatalf("delete %T %s in %s: %v", obj, obj.GetName(), p.Name, err)
		}
	}
}

// edit changes an object as it is now, once more where somebody else did so in between.
func edit[T client.Object](p *place, obj T, change func(T)) {
	p.story.Helper()
	p.story.eventually(fmt.Sprintf("edit %T %s in %s", obj, obj.GetName(), p.Name), func(ctx context.Context) error {
		if err := p.Get(ctx, client.ObjectKeyFromObject(obj), obj); err != nil {
			return err
		}
		change(obj)
		return p.Update(ctx, obj)
	})
}

// offers creates a Service without pods: its endpoints are addresses of the cluster's pod range that nobody has.
func (p *place) offers(name string, endpoints int, changes ...func(*corev1.Service)) {
	p.story.Helper()
	service := lab.Service(p.story.namespace, name)
	for _, change := range changes {
		change(service)
	}
	slice := lab.Slice(p.story.namespace, name, name+"-1", p.addresses(endpoints)...)
	p.makes(service, slice)
}

// runs creates a Deployment of pods that answer, with its Service.
func (p *place) runs(name string, pods int32) {
	p.story.Helper()
	deployment, service := lab.Workload(p.story.namespace, name, pods)
	p.tellsItsName(&deployment.Spec.Template.Spec)
	p.makes(deployment, service)
}

// tellsItsName makes the pods answer with the name of their cluster.
func (p *place) tellsItsName(pod *corev1.PodSpec) {
	pod.Containers[0].Args = append(pod.Containers[0].Args, "--cluster="+p.Name)
}

// exports creates a ServiceExport.
func (p *place) exports(name string) {
	p.story.Helper()
	p.makes(lab.Export(p.story.namespace, name))
}

// unexports deletes a ServiceExport.
func (p *place) unexports(name string) {
	p.story.Helper()
	p.removes(lab.Export(p.story.namespace, name))
}

// addresses returns addresses of the cluster's pod range that nobody has.
func (p *place) addresses(n int) []string {
	p.story.Helper()
	all, err := p.Spare(p.story.Context(), n)
	if err != nil {
		p.story.Fatal(err)
	}
	return all
}
