package membership

import (
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"
)

// Candidate is a cluster that wants to come in, as far as its own API tells.
type Candidate struct {
	// Cluster is the id that it is to have, UID that of its namespace kube-system.
	Cluster string
	UID     string
	// ClusterID and ClusterSet are its ClusterProperties of those names (KEP-2149); empty where it has none.
	ClusterID, ClusterSet string
	Kubernetes            string
	Region, Zone          string
}

// checkName refuses what is no cluster id (M2).
func checkName(cluster string) error {
	name, context, dotted := strings.Cut(cluster, ".")
	complaints := validation.IsDNS1123Label(name)
	if dotted {
		complaints = append(complaints, validation.IsDNS1123Label(context)...)
	}
	if len(complaints) == 0 && len(cluster) <= validation.LabelValueMaxLength {
		return nil
	}
	return &Refusal{
		What:   fmt.Sprintf("%q is no cluster id", cluster),
		Remedy: "use lower-case letters, digits and '-', as in west; one dot may divide two such words; at most 63 characters",
	}
}

// admit says whether a cluster may join. The hub's operator asks, so again, the wish to join anew although it is a member, is
// possible.
func admit(r *Roll, c Candidate, again bool) error {
	for _, check := range []func() error{
		func() error { return checkName(c.Cluster) },
		func() error { return checkHub(r) },
		func() error { return checkSet(r.ClusterSet, c) },
		func() error { return checkUID(r, c.Cluster, c.UID) },
		func() error { return checkTaken(r, c) },
		func() error { return checkAgain(r, c, again) },
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// checkHub refuses a hub that is not one, or whose version does not go with this one.
func checkHub(r *Roll) error {
	if r.ClusterSet == "" {
		return &Refusal{
			What:   fmt.Sprintf("%s is no hub", r.Context),
			Remedy: "fairlead hub install --context " + r.Context,
		}
	}
	return checkVersion(r.Version, r.Own)
}

// checkVersion refuses a hub and a fairlead that are more than one minor version apart.
func checkVersion(hub, own string) error {
	if compatible(hub, own) {
		return nil
	}
	return &Refusal{
		What:   fmt.Sprintf("the hub was installed by fairlead %s and this is %s: they go together when they are at most one minor version apart", hub, own),
		Remedy: "use a fairlead of the hub's version, or bring the hub up to this one: fairlead hub install --context HUB",
	}
}

// checkSet refuses a cluster that is in a clusterset, unless it is this one under the same id. Both properties are immutable during
// membership (KEP-2149).
func checkSet(set string, c Candidate) error {
	switch {
	case c.ClusterSet == "":
		return nil
	case c.ClusterSet != set:
		return &Refusal{
			What:   fmt.Sprintf("this cluster is a member of another clusterset, %s, and not of %s", c.ClusterSet, set),
			Remedy: fmt.Sprintf("let it leave that one first: fairlead leave %s there, or, where that hub is gone: fairlead uninstall --context CONTEXT", orWord(c.ClusterID)),
		}
	case c.ClusterID != "" && c.ClusterID != c.Cluster:
		return renamed(c.ClusterID, c.Cluster)
	}
	return nil
}

// checkUID refuses a cluster that is a member already under another id.
func checkUID(r *Roll, cluster, uid string) error {
	for _, s := range r.Members {
		if m := s.Member; m.Spec.ClusterUID == uid && uid != "" && m.Spec.Cluster != cluster {
			return renamed(m.Spec.Cluster, cluster)
		}
	}
	return nil
}

func renamed(is, wants string) error {
	return &Refusal{
		What:   fmt.Sprintf("this cluster is a member already, as %s: the id of a cluster does not change while it is a member", is),
		Remedy: fmt.Sprintf("join it as %s, or let it leave and come back as %s: fairlead leave %s", is, wants, is),
	}
}

// checkTaken refuses an id that another cluster has.
func checkTaken(r *Roll, c Candidate) error {
	m := r.member(c.Cluster)
	if m == nil || m.Spec.ClusterUID == "" || m.Spec.ClusterUID == c.UID {
		return nil
	}
	return &Refusal{
		What: fmt.Sprintf("another cluster is a member as %s: its namespace kube-system has the uid %s, and that of this one %s", c.Cluster, m.Spec.ClusterUID, c.UID),
		Remedy: fmt.Sprintf("choose another id; or, if that cluster is no more and this one takes its place: fairlead leave %s --hub-context %s --force",
			c.Cluster, r.Context),
	}
}

// checkAgain refuses to join a member anew that is there and well, unless that is asked for. One that never came up may go on where it
// ended.
func checkAgain(r *Roll, c Candidate, again bool) error {
	m := r.member(c.Cluster)
	switch {
	case m == nil:
		return nil
	case m.Spec.Leaving:
		return &Refusal{
			What:   fmt.Sprintf("%s is leaving", c.Cluster),
			Remedy: fmt.Sprintf("let it finish: fairlead leave %s --hub-context %s --force", c.Cluster, r.Context),
		}
	case again || m.Spec.Pending || m.Spec.ClusterUID == "" || m.Status.Marker.Sequence == 0:
		return nil
	}
	return &Refusal{
		What:   fmt.Sprintf("%s has joined already", c.Cluster),
		Remedy: "to install its agent anew and give it new credentials, add --again to the command",
	}
}

func unknownMember(r *Roll, cluster string) error {
	remedy := "fairlead join " + cluster + " --hub-context " + r.Context + " --context CONTEXT"
	if len(r.Members) > 0 {
		remedy = "the members are " + names(r)
	}
	return &Refusal{What: fmt.Sprintf("there is no member %q", cluster), Remedy: remedy}
}

func orWord(cluster string) string {
	if cluster == "" {
		return "CLUSTER"
	}
	return cluster
}
