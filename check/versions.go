package check

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/version"

	"fairlead.dev/fairlead/manifest"
)

// versions compares the versions of the cluster and the hub with the range that is known to work.
func versions(f *Facts) (all []Finding) {
	all = kubernetesAt(f.Cluster.Context, f.Cluster.Kubernetes)
	if f.Hub != nil && f.Hub.Context != f.Cluster.Context {
		all = append(all, kubernetesAt("the hub", f.Hub.Kubernetes)...)
	}
	return all
}

func kubernetesAt(where, text string) []Finding {
	if text == "" {
		return nil // told as unread
	}
	v, err := version.ParseGeneric(text)
	if err != nil {
		return one(WARN, "kubernetes", fmt.Sprintf("the version %q of %s is not understood", text, where), err.Error(), "")
	}
	known := manifest.OldestKubernetes + " to " + manifest.NewestKubernetes
	oldest, newest := version.MustParseGeneric(manifest.OldestKubernetes), version.MustParseGeneric(manifest.NewestKubernetes)
	switch minor := version.MajorMinor(v.Major(), v.Minor()); {
	case minor.LessThan(oldest):
		return one(FAIL, "kubernetes", fmt.Sprintf("%s is Kubernetes %s", where, text),
			"what is installed needs ValidatingAdmissionPolicies and CRD rules of "+known, "upgrade it to "+manifest.OldestKubernetes+" at least")
	case newest.LessThan(minor):
		return one(WARN, "kubernetes", fmt.Sprintf("%s is Kubernetes %s", where, text), "Fairlead was tried with "+known, "look for a newer Fairlead")
	}
	return good("kubernetes", fmt.Sprintf("%s is Kubernetes %s", where, text))
}

// crds tells whether the kinds of the Multi-Cluster Services API are of a version that Fairlead writes.
func crds(f *Facts) (all []Finding) {
	for _, c := range f.Cluster.CRDs {
		if slices.Contains(c.Served, "v1beta1") {
			continue
		}
		level, remedy := WARN, "fairlead join puts a newer one in its place, which serves v1alpha1 as well"
		if f.Cluster.Joined {
			level, remedy = FAIL, "put it back: fairlead manifest agent | kubectl --context "+f.Cluster.Context+" apply --server-side --force-conflicts -f -"
		}
		all = append(all, one(level, "crds", fmt.Sprintf("%s is served as %s only", c.Name, strings.Join(c.Served, ", ")), "Fairlead writes v1beta1", remedy)...)
	}
	switch {
	case len(all) > 0:
		return all
	case len(f.Cluster.CRDs) > 0:
		return good("crds", "the kinds of the Multi-Cluster Services API are served as v1beta1")
	case f.Cluster.Joined:
		return one(FAIL, "crds", "ServiceExport and ServiceImport are not served", "nothing can be exported, and what was imported stays as it was",
			"put them back: fairlead manifest agent | kubectl --context "+f.Cluster.Context+" apply --server-side -f -")
	}
	return good("crds", "ServiceExport and ServiceImport are not there yet; fairlead join brings them")
}
