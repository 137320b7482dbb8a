package membership

import (
	"fmt"
	"time"

	"fairlead.dev/fairlead/api/v1alpha1"
)

// approvable says whether a member that was invited may be let in: it has introduced itself, and is nobody else.
func approvable(r *Roll, cluster string) error {
	m := r.member(cluster)
	switch {
	case m == nil:
		return unknownMember(r, cluster)
	case m.Spec.Leaving:
		return &Refusal{What: cluster + " is leaving", Remedy: "invite it anew when it is gone: fairlead hub invite " + cluster}
	case !m.Spec.Pending:
		return &Refusal{What: cluster + " is approved already", Remedy: "fairlead clusters --context " + r.Context}
	case m.Status.ClusterUID == "":
		return &Refusal{
			What:   cluster + " has not introduced itself yet",
			Remedy: "let its operator run: fairlead join --invitation - --context CONTEXT; when the invitation has expired, fairlead hub invite " + cluster + " makes a new one",
		}
	}
	return checkUID(r, cluster, m.Status.ClusterUID)
}

// invitable says whether an id may be invited: nobody has it, or it was invited and not approved yet.
func invitable(r *Roll, cluster string) error {
	if err := checkName(cluster); err != nil {
		return err
	}
	if err := checkHub(r); err != nil {
		return err
	}
	if m := r.member(cluster); m != nil && (!m.Spec.Pending || m.Spec.Leaving) {
		return &Refusal{
			What:   cluster + " is a member already",
			Remedy: fmt.Sprintf("choose another id, or let it leave first: fairlead leave %s --hub-context %s", cluster, r.Context),
		}
	}
	return nil
}

// acceptable says whether a cluster may use an invitation. own is the Member that the invitation lets it see.
func acceptable(i Invitation, c Candidate, own *v1alpha1.Member, version string, now time.Time) error {
	if err := i.current(now); err != nil {
		return err
	}
	if err := checkVersion(i.Version, version); err != nil {
		return err
	}
	if err := checkSet(i.ClusterSet, c); err != nil {
		return err
	}
	for _, uid := range []string{own.Spec.ClusterUID, own.Status.ClusterUID} {
		if uid != "" && uid != c.UID {
			return &Refusal{
				What:   fmt.Sprintf("another cluster has used this invitation already: its namespace kube-system has the uid %s", uid),
				Remedy: "ask the hub's operator for an invitation of your own: fairlead hub invite ANOTHER-ID",
			}
		}
	}
	return nil
}
